// The records of a run, indexed for showing: what is inside which script, what each lane holds after each step,
// how each key changed.
import type { KeyChange, Lane, TraceRecord } from "./types.ts";

export const LANES: readonly { id: Lane; name: string; short: string }[] = [
  { id: "producer", name: "Producer", short: "Producer" },
  { id: "broker", name: "Broker", short: "Broker" },
  { id: "worker", name: "Workers", short: "Workers" },
  { id: "state", name: "State store", short: "Store" },
  { id: "model", name: "Model service", short: "Model" },
];

/** What is shown of it: all, or one sort. */
export type Sort = "messages" | "commands" | "events" | "calls";
export const SORTS: readonly { id: Sort; text: string }[] = [
  { id: "messages", text: "Messages" },
  { id: "commands", text: "Commands" },
  { id: "events", text: "State changes" },
  { id: "calls", text: "Model calls" },
];

export function sortOf(record: TraceRecord): Sort {
  if (record.kind === "command") return "commands";
  if (record.kind === "event") return "events";
  return record.kind === "call" ? "calls" : "messages";
}

/** Messages, commands and so on, counted. */
export interface Counts {
  /** Messages that were published. */
  messages: number;
  /** Bytes of those, as the broker stores them. */
  bytes: number;
  delivered: number;
  /** Published, and not yet with a worker. */
  waiting: number;
  /** With a worker, and not yet acknowledged. */
  unacked: number;
  /** Commands that a client sent: each is a round trip, or a part of one. */
  commands: number;
  /** Commands that scripts did within the store. */
  inner: number;
  events: number;
  calls: number;
  /** Keys that were touched and are still there. */
  keys: number;
}

/** One change of a key, and the step that made it. */
export interface Turn {
  n: number;
  change: KeyChange;
}

export interface Film {
  records: readonly TraceRecord[];
  /** Place of a step in `records`, by its number. */
  places: ReadonlyMap<number, number>;
  /** Numbers of the commands within a script, by the number of the step that ran it. */
  inside: ReadonlyMap<number, readonly number[]>;
  /** The step that ran the script, by the number of a command within it. */
  outer: ReadonlyMap<number, number>;
  /** What there is after each step, in the order of `records`. */
  after: readonly Counts[];
  turns: ReadonlyMap<string, readonly Turn[]>;
  /** Tasks in the order in which they turn up. */
  tasks: readonly string[];
  sorts: Readonly<Record<Sort, number>>;
}

const NOTHING: Counts = { messages: 0, bytes: 0, delivered: 0, waiting: 0, unacked: 0, commands: 0, inner: 0, events: 0, calls: 0, keys: 0 };

/** Whether a command was done by a script within the store. */
export const isInner = (record: TraceRecord): boolean => record.command?.client === "lua";

const runsScript = (record: TraceRecord): boolean => /^(EVAL|EVALSHA|FCALL)(_RO)?$/.test(record.command?.name ?? "");

/** @param records in order */
export function film(records: readonly TraceRecord[]): Film {
  const places = new Map<number, number>();
  const inside = new Map<number, number[]>();
  const outer = new Map<number, number>();
  const turns = new Map<string, Turn[]>();
  const there = new Set<string>();
  const messages = new Map<string, "waiting" | "unacked">();
  const tasks = new Set<string>();
  const sorts: Record<Sort, number> = { messages: 0, commands: 0, events: 0, calls: 0 };
  const after: Counts[] = [];
  const move = (counts: Counts, record: TraceRecord, where: "waiting" | "unacked" | null) => {
    const id = record.message?.id;
    if (!id) return;
    const before = messages.get(id);
    if (before) counts[before] -= 1;
    if (where) counts[where] += 1;
    where ? messages.set(id, where) : messages.delete(id);
  };
  let now = NOTHING;
  let script: number | null = null;
  records.forEach((record, place) => {
    places.set(record.n, place);
    if (record.task) tasks.add(record.task);
    sorts[sortOf(record)] += 1;
    now = { ...now };
    if (record.command) {
      // A script is atomic: what it does follows it at once, whatever else was recorded in between.
      if (!isInner(record)) {
        script = runsScript(record) ? record.n : null;
        if (script !== null) inside.set(script, []);
      } else if (script !== null) {
        inside.get(script)?.push(record.n);
        outer.set(record.n, script);
      }
      isInner(record) ? (now.inner += 1) : (now.commands += 1);
    }
    if (record.kind === "published") {
      now.messages += 1;
      now.bytes += record.message?.bytes ?? 0;
      move(now, record, "waiting");
    } else if (record.kind === "delivered") {
      now.delivered += 1;
      move(now, record, "unacked");
    } else if (record.kind === "acknowledged" || record.kind === "rejected") move(now, record, null);
    else if (record.kind === "event") now.events += 1;
    else if (record.kind === "call") now.calls += 1;
    for (const change of record.keys) {
      const known = turns.get(change.key);
      known ? known.push({ n: record.n, change }) : turns.set(change.key, [{ n: record.n, change }]);
      change.type === "none" ? there.delete(change.key) : there.add(change.key);
    }
    now.keys = there.size;
    after.push(now);
  });
  return { records, places, inside, outer, after, turns, tasks: [...tasks], sorts };
}

/** What there is at the end. */
export const total = (shown: Film): Counts => shown.after.at(-1) ?? NOTHING;

/** What there is after step `n`; nothing before the first. */
export function countsAt(shown: Film, n: number): Counts {
  const place = shown.places.get(n);
  return (place === undefined ? undefined : shown.after[place]) ?? NOTHING;
}

/** The last change of a key up to step `n`, and its place among them; -1 if there is none yet. */
export function turnAt(turns: readonly Turn[], n: number): number {
  let low = 0;
  let high = turns.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    (turns[middle]?.n ?? 0) <= n ? (low = middle + 1) : (high = middle);
  }
  return low - 1;
}

export interface Choice {
  sort: Sort | null;
  task: string | null;
  /** Show what scripts do, too. */
  inner: boolean;
  /** Scripts that are shown unfolded, by number. */
  open: ReadonlySet<number>;
}

/** A line of the lanes: the heading of a phase, or a step. */
export type Line =
  | { type: "phase"; phase: string; n: number; steps: number; us: number }
  | { type: "step"; record: TraceRecord; inside: number; nested: boolean };

/** The lines that are to be seen. */
export function lines(shown: Film, choice: Choice): Line[] {
  const found: Line[] = [];
  let phase: Extract<Line, { type: "phase" }> | null = null;
  for (const record of shown.records) {
    if (choice.sort && sortOf(record) !== choice.sort) continue;
    const outer = shown.outer.get(record.n);
    if (choice.task && record.task !== choice.task) {
      const from = outer === undefined ? undefined : shown.records[shown.places.get(outer) ?? -1];
      if (from?.task !== choice.task) continue;
    }
    const nested = isInner(record);
    if (nested && !choice.inner && (outer === undefined || !choice.open.has(outer))) continue;
    if (!phase || (phase.phase !== record.phase && !nested)) found.push((phase = { type: "phase", phase: record.phase, n: record.n, steps: 0, us: record.us }));
    phase.steps += 1;
    found.push({ type: "step", record, inside: shown.inside.get(record.n)?.length ?? 0, nested });
  }
  return found;
}

/** Totals of one phase, wherever it stands. */
export interface PhaseSum {
  phase: string;
  first: number;
  messages: number;
  bytes: number;
  commands: number;
  inner: number;
}

/** What each phase cost, in the order in which they begin. */
export function phaseSums(shown: Film): PhaseSum[] {
  const sums = new Map<string, PhaseSum>();
  for (const record of shown.records) {
    let sum = sums.get(record.phase);
    if (!sum) sums.set(record.phase, (sum = { phase: record.phase, first: record.n, messages: 0, bytes: 0, commands: 0, inner: 0 }));
    if (record.kind === "published") {
      sum.messages += 1;
      sum.bytes += record.message?.bytes ?? 0;
    }
    if (record.command) isInner(record) ? (sum.inner += 1) : (sum.commands += 1);
  }
  return [...sums.values()];
}
