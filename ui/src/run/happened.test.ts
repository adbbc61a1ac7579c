import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event as Told } from "../api/generated.ts";
import { about, words } from "./happened.ts";

const event = (type: string, task: string | null, data: Record<string, unknown>) => ({ id: 1, run_id: "r", type, at: "", task, attempt: 1, state: null, data }) as Told;

test("an event is about its task and those that it names", () => {
  assert.deepEqual(about(event("task.succeeded", "A", { released: ["B", "C"], size: 3 })), ["A", "B", "C"]);
  assert.deepEqual(about(event("run.failed", null, { task: "B" })), ["B"]);
});

test("an event in words", () => {
  assert.equal(words(event("task.succeeded", "A", { released: ["B", "C"] })), "queues B, C");
  assert.equal(words(event("task.retrying", "A", { exception: "no", type: "ValueError", countdown: 2, due: 5 })), "ValueError: no · again in 2 s");
  assert.equal(words(event("task.started", "A", { worker: "w@h", pid: 7, epoch: 1 })), "w@h, process 7");
  assert.equal(words(event("task.log", "A", { count: 1 })), "1 line");
  assert.equal(words(event("task.blocked", "A", { blocked: ["1", "2", "3", "4", "5"] })), "blocks 1, 2, 3, 4 and 1 more");
  assert.equal(words(event("run.canceled", null, { by: "anna" })), '{"by":"anna"}');
});
