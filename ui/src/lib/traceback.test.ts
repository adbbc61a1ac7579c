import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "./traceback.ts";

const CHAINED = `Traceback (most recent call last):
  File "/srv/app/tasks/shop.py", line 12, in charge
    post(url)
    ~~~~^^^^^
  File "/venv/lib/python3.11/site-packages/requests/api.py", line 59, in get
    return request("get", url)
OSError: no route

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/tasks/shop.py", line 14, in charge
    raise ValueError("cannot charge") from error
ValueError: cannot charge
`;

test("own frames are told from those of libraries, in each part of a chain", () => {
  const parts = parse(CHAINED);
  assert.deepEqual(parts.map((part) => part.frames.map((frame) => [frame.line, frame.own])), [[[12, true], [59, false]], [[14, true]]]);
  assert.equal(parts[0]?.frames[0]?.code.length, 2);
});

test("anything else is text", () => {
  assert.deepEqual(parse("no traceback at all"), [{ text: ["no traceback at all"], frames: [] }]);
});
