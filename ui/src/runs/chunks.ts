// A long list of which only the part around the reader is kept: chunks by keyset cursor, far ones let go of and fetched
// again when they come near.
import type { Event as Told, Run, RunList } from "../api/generated.ts";
import { applyToRow, mergeHead } from "./merge.ts";

/** Rows that are kept beside those in sight, about. */
export const KEPT = 4000;
/** A list whose reader stays at its top is cut when it has grown to this. */
const TALL = 1500;

export interface Chunk {
  /** Cursor with which it was fetched; null for the newest. */
  readonly after: string | null;
  /** Null if it was let go of. */
  readonly runs: readonly Run[] | null;
  readonly count: number;
}

export interface Chunks {
  readonly key: string;
  readonly list: readonly Chunk[];
  /** Cursor of what follows; null at the end. */
  readonly next: string | null;
  /** How far back a text was looked for, if that was not to the end. */
  readonly searchedTo: string | null;
}

export function first(key: string, page: RunList): Chunks {
  return { key, list: [chunk(null, page.items)], next: page.next_cursor, searchedTo: page.searched_to };
}

function chunk(after: string | null, runs: readonly Run[]): Chunk {
  return { after, runs, count: runs.length };
}

export function count(chunks: Chunks | null): number {
  return chunks?.list.reduce((sum, each) => sum + each.count, 0) ?? 0;
}

/** The run in a row, if it is kept. */
export function at(chunks: Chunks | null, row: number): Run | undefined {
  let left = row;
  for (const each of chunks?.list ?? []) {
    if (left < each.count) return each.runs?.[left];
    left -= each.count;
  }
  return undefined;
}

/** All runs that are kept, newest first. */
export function kept(chunks: Chunks | null): Run[] {
  return chunks?.list.flatMap((each) => each.runs ?? []) ?? [];
}

/** With the page that follows the last. */
export function append(chunks: Chunks, page: RunList): Chunks {
  const last = chunks.list[chunks.list.length - 1];
  const there = new Set(last?.runs?.map((run) => run.id));
  const fresh = page.items.filter((run) => !there.has(run.id));
  const list = fresh.length ? [...chunks.list, chunk(chunks.next, fresh)] : chunks.list;
  return { ...chunks, list, next: page.next_cursor, searchedTo: page.searched_to };
}

/** The first chunk in sight that has to be fetched again: its place. */
export function missing(chunks: Chunks, from: number, to: number): number | null {
  let start = 0;
  for (const [place, each] of chunks.list.entries()) {
    if (!each.runs && start <= to && start + each.count > from) return place;
    start += each.count;
  }
  return null;
}

/** With a chunk that was fetched again, and without those far from the rows in sight. */
export function fill(chunks: Chunks, place: number, runs: readonly Run[]): Chunks {
  return { ...chunks, list: chunks.list.map((each, index) => (index === place ? chunk(each.after, runs) : each)) };
}

/** Without the chunks that are far from the rows in sight. The first stays: news comes in there. */
export function letGo(chunks: Chunks, from: number, to: number): Chunks {
  let start = 0;
  let changed = false;
  const list = chunks.list.map((each, place) => {
    const end = start + each.count;
    const far = end < from - KEPT / 2 || start > to + KEPT / 2;
    start = end;
    if (!far || !each.runs || place === 0) return each;
    changed = true;
    return { ...each, runs: null };
  });
  return changed ? { ...chunks, list } : chunks;
}

/** The list after its newest page was fetched again; `atTop`: nobody is further down, where rows would move. */
export function refreshed(chunks: Chunks, page: RunList, atTop: boolean): { chunks: Chunks; unseen: boolean } {
  const [head, second] = chunks.list;
  if (!head?.runs) return { chunks: first(chunks.key, page), unseen: false };
  const known = new Set(head.runs.map((run) => run.id));
  const fresh = new Map(page.items.map((run) => [run.id, run]));
  if (!atTop) {
    const runs = head.runs.map((run) => fresh.get(run.id) ?? run);
    const newest = head.runs[0];
    const unseen = page.items.some((run) => !known.has(run.id) && (!newest || run.created_at >= newest.created_at));
    return { chunks: { ...chunks, list: [chunk(null, runs), ...chunks.list.slice(1)] }, unseen };
  }
  // What the second chunk shows must not be shown in the first as well.
  const end = head.runs[head.runs.length - 1];
  const ours = second && end ? page.items.filter((run) => run.created_at > end.created_at || (run.created_at === end.created_at && run.id >= end.id)) : page.items;
  const down = page.searched_to ?? page.items[page.items.length - 1]?.created_at ?? null;
  const merged = mergeHead(head.runs, ours, page.next_cursor === null ? null : down, page.searched_to !== null);
  if (!merged || merged.length > TALL) return { chunks: first(chunks.key, page), unseen: false };
  const list = [chunk(null, merged), ...chunks.list.slice(1)];
  const alone = !second && merged.length <= page.items.length;
  return { chunks: alone ? { ...chunks, list, next: page.next_cursor, searchedTo: page.searched_to } : { ...chunks, list }, unseen: false };
}

/** The list after an event. */
export function told(chunks: Chunks, event: Told): Chunks {
  for (const [place, each] of chunks.list.entries()) {
    const row = each.runs?.findIndex((run) => run.id === event.run_id) ?? -1;
    if (!each.runs || row < 0) continue;
    const before = each.runs[row] as Run;
    const after = applyToRow(before, event);
    return after === before ? chunks : fill(chunks, place, each.runs.with(row, after));
  }
  return chunks;
}
