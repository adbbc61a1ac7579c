import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { call } from "../api/client.ts";
import type { RunState } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { exact } from "../lib/time.ts";
import { look } from "../parts/states.ts";
import { type Bin, bins, ORDER, told } from "./bins.ts";

const COUNT = 72;
const SHORTEST_MS = 2_000;

interface Given {
  query: RunsAsked;
  /** Changes when runs have changed. */
  version: number;
  choose: (since: string, until: string) => void;
  /** Takes the chosen time away; null if none is chosen. */
  clear: (() => void) | null;
}

/** All runs over time, stacked by state. Dragging over it, or the arrow keys with Shift, choose a time. */
export function Strip({ query, version, choose, clear }: Given) {
  const took = useRef(0);
  const { data, refetch } = useQuery({
    queryKey: ["strip", query],
    queryFn: async ({ signal }) => {
      const began = Date.now();
      const found = await call("count_runs", { query: { ...query, bins: COUNT } }, signal);
      took.current = Date.now() - began;
      return found;
    },
    placeholderData: keepPreviousData,
    gcTime: 5_000,
  });
  // Counting a long history costs the server something: the longer it takes, the less often it is asked.
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const again = useEffectEvent(() => void refetch());
  useEffect(() => {
    if (!version) return;
    timer.current ??= setTimeout(
      () => {
        timer.current = undefined;
        again();
      },
      Math.min(60_000, Math.max(SHORTEST_MS, 20 * took.current)),
    );
  }, [version]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const found = data ? bins(data) : [];
  const most = Math.max(1, ...found.map((bin) => bin.total));
  const place = useRef<HTMLDivElement>(null);
  const hint = useId();
  /** Where the pointer or the keys are, and where the choice began. */
  const [here, setHere] = useState<number | null>(null);
  const [from, setFrom] = useState<number | null>(null);
  const within = (bin: number) => Math.max(0, Math.min(found.length - 1, bin));
  function under(event: React.PointerEvent): number {
    const box = place.current?.getBoundingClientRect();
    return box ? within(Math.floor(((event.clientX - box.left) / box.width) * found.length)) : 0;
  }
  function finish(one: number | null, two: number | null) {
    setFrom(null);
    const [start, end] = one === null || two === null ? [undefined, undefined] : [found[Math.min(one, two)], found[Math.max(one, two)]];
    if (start && end) choose(new Date(start.from).toISOString(), new Date(end.to).toISOString());
  }
  function onKey(event: React.KeyboardEvent) {
    const now = here ?? found.length - 1;
    const steps: Partial<Record<string, number>> = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: found.length - 1, PageUp: now - 10, PageDown: now + 10 };
    const next = steps[event.key];
    if (next !== undefined) {
      setFrom(event.shiftKey ? (from ?? now) : null);
      setHere(within(next));
    } else if (event.key === "Enter") finish(from ?? now, now);
    else if (event.key === "Escape" && from !== null) setFrom(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const chosen = here === null ? null : { first: Math.min(from ?? here, here), last: Math.max(from ?? here, here) };
  const words = chosen && found.length ? told(found.slice(within(chosen.first), within(chosen.last) + 1)) : "";
  const total = data ? Object.values(data.total).reduce((sum, each) => sum + each, 0) : 0;
  const step = 100 / Math.max(1, found.length);
  return (
    <div className="strip">
      <div
        className="strip-bars"
        ref={place}
        role="slider"
        tabIndex={0}
        aria-label="Runs over time"
        aria-describedby={hint}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, found.length - 1)}
        aria-valuenow={here ?? Math.max(0, found.length - 1)}
        aria-valuetext={words || "no time chosen"}
        onKeyDown={onKey}
        onBlur={() => {
          setHere(null);
          setFrom(null);
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setFrom(under(event));
          setHere(under(event));
        }}
        onPointerMove={(event) => setHere(under(event))}
        onPointerUp={(event) => finish(from, under(event))}
        onPointerCancel={() => setFrom(null)}
        onPointerLeave={() => from === null && setHere(null)}
      >
        <svg viewBox={`0 0 ${Math.max(1, found.length)} 40`} preserveAspectRatio="none" aria-hidden="true">
          {found.map((bin, index) => (bin.total ? <Bar key={bin.from} bin={bin} index={index} most={most} /> : null))}
        </svg>
        {chosen && found.length > 0 && <span className={from === null ? "strip-here" : "strip-here strip-brush"} style={{ left: `${chosen.first * step}%`, width: `${(chosen.last - chosen.first + 1) * step}%` }} />}
      </div>
      <div className="strip-axis">
        <span>{found[0] ? exact(found[0].from).slice(0, 16) : ""}</span>
        <span className="strip-note" aria-hidden="true">
          {words || (data && (total || !data.complete) ? <Totals total={data.total} all={total} complete={data.complete} text={Boolean(query.q)} /> : "")}
        </span>
        <span>
          {clear && (
            <button type="button" className="link" onClick={clear}>
              any time
            </button>
          )}{" "}
          {found.length ? (query.until ? exact(found[found.length - 1]?.to ?? 0).slice(0, 16) : "now") : ""}
        </span>
      </div>
      <p id={hint} className="hidden">
        {total} runs{data && !data.complete ? ", not counting older ones" : ""}. The arrow keys go through time, with Shift they choose a part of it, Enter shows the runs of that part.
      </p>
    </div>
  );
}

function Bar({ bin, index, most }: { bin: Bin; index: number; most: number }) {
  let y = 40;
  return ORDER.map((state) => {
    const number = bin.counts[state] ?? 0;
    if (!number) return null;
    const height = Math.max(1.5, (number / most) * 38);
    y -= height;
    return <rect key={state} className={`fill-${look(state).tone}`} x={index + 0.08} width={0.84} y={Math.max(0, y)} height={height} />;
  });
}

function Totals({ total, all, complete, text }: { total: Partial<Record<RunState, number>>; all: number; complete: boolean; text: boolean }) {
  const parts = ORDER.filter((state) => total[state]).map((state) => `${total[state]?.toLocaleString()} ${look(state).word}`);
  const among = complete ? "" : text ? " among the newest 10,000" : ", the newest";
  return `${all.toLocaleString()} ${all === 1 ? "run" : "runs"}${among}${parts.length ? `: ${parts.join(", ")}` : ""}`;
}
