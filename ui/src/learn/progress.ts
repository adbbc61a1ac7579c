// How far a learner is. Kept in this browser only.
import { useSyncExternalStore } from "react";

const KEY = "umbel.learn";

/** What was done in one lesson. */
export interface Done {
  /** Whether all its questions were answered rightly. */
  passed?: boolean;
  /** The option that was predicted. */
  predict?: string;
  /** Answers by question, as they were last checked. */
  answers: Record<string, string>;
  /** The last run of each step. */
  runs: Record<string, string>;
  /** Texts of the learner's own, by step. */
  texts: Record<string, string>;
}

type Progress = Readonly<Record<string, Done>>;

const NOTHING: Done = { answers: {}, runs: {}, texts: {} };
const listeners = new Set<() => void>();

function texts(value: unknown): Record<string, string> {
  const pairs = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(pairs.filter((each): each is [string, string] => typeof each[1] === "string"));
}

function read(): Progress {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, Partial<Done>>;
    const found: Record<string, Done> = {};
    for (const [slug, each] of Object.entries(kept)) {
      found[slug] = { answers: texts(each.answers), runs: texts(each.runs), texts: texts(each.texts), ...(each.passed === true ? { passed: true } : {}) };
      if (typeof each.predict === "string") found[slug].predict = each.predict;
    }
    return found;
  } catch {
    return {}; // storage is switched off, or holds something else
  }
}

let progress = read();

function write(next: Progress): void {
  progress = next;
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch {
    // It holds until the page is left.
  }
  for (const each of listeners) each();
}

/** Notes what was done in a lesson. */
export function note(slug: string, change: (done: Done) => Partial<Done>): void {
  const before = progress[slug] ?? NOTHING;
  write({ ...progress, [slug]: { ...before, ...change(before) } });
}

/** Forgets a lesson, or all of them. */
export function forget(slug?: string): void {
  const { [slug ?? ""]: _, ...rest } = progress;
  write(slug === undefined ? {} : rest);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useProgress(): Progress {
  return useSyncExternalStore(subscribe, () => progress);
}

export function useDone(slug: string): Done {
  return useProgress()[slug] ?? NOTHING;
}
