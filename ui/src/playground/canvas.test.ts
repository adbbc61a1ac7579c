import assert from "node:assert/strict";
import { test } from "node:test";
import { canvasExample, canvasOffers } from "./canvas.ts";

const TASKS = ["shop.fetch", "shop.store", "PING"];

/** What is offered at the end of a text. */
function at(before: string): string[] {
  return canvasOffers(before, TASKS)?.offers.map((each) => each.label) ?? [];
}

test("tasks and Celery's words stand where a part begins", () => {
  assert.deepEqual(at("chain(").slice(0, 4), ["chain", "group", "chord", "signature"]);
  assert.ok(at("chain(sh").includes("shop.fetch"));
  assert.equal(canvasOffers("chain(PI", TASKS)?.word, "PI");
});

test("after a dot stands the rest of a name, or a method", () => {
  assert.deepEqual(at("chain(shop.").slice(0, 3), ["fetch", "store", "s"]);
  assert.deepEqual(at("PING.")[0], "s");
  assert.deepEqual(at("PING.s().")[0], "s");
  assert.ok(!at("PING.s().").includes("PING"));
});

test("nothing is offered in texts, comments and numbers", () => {
  for (const text of ["# ch", "a.s('ch", 'a.s("x", "c', "a.s(12"]) assert.deepEqual(at(text), []);
  assert.ok(at("a.s('x'), ch").includes("chain"));
});

test("the example is of tasks that there are", () => {
  assert.match(canvasExample(TASKS), /shop\.fetch\.s\(1\)/);
  assert.match(canvasExample(["ADD", "DOUBLE", "TOTAL"]), /DOUBLE\.s\(\)/);
  assert.match(canvasExample(["a-b"]), /signature\("a-b", \(1,\)\)/);
});
