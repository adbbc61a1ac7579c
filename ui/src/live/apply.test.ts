import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event as Told, RunDetail, TaskView } from "../api/generated.ts";
import { apply } from "./apply.ts";

const at = (second: number) => new Date(second * 1000).toISOString();
const task = (key: string, some: Partial<TaskView> = {}): TaskView =>
  ({ key, state: "waiting", attempts: [], needs: [], hook: null, queued_at: null, started_at: null, finished_at: null, due_at: null, ...some }) as unknown as TaskView;
const run = (...tasks: TaskView[]): RunDetail =>
  ({ id: "r", state: "pending", settled: false, tasks, tasks_done: 0, retries: 0, last_event: 1, started_at: null, finished_at: null, updated_at: at(0) }) as unknown as RunDetail;
let id = 1;
const event = (type: string, some: Partial<Told> = {}): Told => ({ id: ++id, run_id: "r", type, at: at(id), task: null, attempt: null, state: null, data: {}, ...some });

test("a task starts, is tried again, succeeds, and releases the next", () => {
  id = 1;
  const found = apply(run(task("A", { state: "queued" }), task("B")), [
    event("task.started", { task: "A", attempt: 1, state: "running", data: { worker: "w", pid: 7, queued_at: 1000 } }),
    event("task.retrying", { task: "A", attempt: 1, state: "retrying", data: { countdown: 2, due: 5000, exception: "boom", type: "E" } }),
    event("task.queued", { task: "A", state: "queued" }),
    event("task.started", { task: "A", attempt: 2, state: "running" }),
    event("task.succeeded", { task: "A", attempt: 2, state: "success", data: { released: ["B"] } }),
  ]);
  assert.equal(found.state, "running");
  assert.deepEqual(found.tasks[0]?.attempts.map((each) => each.outcome), ["retrying", "success"]);
  assert.equal(found.tasks[0]?.attempts[0]?.error?.message, "boom");
  assert.deepEqual(found.tasks.map((each) => each.state), ["success", "queued"]);
  assert.deepEqual([found.tasks_done, found.retries, found.last_event], [1, 1, 6]);
});

test("a failure blocks what needs it and ends the run; a cancel ends what had not finished", () => {
  id = 1;
  const failed = apply(run(task("A", { state: "running" }), task("B")), [
    event("task.failed", { task: "A", attempt: 1, state: "error", data: { blocked: ["B"] } }),
    event("run.failed", { state: "error", data: { task: "A" } }),
    event("run.settled"),
  ]);
  assert.deepEqual([failed.state, failed.settled, failed.tasks[1]?.state], ["error", true, "upstream_failed"]);
  const canceled = apply(run(task("A", { state: "success" }), task("B", { state: "running" })), [event("run.canceled", { id: 9, state: "canceled" })]);
  assert.deepEqual(canceled.tasks.map((each) => each.state), ["success", "canceled"]);
});

test("what is old, or of another run, changes nothing", () => {
  const before = run(task("A"));
  assert.equal(apply(before, [event("task.started", { id: 1, task: "A" }), event("run.canceled", { id: 5, run_id: "other" })]), before);
});
