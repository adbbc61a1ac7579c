import assert from "node:assert/strict";
import { test } from "node:test";
import { isotonic, layout, type Layout } from "./layout.ts";

const SIZE = { width: 100, height: 40, gapX: 50, gapY: 20 };
const at = (found: Layout, id: string) => found.nodes.get(id) ?? assert.fail(`no ${id}`);

test("a diamond stands in three layers, its middle beside each other around the line of its ends", () => {
  const found = layout([{ id: "A", needs: [] }, { id: "B", needs: ["A"] }, { id: "C", needs: ["A"] }, { id: "D", needs: ["B", "C"] }], SIZE);
  assert.deepEqual(["A", "B", "C", "D"].map((id) => at(found, id).layer), [0, 1, 1, 2]);
  assert.equal(at(found, "C").y - at(found, "B").y, 60);
  assert.equal(at(found, "A").y, at(found, "D").y);
  assert.equal(found.edges.length, 4);
  assert.deepEqual([found.width, found.height], [400, 100]);
});

test("tasks of a layer never overlap, whatever is drawn", () => {
  const nodes = Array.from({ length: 300 }, (_, n) => ({ id: `t${n}`, needs: n < 10 ? [] : [`t${(n * 7) % n}`, `t${(n * 13) % n}`] }));
  const found = layout(nodes, SIZE);
  const layers = new Map<number, number[]>();
  for (const node of found.nodes.values()) layers.set(node.layer, [...(layers.get(node.layer) ?? []), node.y]);
  for (const ys of layers.values()) {
    ys.sort((one, two) => one - two);
    ys.slice(1).forEach((y, n) => assert.ok(y - (ys[n] ?? 0) >= 60 - 1e-6));
  }
  for (const node of nodes) for (const need of node.needs) assert.ok(at(found, need).layer < at(found, node.id).layer);
});

test("a thousand tasks with edges across the whole graph are placed in a second of processor time", () => {
  const nodes = Array.from({ length: 1000 }, (_, n) => ({ id: `t${n}`, needs: n ? [`t${n - 1 - (n % 17 ? 0 : Math.min(n - 1, 5))}`, `t${Math.floor(n / 2)}`] : [] }));
  const before = process.cpuUsage();
  layout(nodes, SIZE);
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 1_500_000, `${user + system} us`);
});

test("isotonic regression keeps what is in order and pools what is not", () => {
  assert.deepEqual(isotonic([1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(isotonic([3, 1, 5]), [2, 2, 5]);
});

test("a circle or a need that is not there is drawn all the same", () => {
  const found = layout([{ id: "A", needs: ["B", "gone"] }, { id: "B", needs: ["A"] }], SIZE);
  assert.equal(found.nodes.size, 2);
});
