import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run, RunList } from "../api/generated.ts";
import { append, at, type Chunks, count, fill, first, KEPT, kept, letGo, missing, refreshed } from "./chunks.ts";

const run = (number: number): Run => ({ id: String(number).padStart(9, "0"), state: "success", created_at: `2026-01-01T${String(number).padStart(9, "0")}`, updated_at: "" }) as Run;
const page = (from: number, length: number, some: Partial<RunList> = {}): RunList => ({
  items: Array.from({ length }, (_, index) => run(from - index)),
  next_cursor: `c${from - length}`,
  searched_to: null,
  ...some,
});

function long(): Chunks {
  let chunks = first("", page(100_000, 100));
  for (let from = 99_900; from > 0; from -= 100) chunks = letGo(append(chunks, page(from, 100)), count(chunks), count(chunks) + 30);
  return chunks;
}

test("of a hundred thousand rows only those around the reader are kept", () => {
  const chunks = long();
  assert.equal(count(chunks), 100_000);
  assert.ok(kept(chunks).length <= KEPT, String(kept(chunks).length));
  assert.equal(at(chunks, 99_999)?.id, "000000001");
  assert.equal(at(chunks, 50_000), undefined);
});

test("what was let go of is fetched again with its own cursor", () => {
  const chunks = long();
  const place = missing(chunks, 50_010, 50_040);
  assert.equal(place, 500);
  assert.equal(chunks.list[500]?.after, "c50000");
  const filled = letGo(fill(chunks, 500, page(50_000, 100).items), 50_010, 50_040);
  assert.equal(at(filled, 50_010)?.id, "000049990");
  assert.equal(missing(filled, 50_010, 50_040), null);
  assert.equal(at(filled, 99_999), undefined);
});

test("news comes in at the top, and is not shown twice where the second chunk begins", () => {
  const chunks = append(first("", page(200, 60)), page(140, 100));
  const news = refreshed(chunks, page(203, 63), true).chunks;
  assert.equal(count(news), 163);
  assert.deepEqual([at(news, 0)?.id, at(news, 63)?.id], ["000000203", "000000140"]);
  // A run that no longer fits makes the page reach into the second chunk.
  const fewer = refreshed(chunks, { ...page(199, 60), next_cursor: "c139" }, true).chunks;
  assert.equal(count(fewer), 159);
  assert.deepEqual(new Set(kept(fewer).map((each) => each.id)).size, 159);
});

test("who is further down is told that there is news", () => {
  const chunks = append(first("", page(200, 60)), page(140, 100));
  assert.deepEqual(refreshed(chunks, page(203, 63), false).unseen, true);
  assert.deepEqual(refreshed(chunks, page(199, 60), false).unseen, false);
});

test("a list whose top has grown tall is cut", () => {
  let chunks = first("", page(1000, 60));
  for (let newest = 1030; newest < 4000; newest += 30) chunks = refreshed(chunks, page(newest, 60), true).chunks;
  assert.ok(count(chunks) <= 1500);
});
