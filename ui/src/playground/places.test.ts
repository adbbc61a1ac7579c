import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type JsonSchema, offers, placeOf, taskKeys } from "./places.ts";

const SCHEMA = JSON.parse(readFileSync(new URL("../../../docs/reference/workflows.schema.json", import.meta.url), "utf8")) as JsonSchema;

/** What is offered at the mark | of a text. */
function at(text: string): string[] {
  const before = text.slice(0, text.indexOf("|"));
  const place = placeOf(before);
  if (!place) return [];
  const keys = taskKeys(text.replace("|", ""), before.split("\n").length - 1);
  return offers(SCHEMA, place, { tasks: ["FETCH", "STORE"], queues: ["gpu"], keys }).map((each) => each.label);
}

test("keys of a definition, of a task, of what is nested in it", () => {
  assert.ok(at("a.B:\n  |").includes("tasks"));
  assert.ok(at("a.B:\n  tasks: [A]\n  de|").includes("description"));
  const task = at("a.B:\n  tasks:\n    x:\n      |");
  assert.ok(task.includes("needs") && task.includes("retry") && !task.includes("tasks.x"));
  assert.ok(at("a.B:\n  tasks:\n    x: {task: FETCH, |").includes("needs"));
  assert.ok(at("a.B:\n  tasks:\n    x:\n      retry:\n        |").includes("max_attempts"));
  assert.ok(!at("a.B:\n  tasks:\n    x:\n      retry:\n        |").includes("needs"));
});

test("names of tasks and queues where they are called", () => {
  assert.deepEqual(at("a.B:\n  tasks:\n    x: {task: |"), ["FETCH", "STORE"]);
  assert.deepEqual(at("a.B:\n  tasks:\n    x:\n      task: F|"), ["FETCH", "STORE"]);
  assert.ok(at("a.B:\n  tasks: [FETCH, |").includes("STORE"));
  assert.ok(at("a.B:\n  tasks:\n    - |").includes("FETCH"));
  assert.ok(at("a.B:\n  tasks:\n  - |").includes("FETCH"));
  assert.ok(at("a.B:\n  tasks: [A]\n  queue: |").includes("gpu"));
});

test("keys of the definition's own tasks in needs", () => {
  const text = "a.A:\n  tasks: {no: {task: A}}\na.B:\n  tasks:\n    x: {task: FETCH}\n    y: {task: STORE, needs: [|]}\n";
  assert.deepEqual(at(text), ["x", "y"]);
  assert.deepEqual(at("a.B:\n  tasks:\n    x:\n      task: A\n    y:\n      needs:\n        - |"), ["x", "y"]);
  assert.deepEqual(at("a.B:\n  tasks: {one: {task: A}, two: {task: B, needs: [|]}}"), ["one", "two"]);
});

test("words, and nothing in a comment or a text", () => {
  assert.deepEqual(at("a.B:\n  engine: |").sort(), ["canvas", "relay"]);
  assert.ok(at("a.B:\n  tasks:\n    x: {task: A, run_if: |").includes("all_done"));
  assert.deepEqual(at("a.B:\n  # |"), []);
  assert.deepEqual(at('a.B:\n  description: "it |'), []);
});
