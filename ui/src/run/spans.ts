// What the timeline draws: for each task its waits and its attempts.
import type { AttemptView, RunDetail, TaskView } from "../api/generated.ts";
import { ms } from "../lib/time.ts";

export interface Span {
  kind: "queue" | "run" | "pause";
  outcome: AttemptView["outcome"];
  attempt: number;
  from: number;
  to: number;
  title: string;
}

const seconds = (value: number) => `${(value / 1000).toFixed(value < 9995 ? 2 : 1)} s`;

/** The spans of one task up to `now`, in order. */
export function spans(task: TaskView, now: number): Span[] {
  const found: Span[] = [];
  const add = (span: Omit<Span, "title">, what: string) => {
    if (span.to >= span.from) found.push({ ...span, title: `${task.key}, attempt ${span.attempt}: ${what} ${seconds(span.to - span.from)}` });
  };
  task.attempts.forEach((each, place) => {
    const { attempt, outcome } = each;
    const start = ms(each.started_at);
    const queued = ms(each.queued_at);
    if (queued !== null && start !== null) add({ kind: "queue", outcome, attempt, from: queued, to: start }, "in queue for");
    if (start === null) return;
    const end = ms(each.finished_at) ?? (outcome === "running" ? now : start);
    add({ kind: "run", outcome, attempt, from: start, to: end }, outcome === "running" ? "running for" : `${outcome} after`);
    const next = task.attempts[place + 1];
    const due = ms(each.due_at);
    if (outcome === "retrying" && due !== null) {
      const until = next ? Math.min(due, ms(next.started_at) ?? due) : task.state === "retrying" ? Math.min(due, Math.max(now, end)) : Math.min(due, ms(task.finished_at) ?? due);
      add({ kind: "pause", outcome, attempt, from: end, to: until }, "waits for its retry for");
    }
  });
  const queued = ms(task.queued_at);
  if (task.state === "queued" && queued !== null) add({ kind: "queue", outcome: "running", attempt: task.attempts.length + 1, from: queued, to: now }, "in queue for");
  return found;
}

/** From when to when a run goes; at least a tenth of a second. */
export function reach(run: RunDetail, now: number): [number, number] {
  const from = ms(run.created_at) ?? now;
  let to = ms(run.finished_at) ?? now;
  for (const task of run.tasks) {
    const end = ms(task.finished_at);
    if (end !== null && end > to) to = end;
  }
  return [from, Math.max(to, from + 100)];
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];

/** Round places of an axis from `from` to `to` (ms after its zero), about `wanted` of them. */
export function ticks(from: number, to: number, wanted: number): number[] {
  const rough = (to - from) / wanted;
  const step = STEPS.find((each) => each >= rough) ?? 86_400_000 * Math.ceil(rough / 86_400_000);
  const found: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}
