// The runs that fit some filters: pages by keyset cursor, kept live.
import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import { call } from "../api/client.ts";
import type { Run } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { connection } from "../live/connection.ts";
import { useFeed } from "../live/stream.ts";
import { applyToRow, mergeHead } from "./merge.ts";

const PAGE = 60;
const RHYTHM_MS = 1000;

export interface RunList {
  runs: readonly Run[];
  /** Whether older runs can be fetched. */
  more: boolean;
  /** Null at first. */
  state: "fetching" | "ready" | "failed";
  error: unknown;
  /** New runs that are not shown because the reader is further down. */
  unseen: boolean;
  fetchMore: () => void;
  restart: () => void;
}

interface Kept {
  key: string;
  runs: Run[];
  next: string | null;
}

/** @param atTop whether new runs may push the others down */
export function useRunList(query: RunsAsked, atTop: boolean, onChange?: () => void): RunList {
  const key = JSON.stringify(query);
  const [kept, setKept] = useState<Kept | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [unseen, setUnseen] = useState(false);
  const [round, setRound] = useState(0);
  const fetching = useRef(false);

  useEffect(() => {
    const stop = new AbortController();
    fetching.current = true;
    setError(null);
    setUnseen(false);
    call("list_runs", { query: { ...(JSON.parse(key) as RunsAsked), limit: PAGE } }, stop.signal)
      .then((page) => setKept({ key, runs: page.items, next: page.next_cursor }))
      .catch((reason: unknown) => !stop.signal.aborted && setError(reason))
      .finally(() => {
        if (!stop.signal.aborted) fetching.current = false;
      });
    return () => stop.abort();
  }, [key, round]);

  const fetchMore = useCallback(() => {
    if (fetching.current || !kept?.next || kept.key !== key) return;
    fetching.current = true;
    call("list_runs", { query: { ...(JSON.parse(key) as RunsAsked), cursor: kept.next, limit: PAGE * 2 } })
      .then((page) =>
        setKept((now) => {
          if (now?.key !== key) return now;
          const there = new Set(now.runs.map((run) => run.id));
          return { key, runs: [...now.runs, ...page.items.filter((run) => !there.has(run.id))], next: page.next_cursor };
        }),
      )
      .catch(setError)
      .finally(() => {
        fetching.current = false;
      });
  }, [key, kept]);

  // The newest page again, at most once in a second, while something happens.
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(0);
  const refresh = useEffectEvent(async () => {
    last.current = Date.now();
    try {
      const page = await call("list_runs", { query: { ...query, limit: PAGE } });
      onChange?.();
      setKept((now) => {
        if (now?.key !== key) return now;
        const known = new Set(now.runs.map((run) => run.id));
        if (!atTop && page.items.some((run) => !known.has(run.id))) {
          setUnseen(true);
          const fresh = new Map(page.items.map((run) => [run.id, run]));
          return { ...now, runs: now.runs.map((run) => fresh.get(run.id) ?? run) };
        }
        const merged = mergeHead(now.runs, page.items, !page.next_cursor);
        if (!merged) return { key, runs: page.items, next: page.next_cursor };
        return { key, runs: merged, next: merged.length > page.items.length ? now.next : page.next_cursor };
      });
    } catch {
      // The banner says it; contact will be back.
    }
  });
  const soon = useEffectEvent(() => {
    if (timer.current) return;
    const pause = Math.max(40, RHYTHM_MS - (Date.now() - last.current));
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
      setKept((now) => {
        const place = now ? now.runs.findIndex((run) => run.id === event.run_id) : -1;
        if (!now || place < 0) return now;
        const before = now.runs[place] as Run;
        const after = applyToRow(before, event);
        return after === before ? now : { ...now, runs: now.runs.with(place, after) };
      });
      if (event.type !== "task.log") soon();
    },
    () => soon(),
  );

  const current = kept?.key === key ? kept : null;
  return {
    runs: current?.runs ?? [],
    more: Boolean(current?.next),
    state: error && !current ? "failed" : current ? "ready" : "fetching",
    error,
    unseen,
    fetchMore,
    restart: () => setRound((now) => now + 1),
  };
}
