// What one change did to the value of a key.
import type { KeyChange } from "./types.ts";
import { brief } from "../lib/json.ts";

/** One line of a value: kept, gone, new, or with another value than before. */
export interface Part {
  how: "kept" | "gone" | "new" | "changed";
  /** Field of a hash, member of a sorted set, place in a list; null for a value that has no parts. */
  name: string | null;
  value: string;
  before?: string;
}

/** A value as text: a text as it is, anything else as JSON. */
export const written = (value: unknown): string => (typeof value === "string" ? value : brief(value, 4000));

type Pairs = Map<string, string>;

function pairs(value: unknown): Pairs {
  if (value === null || typeof value !== "object") return new Map();
  if (!Array.isArray(value)) return new Map(Object.entries(value).map(([name, each]) => [name, written(each)]));
  // A sorted set or a stream may come as pairs: [member, score], [id, fields].
  return new Map(value.map((each): [string, string] => (Array.isArray(each) && each.length === 2 ? [written(each[0]), written(each[1])] : [written(each), ""])));
}

function byName(before: Pairs, now: Pairs): Part[] {
  const found: Part[] = [];
  for (const [name, value] of now) {
    const old = before.get(name);
    if (old === undefined) found.push({ how: "new", name, value });
    else found.push(old === value ? { how: "kept", name, value } : { how: "changed", name, value, before: old });
  }
  for (const [name, value] of before) if (!now.has(name)) found.push({ how: "gone", name, value });
  return found;
}

/** A list changes at its ends: what both have in common, from either end, was kept. */
function byPlace(before: readonly string[], now: readonly string[]): Part[] {
  const most = Math.min(before.length, now.length);
  let head = 0;
  while (head < most && before[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < most - head && before[before.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const part = (how: Part["how"], place: number, value: string | undefined): Part => ({ how, name: String(place), value: value ?? "" });
  return [
    ...now.slice(0, head).map((value, place) => part("kept", place, value)),
    ...before.slice(head, before.length - tail).map((value, place) => part("gone", head + place, value)),
    ...now.slice(head, now.length - tail).map((value, place) => part("new", head + place, value)),
    ...now.slice(now.length - tail).map((value, place) => part("kept", now.length - tail + place, value)),
  ];
}

/** The parts of a key's value after a change, those that are gone included. */
export function diff(before: KeyChange | null, now: KeyChange): Part[] {
  const old = before && before.type !== "none" ? before : null;
  const type = now.type === "none" ? (old?.type ?? "none") : now.type;
  const left = old?.type === type ? old.value : null;
  const right = now.type === "none" ? null : now.value;
  if (type === "list" || type === "stream") return byPlace(Array.isArray(left) ? left.map(written) : [], Array.isArray(right) ? right.map(written) : []);
  const structured = (value: unknown) => value !== null && typeof value === "object";
  if (type !== "string" && type !== "none" && (structured(left) || structured(right))) return byName(pairs(left), pairs(right));
  if (now.type === "none") return old ? [{ how: "gone", name: null, value: written(left) }] : [];
  if (!old) return [{ how: "new", name: null, value: written(right) }];
  return [left === right ? { how: "kept", name: null, value: written(right) } : { how: "changed", name: null, value: written(right), before: written(left) }];
}

/** The same in a few words: "2 new, 1 gone". */
export function counted(parts: readonly Part[]): string {
  const words = (["new", "changed", "gone"] as const).map((how) => [parts.filter((part) => part.how === how).length, how] as const).filter(([count]) => count > 0);
  return words.length ? words.map(([count, how]) => `${count} ${how}`).join(", ") : "the same";
}
