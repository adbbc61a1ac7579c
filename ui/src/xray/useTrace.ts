// The records of a run: those that are there, and while it goes on those that come.
import { useEffect, useState } from "react";
import { call } from "../api/client.ts";
import type { Trace } from "./types.ts";

const RHYTHM_MS = 700;
/** All that is kept of a run. */
const MOST = 20_000;
/** The last acknowledgements come when the run is over already. */
const LAST_LOOKS = 4;

const isOver = (status: string) => !["pending", "running", "waiting", "paused"].includes(status);

/** One trace out of two answers: `next` was asked for with `after` the last record of `before`. */
export function joined(before: Trace | null, next: Trace): Trace {
  const last = before?.records.at(-1)?.n ?? 0;
  const news = next.records.filter((record) => record.n > last);
  if (!before || before.run_id !== next.run_id) return next;
  return { ...next, records: news.length ? [...before.records, ...news] : before.records };
}

const alike = (one: Trace, two: Trace) => one.records.length === two.records.length && one.records.every((record, place) => record.us === two.records[place]?.us && record.says === two.records[place].says);

export interface TraceState {
  trace: Trace | null;
  error: unknown;
  /** Whether more records may come. */
  live: boolean;
  again: () => void;
}

/** @param id null asks for nothing */
export function useTrace(id: string | null): TraceState {
  const [found, setFound] = useState<{ id: string; trace: Trace } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [live, setLive] = useState(true);
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (id === null) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let trace: Trace | null = null;
    let watched = false;
    let looks = LAST_LOOKS;
    setError(null);
    setLive(true);
    async function look() {
      try {
        // What was watched is asked for anew when it is over: a record that came late stands before others.
        const anew = watched && looks === 1;
        const after = anew ? 0 : (trace?.records.at(-1)?.n ?? 0);
        const answer = await call("get_trace", { path: { run_id: id ?? "" }, query: { after, limit: MOST } }, stop.signal);
        if (stop.signal.aborted) return;
        const before = trace;
        trace = anew ? answer : joined(before, answer);
        const same = before && (anew ? alike(before, trace) : before.records === trace.records) && before.status === trace.status && before.hint === trace.hint;
        if (!same) setFound({ id: id ?? "", trace });
        setError(null);
        if (isOver(trace.status)) looks -= 1;
        else watched = true;
        if (looks <= 0) return setLive(false);
        const more = answer.records.length > 0 && (trace.records.at(-1)?.n ?? 0) < trace.total;
        timer = setTimeout(() => void look(), more ? 0 : RHYTHM_MS);
      } catch (reason) {
        if (stop.signal.aborted) return;
        setError(reason);
        // What is there stays; the next look may find the server again.
        if (trace) timer = setTimeout(() => void look(), RHYTHM_MS * 3);
        else setLive(false);
      }
    }
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [id, round]);
  return { trace: found?.id === id ? found.trace : null, error, live: live && id !== null && !(found && isOver(found.trace.status)), again: () => setRound((now) => now + 1) };
}
