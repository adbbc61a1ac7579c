import assert from "node:assert/strict";
import { test } from "node:test";
import { bins, told } from "./bins.ts";

const answer = {
  since: "2026-01-01T10:00:30.000Z",
  until: "2026-01-01T10:04:10.000Z",
  step: 60,
  bins: [
    { since: "2026-01-01T10:00:00.000Z", counts: { success: 1200 } },
    { since: "2026-01-01T10:03:00.000Z", counts: { success: 2, error: 1 } },
  ],
};

test("bins without runs are there too", () => {
  const found = bins(answer);
  assert.deepEqual(found.map((bin) => bin.total), [1200, 0, 0, 3, 0]);
  assert.equal(found[0]?.from, Date.parse("2026-01-01T10:00:00Z"));
});

test("neighbours are told together", () => {
  const found = bins(answer);
  assert.match(told(found), /^2026-01-01 \d\d:00:00 to \d\d:05:00: 1 error, 1,202 success$/);
  assert.match(told(found.slice(1, 2)), /: none$/);
});
