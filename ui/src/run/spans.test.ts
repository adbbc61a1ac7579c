import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttemptView, TaskView } from "../api/generated.ts";
import { spans, ticks } from "./spans.ts";

const at = (second: number) => new Date(second * 1000).toISOString();
const attempt = (some: Partial<AttemptView>): AttemptView => ({
  attempt: 1, epoch: 1, outcome: "success", worker: null, pid: null, queued_at: null, started_at: null, finished_at: null, error: null, countdown: null, due_at: null, late_outcome: null, ...some,
});
const task = (some: Partial<TaskView>): TaskView => ({ key: "A", state: "success", attempts: [], queued_at: null, finished_at: null, ...some }) as TaskView;

test("a retried task waits in queue, runs, waits for its retry, runs again", () => {
  const found = spans(
    task({
      attempts: [
        attempt({ outcome: "retrying", queued_at: at(1), started_at: at(2), finished_at: at(3), due_at: at(5) }),
        attempt({ attempt: 2, queued_at: at(5), started_at: at(5.5), finished_at: at(6) }),
      ],
    }),
    9000,
  );
  assert.deepEqual(found.map((each) => [each.kind, each.from, each.to]), [["queue", 1000, 2000], ["run", 2000, 3000], ["pause", 3000, 5000], ["queue", 5000, 5500], ["run", 5500, 6000]]);
});

test("what goes on reaches to now, and a lost attempt to where it was given up", () => {
  const found = spans(
    task({ state: "running", attempts: [attempt({ outcome: "lost", started_at: at(1), finished_at: at(4) }), attempt({ attempt: 2, outcome: "running", started_at: at(5) })] }),
    8000,
  );
  assert.deepEqual(found.map((each) => [each.outcome, each.from, each.to]), [["lost", 1000, 4000], ["running", 5000, 8000]]);
});

test("an axis has round places", () => {
  assert.deepEqual(ticks(0, 10_000, 6), [0, 2000, 4000, 6000, 8000, 10_000]);
  assert.deepEqual(ticks(300, 900, 6), [300, 400, 500, 600, 700, 800, 900]);
});
