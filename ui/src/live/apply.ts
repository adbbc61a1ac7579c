// What one event changes in the picture of a run, so that the page shows it before the server is asked again.
import type { AttemptView, Event as Told, RunDetail, RunState, TaskState, TaskView } from "../api/generated.ts";

type Outcome = AttemptView["outcome"];

const DONE: ReadonlySet<TaskState> = new Set(["success", "error", "skipped", "canceled", "upstream_failed"]);

export function isDone(state: TaskState): boolean {
  return DONE.has(state);
}

export function isOver(state: RunState): boolean {
  return state === "success" || state === "error" || state === "canceled";
}

const ENDS: Partial<Record<string, Outcome>> = {
  "task.succeeded": "success",
  "task.failed": "error",
  "task.retrying": "retrying",
  "task.skipped": "skipped",
  "task.lost": "lost",
  "task.expanded": "expanded",
  "task.spawned": "expanded",
  "task.asked": "asked",
};

/** The run after `events`, in order; the same object if they are old or change nothing that is shown. */
export function apply(run: RunDetail, events: readonly Told[]): RunDetail {
  const news = events.filter((event) => event.run_id === run.id && event.id > run.last_event && event.type !== "task.log");
  if (!news.length) return run;
  const next: RunDetail = { ...run, tasks: run.tasks.slice() };
  const places = new Map(run.tasks.map((task, place) => [task.key, place]));
  for (const event of news) one(next, event, places);
  next.tasks_done = next.tasks.filter((task) => !task.hook && (task.state === "success" || task.state === "error" || task.state === "skipped")).length;
  return next;
}

/** Changes `run`, which is the caller's own copy. */
function one(run: RunDetail, event: Told, places: ReadonlyMap<string, number>): void {
  const change = (key: unknown, edit: (task: TaskView) => TaskView): void => {
    const place = places.get(key as string);
    const task = place === undefined ? undefined : run.tasks[place];
    if (place !== undefined && task) run.tasks[place] = edit(task);
  };
  const changeAll = (keys: unknown, edit: (task: TaskView) => TaskView): void => {
    if (Array.isArray(keys)) for (const key of keys) change(key, (task) => (isDone(task.state) ? task : edit(task)));
  };

  if (event.type.startsWith("task.")) change(event.task, (task) => ofTask(task, event));
  changeAll(event.data?.released, (task) => ({ ...task, state: "queued", queued_at: event.at }));
  changeAll(event.data?.skipped, (task) => ({ ...task, state: "skipped" }));
  changeAll(event.data?.blocked, (task) => ({ ...task, state: "upstream_failed" }));

  run.last_event = event.id;
  run.updated_at = event.at;
  if (event.type === "task.started") {
    if (run.state === "pending") run.state = "running";
    run.started_at ??= event.at;
  }
  if (event.type === "task.retrying") run.retries += 1;
  if (event.type === "run.settled") run.settled = true;
  if (event.type === "run.paused") run.paused = true;
  if (event.type === "run.resumed") run.paused = false;
  if (event.type === "run.stopped") run.stopped = true;
  if (event.type.startsWith("run.") && event.state && !isOver(run.state)) {
    run.state = event.state as RunState;
    if (isOver(run.state)) run.finished_at = event.at;
    if (run.state === "canceled") {
      run.tasks = run.tasks.map((task) => (isDone(task.state) ? task : { ...task, state: "canceled" }));
    }
  }
}

function ofTask(task: TaskView, event: Told): TaskView {
  const data = event.data ?? {};
  const attempts = task.attempts.slice();
  const place = attempts.findLastIndex((each) => each.attempt === event.attempt);
  const next: TaskView = { ...task, attempts };
  if (event.state) next.state = event.state as TaskState;
  if (event.type === "task.started") {
    next.started_at ??= event.at;
    next.due_at = null;
    if (place < 0) attempts.push(begun(task, event));
  } else if (event.type === "task.queued") {
    next.queued_at = event.at;
    next.due_at = null;
  } else if (ENDS[event.type] && place >= 0) {
    const attempt = attempts[place] as AttemptView;
    const due = typeof data.due === "number" ? new Date(data.due).toISOString() : null;
    attempts[place] = {
      ...attempt,
      outcome: ENDS[event.type] as Outcome,
      finished_at: event.at,
      countdown: typeof data.countdown === "number" ? data.countdown : null,
      due_at: due,
      error: typeof data.exception === "string" ? { type: text(data.type), message: data.exception, traceback: null } : null,
    };
    if (event.type === "task.retrying" || event.type === "task.asked") next.due_at = due;
    if (event.type === "task.spawned") next.run = text(data.run);
  }
  if (event.state && isDone(next.state)) next.finished_at = event.at;
  return next;
}

function begun(task: TaskView, event: Told): AttemptView {
  const data = event.data ?? {};
  return {
    attempt: event.attempt ?? task.attempts.length + 1,
    epoch: typeof data.epoch === "number" ? data.epoch : 1,
    outcome: "running",
    worker: text(data.worker),
    pid: typeof data.pid === "number" ? data.pid : null,
    queued_at: typeof data.queued_at === "number" ? new Date(data.queued_at).toISOString() : task.queued_at,
    started_at: event.at,
    finished_at: null,
    error: null,
    countdown: null,
    due_at: null,
    late_outcome: null,
  };
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
