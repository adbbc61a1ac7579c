// The list of runs, kept up to date without fetching it all again.
import type { Event as Told, Run, RunState } from "../api/generated.ts";

/** A run of the list after an event. Events older than what is known of the run are in it already. */
export function applyToRow(run: Run, event: Told): Run {
  if (event.at <= run.updated_at || event.type === "task.log") return run;
  const next = { ...run, updated_at: event.at };
  if (event.type === "run.paused" || event.type === "run.resumed") next.paused = event.type === "run.paused";
  const over = run.state === "success" || run.state === "error" || run.state === "canceled";
  if (event.type.startsWith("run.") && event.state && !over) {
    next.state = event.state as RunState;
    if (next.state !== "pending" && next.state !== "running") next.finished_at = event.at;
    if (next.state === "success") next.tasks_done = next.tasks_total;
  } else if (event.type === "task.started" && !over) {
    next.state = "running";
    next.started_at ??= event.at;
  } else if (event.type === "task.retrying") next.retries += 1;
  else if ((event.type === "task.succeeded" || event.type === "task.skipped") && !over) {
    next.tasks_done = Math.min(next.tasks_total, next.tasks_done + 1);
  }
  return next;
}

/**
 * The list after its newest page was fetched again.
 * @param known what is shown, newest first
 * @param head the newest page
 * @param down how far back the newest page goes (an instant); null if it is all there is
 * @param meets whether the two are known to meet
 * @returns null if the two do not meet: more is new than one page holds
 */
export function mergeHead(known: readonly Run[], head: readonly Run[], down: string | null, meets = false): Run[] | null {
  if (down === null || !known.length) return [...head];
  const fresh = new Set(head.map((run) => run.id));
  if (!meets && !known.some((run) => fresh.has(run.id))) return null;
  return [...head, ...known.filter((run) => !fresh.has(run.id) && run.created_at <= down)];
}
