// Where the tasks of a DAG stand: layers from left to right, few crossings, straight edges where that is possible.
// Longest-path layers, dummy places for long edges, barycentres for the order, isotonic regression for the heights.

export interface Given {
  id: string;
  needs: readonly string[];
}

export interface Size {
  width: number;
  height: number;
  /** Between layers, and between tasks of a layer. */
  gapX: number;
  gapY: number;
}

export interface Placed {
  id: string;
  x: number;
  y: number;
  layer: number;
}

export interface Edge {
  from: string;
  to: string;
  /** An SVG path. */
  path: string;
  box: { x1: number; y1: number; x2: number; y2: number };
}

export interface Layout {
  nodes: Map<string, Placed>;
  edges: Edge[];
  width: number;
  height: number;
}

interface Place {
  node: number; // -1: a dummy on a long edge
  layer: number;
  y: number;
  before: Place[];
  after: Place[];
}

const SWEEPS = 6;
const DUMMY = 0.35;
/** Beyond this, long edges get no places of their own: they would be more than the tasks. */
const MOST_DUMMIES = 3000;

export function layout(given: readonly Given[], size: Size): Layout {
  const index = new Map(given.map((node, place) => [node.id, place]));
  const needs = given.map((node) => [...new Set(node.needs)].map((id) => index.get(id)).filter((at) => at !== undefined));
  const layers = layersOf(needs);
  const places: Place[] = given.map((_, node) => ({ node, layer: layers[node] ?? 0, y: 0, before: [], after: [] }));
  const rows: Place[][] = Array.from({ length: Math.max(0, ...layers) + 1 }, () => []);
  for (const place of places) rows[place.layer]?.push(place);

  const chains: { from: number; to: number; via: Place[] }[] = [];
  let dummies = 0;
  needs.forEach((list, to) => {
    for (const from of list) {
      const via: Place[] = [];
      let last = places[from] as Place;
      const end = places[to] as Place;
      const long = end.layer - last.layer - 1;
      if (long > 0 && dummies + long <= MOST_DUMMIES) {
        dummies += long;
        for (let layer = last.layer + 1; layer < end.layer; layer++) {
          const dummy: Place = { node: -1, layer, y: 0, before: [last], after: [] };
          last.after.push(dummy);
          rows[layer]?.push(dummy);
          via.push(dummy);
          last = dummy;
        }
      }
      last.after.push(end);
      end.before.push(last);
      chains.push({ from, to, via });
    }
  });

  order(rows);
  heights(rows, size);

  const step = size.width + size.gapX;
  const top = Math.min(0, ...rows.flat().map((place) => place.y));
  const nodes = new Map<string, Placed>();
  let height = 0;
  for (const place of places) {
    const node = given[place.node] as Given;
    const y = place.y - top - size.height / 2;
    nodes.set(node.id, { id: node.id, x: place.layer * step, y, layer: place.layer });
    height = Math.max(height, y + size.height);
  }
  const lowest = Math.min(0, ...[...nodes.values()].map((node) => node.y));
  for (const node of nodes.values()) node.y -= lowest;
  const edges = chains.map(({ from, to, via }) => {
    const start = nodes.get((given[from] as Given).id) as Placed;
    const end = nodes.get((given[to] as Given).id) as Placed;
    const points = [
      { x: start.x + size.width, y: start.y + size.height / 2 },
      ...via.map((place) => ({ x: place.layer * step + size.width / 2, y: place.y - top - lowest })),
      { x: end.x, y: end.y + size.height / 2 },
    ];
    return { from: start.id, to: end.id, path: curve(points), box: boxOf(points) };
  });
  const wide = rows.length * step - size.gapX;
  return { nodes, edges, width: Math.max(size.width, wide), height: Math.max(size.height, height - lowest) };
}

/** Longest path from a beginning; what begins late is drawn late, next to what needs it. */
function layersOf(needs: number[][]): number[] {
  const layer = new Array<number>(needs.length).fill(-1);
  const dependents: number[][] = needs.map(() => []);
  needs.forEach((list, node) => list.forEach((from) => dependents[from]?.push(node)));
  const left = needs.map((list) => list.length);
  const ready = left.flatMap((count, node) => (count === 0 ? [node] : []));
  const sorted: number[] = [];
  for (let node = ready.shift(); node !== undefined; node = ready.shift()) {
    sorted.push(node);
    layer[node] = Math.max(0, ...(needs[node] ?? []).map((from) => (layer[from] ?? 0) + 1));
    for (const next of dependents[node] ?? []) {
      left[next] = (left[next] ?? 1) - 1;
      if (left[next] === 0) ready.push(next);
    }
  }
  for (const node of sorted.reverse()) {
    const nexts = dependents[node] ?? [];
    if ((needs[node] ?? []).length === 0 && nexts.length) layer[node] = Math.min(...nexts.map((next) => layer[next] ?? 1)) - 1;
  }
  return layer.map((value) => Math.max(0, value)); // in a circle, which no valid definition has
}

function order(rows: Place[][]): void {
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    const list = down ? rows.slice(1) : rows.slice(0, -1).reverse();
    rows.forEach((row) => row.forEach((place, at) => (place.y = at)));
    for (const row of list) {
      const weight = new Map(row.map((place, at) => [place, mean(down ? place.before : place.after) ?? at]));
      row.sort((one, two) => (weight.get(one) ?? 0) - (weight.get(two) ?? 0));
      row.forEach((place, at) => (place.y = at));
    }
  }
}

function mean(places: readonly Place[]): number | null {
  if (!places.length) return null;
  let sum = 0;
  for (const place of places) sum += place.y;
  return sum / places.length;
}

/** Each place as near to the mean of its neighbours as the order and the gaps allow. */
function heights(rows: Place[][], size: Size): void {
  const offsets = rows.map((row) => {
    let y = 0;
    return row.map((place, at) => {
      const before = row[at - 1];
      if (before) y += (size.height + size.gapY) * ((share(before) + share(place)) / 2);
      return y;
    });
  });
  rows.forEach((row, layer) => {
    const offset = offsets[layer] ?? [];
    const middle = (offset[offset.length - 1] ?? 0) / 2;
    row.forEach((place, at) => (place.y = (offset[at] ?? 0) - middle));
  });
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    const numbers = rows.map((_, layer) => layer);
    if (!down) numbers.reverse();
    for (const layer of numbers) {
      const row = rows[layer] ?? [];
      const offset = offsets[layer] ?? [];
      const wanted = row.map((place, at) => {
        const near = mean(down ? place.before : place.after) ?? mean(down ? place.after : place.before) ?? place.y;
        return near - (offset[at] ?? 0);
      });
      isotonic(wanted).forEach((value, at) => ((row[at] as Place).y = value + (offset[at] ?? 0)));
    }
  }
}

function share(place: Place): number {
  return place.node < 0 ? DUMMY : 1;
}

/** The nearest non-decreasing sequence, by least squares (pool adjacent violators). */
export function isotonic(wanted: readonly number[]): number[] {
  const blocks: { sum: number; count: number }[] = [];
  for (const value of wanted) {
    let block = { sum: value, count: 1 };
    for (let last = blocks[blocks.length - 1]; last && last.sum / last.count > block.sum / block.count; last = blocks[blocks.length - 1]) {
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  }
  return blocks.flatMap((block) => new Array<number>(block.count).fill(block.sum / block.count));
}

function curve(points: readonly { x: number; y: number }[]): string {
  const round = (value: number) => Math.round(value * 10) / 10;
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${round(first.x)} ${round(first.y)}`;
  let last = first;
  for (const point of rest) {
    const bend = (point.x - last.x) / 2;
    path += `C${round(last.x + bend)} ${round(last.y)} ${round(point.x - bend)} ${round(point.y)} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  return path;
}

function boxOf(points: readonly { x: number; y: number }[]): Edge["box"] {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  return { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs), y2: Math.max(...ys) };
}
