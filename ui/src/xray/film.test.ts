import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, diff } from "./diff.ts";
import { bytesOf, carried, countLater, shares } from "./embed.ts";
import { countsAt, film, lines, phaseSums, total, turnAt } from "./film.ts";
import type { KeyChange, TraceCommand, TraceMessage, TraceRecord } from "./types.ts";
import { nearest } from "./usePlayer.ts";
import { joined } from "./useTrace.ts";

const record = (n: number, some: Partial<TraceRecord>): TraceRecord => ({
  n, at: "2026-01-01T00:00:00Z", us: n * 10, kind: "event", source: "state", target: "state", who: "server 1", task: null, attempt: null, says: `step ${n}`, phase: "launch", message: null, command: null, keys: [], event: null, call: null, ...some,
});
const message = (id: string, bytes = 100): TraceMessage => ({ id, name: "A", queue: "celery", bytes, body_bytes: 10, headers: {}, properties: {}, body: null, raw: "", fields: [], published: null });
const command = (name: string, client = "127.0.0.1:5", script: string | null = null): TraceCommand => ({ name, args: [], db: 0, client, script, means: "" });
const key = (name: string, type: KeyChange["type"], value: unknown): KeyChange => ({ key: name, type, value, whose: "queue" });

const RUN = film([
  record(1, { kind: "published", message: message("a", 300), task: "A" }),
  record(2, { kind: "command", command: command("EVALSHA", "127.0.0.1:5", "claim"), task: "A", phase: "A" }),
  record(3, { kind: "delivered", message: message("a"), task: "A", phase: "A" }),
  record(4, { kind: "command", command: command("HSET", "lua", "claim"), keys: [key("k", "hash", { state: "running" })], phase: "A" }),
  record(5, { kind: "command", command: command("DEL", "lua", "claim"), keys: [key("k", "none", null)], phase: "A" }),
  record(6, { kind: "command", command: command("GET"), task: "B", phase: "A" }),
  record(7, { kind: "acknowledged", message: message("a"), task: "A", phase: "end" }),
]);

test("what each lane holds is known after every step", () => {
  assert.deepEqual([1, 3, 7].map((n) => [countsAt(RUN, n).waiting, countsAt(RUN, n).unacked]), [[1, 0], [0, 1], [0, 0]]);
  assert.deepEqual([3, 4, 5].map((n) => countsAt(RUN, n).keys), [0, 1, 0]);
  assert.deepEqual(total(RUN), { messages: 1, bytes: 300, delivered: 1, waiting: 0, unacked: 0, commands: 2, inner: 2, events: 0, calls: 0, keys: 0 });
});

test("a message that is delivered again is with a worker once", () => {
  const twice = film([1, 2, 3].map((n) => record(n, { kind: n === 1 ? "published" : "delivered", message: message("a") })));
  assert.deepEqual([total(twice).waiting, total(twice).unacked, total(twice).delivered], [0, 1, 2]);
});

test("what a script does is inside of it, whatever was recorded in between", () => {
  assert.deepEqual(RUN.inside.get(2), [4, 5]);
  assert.equal(RUN.outer.get(5), 2);
  const shown = (choice: Partial<Parameters<typeof lines>[1]>) => lines(RUN, { sort: null, task: null, inner: false, open: new Set(), ...choice }).map((line) => (line.type === "phase" ? line.phase : line.record.n));
  assert.deepEqual(shown({}), ["launch", 1, "A", 2, 3, 6, "end", 7]);
  assert.deepEqual(shown({ open: new Set([2]) }), ["launch", 1, "A", 2, 3, 4, 5, 6, "end", 7]);
  assert.deepEqual(shown({ sort: "messages" }), ["launch", 1, "A", 3, "end", 7]);
  assert.deepEqual(shown({ task: "A", inner: true, sort: "commands" }), ["A", 2, 4, 5]);
  assert.deepEqual(phaseSums(RUN).map((sum) => [sum.phase, sum.messages, sum.commands, sum.inner]), [["launch", 1, 0, 0], ["A", 0, 2, 2], ["end", 0, 0, 0]]);
});

test("the value of a key at a step is its last change until then", () => {
  const turns = [2, 5, 9].map((n) => ({ n, change: key("k", "string", String(n)) }));
  assert.deepEqual([1, 2, 4, 5, 100].map((n) => turnAt(turns, n)), [-1, 0, 0, 1, 2]);
  assert.deepEqual([1, 2, 4, 9].map((n) => nearest([2, 5, 9], n)), [0, 0, 0, 2]);
});

test("a change shows what is new, gone and changed, by the type of the key", () => {
  const says = (before: KeyChange | null, now: KeyChange) => diff(before, now).map((part) => `${part.how} ${part.name ?? "-"} ${part.before ?? ""}>${part.value}`);
  assert.deepEqual(says(key("k", "hash", { a: 1, b: 2 }), key("k", "hash", { a: 1, b: 3, c: "x" })), ["kept a >1", "changed b 2>3", "new c >x"]);
  assert.deepEqual(says(key("k", "list", ["x", "y"]), key("k", "list", ["new", "x"])), ["gone 0 >x", "gone 1 >y", "new 0 >new", "new 1 >x"]);
  assert.deepEqual(says(key("k", "list", ["x", "y"]), key("k", "list", ["n", "x", "y"])), ["new 0 >n", "kept 1 >x", "kept 2 >y"]);
  assert.deepEqual(says(key("k", "zset", [["m", 0]]), key("k", "zset", [["m", 0], ["o", 1]])), ["kept m >0", "new o >1"]);
  assert.deepEqual(says(null, key("k", "string", "2")), ["new - >2"]);
  assert.deepEqual(says(key("k", "string", "1"), key("k", "string", "2")), ["changed - 1>2"]);
  assert.deepEqual(says(key("k", "set", ["a"]), key("k", "none", null)), ["gone a >"]);
  assert.equal(counted(diff(key("k", "hash", { a: 1 }), key("k", "hash", { b: 1 }))), "1 new, 1 gone");
});

const signature = (task: string, some: object = {}) => ({ task, args: [], kwargs: {}, options: { task_id: task }, subtask_type: null, immutable: false, ...some });
const CHORD = signature("celery.chord", {
  subtask_type: "chord",
  kwargs: { header: signature("celery.group", { subtask_type: "group", kwargs: { tasks: [signature("B"), signature("C")] } }), body: signature("D", { args: [1], immutable: true }) },
});

test("the rest of the workflow is read out of the embed, in the order in which it runs", () => {
  const inside = carried([[1], {}, { callbacks: null, errbacks: [signature("ALERT")], chain: [signature("LAST"), CHORD], chord: null }]);
  assert.ok(inside);
  assert.deepEqual(inside.chain.map((each) => each.form), ["chord", "task"]);
  assert.deepEqual(inside.chain[0]?.parts.map((part) => [part.role, part.what[0]?.form]), [["all of", "group"], ["then, with their results", "task"]]);
  assert.equal(countLater(inside.chain), 4);
  assert.deepEqual(inside.errbacks.map((each) => each.name), ["ALERT"]);
  const body = inside.chain[0]?.parts[1]?.what[0];
  assert.deepEqual([body?.args, body?.immutable], ["1", true]);
  assert.equal(carried({ not: "a body" }), null);
});

test("the shares of a message add up to its bytes, as Python writes JSON", () => {
  assert.equal(bytesOf([1, { a: "é" }]), '[1, {"a": "?"}]'.length + 1);
  const body = [[1], {}, { chain: [signature("B")] }];
  const found = shares({ bytes: 900, body_bytes: Math.ceil(bytesOf(body) / 3) * 4, headers: { id: "x" }, properties: { body_encoding: "base64" }, body });
  assert.equal(found.reduce((sum, share) => sum + share.bytes, 0), 900);
  assert.equal(found.find((share) => share.tone === "args")?.bytes, 5);
  assert.equal(found.find((share) => share.tone === "embed")?.bytes, bytesOf(body) - 5);
});

test("records that come later are put behind those that are there, once", () => {
  const trace = (ns: number[]) => ({ run_id: "r", definition: "d", engine: "relay" as const, recording: "messages" as const, status: "running", records: ns.map((n) => record(n, {})), total: 9, left_out: 0, hint: null });
  const first = joined(null, trace([1, 2]));
  assert.equal(joined(first, trace([])).records, first.records);
  assert.deepEqual(joined(first, trace([2, 3])).records.map((each) => each.n), [1, 2, 3]);
});

test("5,000 records are indexed in a moment", () => {
  const many = Array.from({ length: 5000 }, (_, place) => record(place + 1, { kind: place % 2 ? "delivered" : "published", message: message(String(place >> 1)), keys: [key(`k${place % 300}`, "string", String(place))] }));
  const from = performance.now();
  lines(film(many), { sort: null, task: null, inner: true, open: new Set() });
  assert.ok(performance.now() - from < 500);
});
