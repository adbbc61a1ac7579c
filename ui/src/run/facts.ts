// What is said about a task in few words.
import type { AttemptView, TaskView } from "../api/generated.ts";
import { duration, ms } from "../lib/time.ts";
import { look } from "../parts/states.ts";

/** Milliseconds that an attempt ran, until `now` while it does. */
export function ran(attempt: AttemptView, now: number): number | null {
  const start = ms(attempt.started_at);
  if (start === null) return null;
  const end = ms(attempt.finished_at) ?? (attempt.outcome === "running" ? now : null);
  return end === null ? null : Math.max(0, end - start);
}

/** Milliseconds from its release to the start of the attempt. */
export function queued(attempt: AttemptView): number | null {
  const from = ms(attempt.queued_at);
  const to = ms(attempt.started_at);
  return from === null || to === null ? null : Math.max(0, to - from);
}

/** Milliseconds from the first start of a task to its end. */
export function lasted(task: TaskView, now: number): number | null {
  const start = ms(task.started_at);
  if (start === null) return null;
  const end = ms(task.finished_at) ?? (["running", "retrying", "expanded", "awaiting_input"].includes(task.state) ? now : null);
  return end === null ? null : Math.max(0, end - start);
}

/** A task in one sentence, for those who hear the page. */
export function spoken(task: TaskView): string {
  const tries = task.attempts.length > 1 ? `, ${task.attempts.length} attempts` : "";
  const start = ms(task.started_at);
  const end = ms(task.finished_at);
  const length = start !== null && end !== null ? `, ${duration(end - start)}` : "";
  return `${task.key}: ${look(task.state).word}${length}${tries}`;
}
