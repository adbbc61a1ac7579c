// What the timeline draws: for each task its waits and its attempts.
import type { AttemptView, RunDetail, TaskView } from "../api/generated.ts";
import { exact, ms } from "../lib/time.ts";
import { look } from "../parts/states.ts";

export interface Span {
  /** `within`: its items, or the run that it started, go on; `ask`: a person is waited for. */
  kind: "queue" | "run" | "pause" | "within" | "ask";
  outcome: AttemptView["outcome"];
  attempt: number;
  from: number;
  to: number;
  title: string;
}

const clock = (at: number) => exact(at).slice(11, 23);
const seconds = (value: number) => `${(value / 1000).toFixed(value < 9995 ? 2 : 1)} s`;

/** The spans of one task up to `now`, in order. */
export function spans(task: TaskView, now: number): Span[] {
  const found: Span[] = [];
  const add = (span: Omit<Span, "title">, what: string) => {
    if (span.to >= span.from) found.push({ ...span, title: `${task.key}, attempt ${span.attempt}: ${what} ${seconds(span.to - span.from)}, ${clock(span.from)} to ${clock(span.to)}` });
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
    if (outcome === "expanded" || outcome === "asked") {
      const done = ms(next?.started_at) ?? ms(task.finished_at) ?? (task.state === "expanded" || task.state === "awaiting_input" ? now : end);
      if (outcome === "asked") add({ kind: "ask", outcome, attempt, from: end, to: done }, "waits for a person for");
      else add({ kind: "within", outcome, attempt, from: end, to: done }, task.items ? `${itemsTold(task)}, for` : "its run goes on for");
    }
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

/** The items of a map in few words. */
export function itemsTold(task: TaskView): string {
  const counts = Object.entries(task.items?.states ?? {}).map(([state, count]) => `${count} ${look(state).word}`);
  return `${task.items?.total ?? 0} items${counts.length ? `: ${counts.join(", ")}` : ""}`;
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
