// The runs that fit some filters: pages by keyset cursor, kept live.
import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import { call } from "../api/client.ts";
import type { Run, RunList as Page } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { connection } from "../live/connection.ts";
import { useFeed } from "../live/stream.ts";
import { append, at, type Chunks, count, fill, first, kept, letGo, missing, refreshed, told } from "./chunks.ts";

const PAGE = 60;
const LARGEST = 500;
const RHYTHM_MS = 1000;
/** Pages in which a text was not found, after which the reader is asked whether to look further back. */
const PATIENCE = 10;

export interface RunList {
  /** Rows so far; those far from the reader may not be kept. */
  count: number;
  at: (row: number) => Run | undefined;
  /** All that are kept. */
  runs: readonly Run[];
  /** Whether older runs can be fetched. */
  more: boolean;
  /** How far back a text was looked for, if not to the end. */
  searchedTo: string | null;
  /** It was looked for in many runs without a hit: `further` goes on. */
  tired: boolean;
  /** Null at first. */
  state: "fetching" | "ready" | "failed";
  error: unknown;
  /** New runs that are not shown because the reader is further down. */
  unseen: boolean;
  /** Which rows are in sight: what is missing there is fetched. */
  look: (from: number, to: number) => void;
  further: () => void;
  restart: () => void;
}

/** @param atTop whether new runs may push the others down */
export function useRunList(query: RunsAsked, atTop: boolean, onChange?: () => void): RunList {
  const key = JSON.stringify(query);
  const [held, setHeld] = useState<Chunks | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [unseen, setUnseen] = useState(false);
  const [round, setRound] = useState(0);
  const [empty, setEmpty] = useState(0);
  const fetching = useRef(false);

  useEffect(() => {
    const stop = new AbortController();
    fetching.current = true;
    setError(null);
    setUnseen(false);
    setEmpty(0);
    call("list_runs", { query: { ...(JSON.parse(key) as RunsAsked), limit: PAGE } }, stop.signal)
      .then((page) => setHeld(first(key, page)))
      .catch((reason: unknown) => !stop.signal.aborted && setError(reason))
      .finally(() => {
        if (!stop.signal.aborted) fetching.current = false;
      });
    return () => stop.abort();
  }, [key, round]);

  const current = held?.key === key ? held : null;
  const total = count(current);
  const tired = empty >= PATIENCE;

  async function fetch(cursor: string | null, limit: number, put: (now: Chunks, page: Page) => Chunks) {
    fetching.current = true;
    try {
      const page = await call("list_runs", { query: { ...(JSON.parse(key) as RunsAsked), cursor, limit } });
      setHeld((now) => (now?.key === key ? put(now, page) : now));
      return page;
    } catch (reason) {
      setError(reason);
      return null;
    } finally {
      fetching.current = false;
    }
  }
  function look(from: number, to: number) {
    if (fetching.current || !current || error) return;
    const gap = missing(current, from, to);
    const chunk = gap === null ? undefined : current.list[gap];
    if (gap !== null && chunk) {
      void fetch(chunk.after, Math.max(1, Math.min(LARGEST, chunk.count)), (now, page) => letGo(fill(now, gap, page.items), from, to));
    } else if (current.next && to >= total - 30 && !tired) {
      const cursor = current.next;
      const limit = Math.min(LARGEST, Math.max(PAGE * 2, total >> 1));
      void fetch(cursor, limit, (now, page) => (now.next === cursor ? letGo(append(now, page), from, to) : now)).then((page) => {
        if (page) setEmpty((now) => (page.items.length ? 0 : now + 1));
      });
    }
  }

  // The newest page again, at most once in a second, while something happens.
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef({ at: 0, took: 0 });
  const refresh = useEffectEvent(async () => {
    const began = Date.now();
    try {
      const page = await call("list_runs", { query: { ...query, limit: PAGE } });
      last.current = { at: Date.now(), took: Date.now() - began };
      onChange?.();
      setError(null);
      setHeld((now) => {
        if (now?.key !== key) return now;
        const news = refreshed(now, page, atTop);
        if (news.unseen) setUnseen(true);
        return news.chunks;
      });
    } catch {
      // The banner says it; contact will be back.
    }
  });
  const soon = useEffectEvent(() => {
    if (timer.current) return;
    // A question that is dear to the server is asked less often.
    const pause = Math.max(40, Math.max(RHYTHM_MS, 5 * last.current.took) - (Date.now() - last.current.at));
    timer.current = setTimeout(() => {
      timer.current = undefined;
      void refresh();
    }, pause);
  });
  useEffect(() => connection.onBack(() => soon()), []);
  useEffect(() => () => clearTimeout(timer.current), []);
  useFeed(
    "/api/v1/events",
    null,
    (event) => {
      setHeld((now) => now && told(now, event));
      if (event.type !== "task.log") soon();
    },
    () => soon(),
  );

  const runAt = useCallback((row: number) => at(current, row), [current]);
  return {
    count: total,
    at: runAt,
    runs: kept(current),
    more: Boolean(current?.next),
    searchedTo: current?.next ? current.searchedTo : null,
    tired,
    state: error && !current ? "failed" : current ? "ready" : "fetching",
    error,
    unseen,
    look,
    further: () => setEmpty(0),
    restart: () => setRound((now) => now + 1),
  };
}
