import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event as Told, Run } from "../api/generated.ts";
import { applyToRow, mergeHead } from "./merge.ts";

const at = (second: number) => `2026-01-01T00:00:${second}`;
const run = (id: string, created: number, some: Partial<Run> = {}): Run =>
  ({ id, state: "running", created_at: at(created), updated_at: "2026-01-01T00:01:00", tasks_total: 2, tasks_done: 0, retries: 0, ...some }) as Run;
const ids = (runs: readonly Run[] | null) => runs?.map((each) => each.id);

test("the newest page takes the place of what it covers, and older runs stay", () => {
  const known = [run("c", 30), run("b", 20), run("a", 10)];
  assert.deepEqual(ids(mergeHead(known, [run("d", 40), run("c", 30)], at(30))), ["d", "c", "b", "a"]);
});

test("a run that no longer fits the filter goes", () => {
  assert.deepEqual(ids(mergeHead([run("c", 30), run("b", 20), run("a", 10)], [run("c", 30), run("a", 10)], at(10))), ["c", "a"]);
  assert.deepEqual(ids(mergeHead([run("c", 30)], [], null)), []);
});

test("a newest page that does not meet what is known says so", () => {
  assert.equal(mergeHead([run("a", 10)], [run("z", 59), run("y", 58)], at(58)), null);
});

test("a text that was looked for only so far says nothing of what is older", () => {
  assert.deepEqual(ids(mergeHead([run("c", 30), run("a", 10)], [], at(20), true)), ["a"]);
});

test("an event older than the row is in it already", () => {
  const row = run("a", 10);
  const event = (at: string, type: string, state: string | null = null) => ({ id: 1, run_id: "a", type, at, task: null, attempt: null, state, data: {} }) as Told;
  assert.equal(applyToRow(row, event("2026-01-01T00:00:59", "task.succeeded")), row);
  assert.equal(applyToRow(row, event("2026-01-01T00:01:01", "task.succeeded")).tasks_done, 1);
  const paused = applyToRow(row, event("2026-01-01T00:01:01", "run.paused", "running"));
  assert.deepEqual([paused.paused, applyToRow(paused, event("2026-01-01T00:01:02", "run.resumed", "running")).paused], [true, false]);
  const over = applyToRow(row, event("2026-01-01T00:01:01", "run.succeeded", "success"));
  assert.deepEqual([over.state, over.tasks_done, over.finished_at], ["success", 2, "2026-01-01T00:01:01"]);
  assert.equal(applyToRow(over, event("2026-01-01T00:01:02", "run.canceled", "canceled")).state, "success");
});
