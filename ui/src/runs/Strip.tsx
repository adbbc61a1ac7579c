import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { call } from "../api/client.ts";
import type { RunState } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { exact, useNow } from "../lib/time.ts";
import { look } from "../parts/states.ts";
import { bins } from "./bins.ts";

const COUNT = 72;
const SAMPLE = 500;
const ORDER: readonly RunState[] = ["error", "canceled", "success", "running", "pending"];

/** Runs over time, stacked by state. Dragging over it filters by time; the fields above do the same by keyboard. */
export function Strip({ query, version, choose }: { query: RunsAsked; version: number; choose: (since: string, until: string) => void }) {
  const { data } = useQuery({
    queryKey: ["strip", query, Math.floor(version / 2)],
    queryFn: ({ signal }) => call("list_runs", { query: { ...query, limit: SAMPLE } }, signal),
    placeholderData: keepPreviousData,
    gcTime: 5_000,
  });
  const minute = useNow(20_000);
  const runs = data?.items ?? [];
  const oldest = runs[runs.length - 1];
  const from = query.since ? Date.parse(query.since) : oldest ? Date.parse(oldest.created_at) - 1000 : minute - 3_600_000;
  const newest = runs[0] ? Date.parse(runs[0].created_at) + 1000 : 0;
  const to = query.until ? Date.parse(query.until) : Math.max(minute, newest, from + 60_000);
  const start = data?.next_cursor && oldest ? Math.max(from, Date.parse(oldest.created_at)) : from;
  const found = useMemo(() => bins(runs, start, to, COUNT), [runs, start, to]);
  const most = Math.max(1, ...found.map((bin) => bin.total));

  const place = useRef<HTMLDivElement>(null);
  const [brush, setBrush] = useState<[number, number] | null>(null);
  const [over, setOver] = useState<number | null>(null);
  function share(event: React.PointerEvent): number {
    const box = place.current?.getBoundingClientRect();
    return box ? Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) : 0;
  }
  function finish() {
    if (!brush) return;
    const [one, two] = brush[0] < brush[1] ? brush : [brush[1], brush[0]];
    setBrush(null);
    if (two - one < 0.01) return;
    const at = (part: number) => new Date(Math.round(start + part * (to - start))).toISOString();
    choose(at(one), at(two));
  }
  const bin = over === null ? undefined : found[over];
  const totals = ORDER.map((state) => [state, runs.filter((run) => run.state === state).length] as const).filter(([, n]) => n);
  return (
    <div className="strip">
      <div
        className="strip-bars"
        ref={place}
        role="img"
        aria-label={`Runs over time. ${totals.map(([state, n]) => `${n} ${look(state).word}`).join(", ") || "None"}.`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setBrush([share(event), share(event)]);
        }}
        onPointerMove={(event) => {
          setOver(Math.min(COUNT - 1, Math.floor(share(event) * COUNT)));
          if (brush) setBrush([brush[0], share(event)]);
        }}
        onPointerUp={finish}
        onPointerCancel={() => setBrush(null)}
        onPointerLeave={() => setOver(null)}
      >
        <svg viewBox={`0 0 ${COUNT} 40`} preserveAspectRatio="none" aria-hidden="true">
          {found.map((each, index) => {
            let y = 40;
            return ORDER.map((state) => {
              const n = each.counts[state];
              if (!n) return null;
              const height = Math.max(1.5, (n / most) * 38);
              y -= height;
              return <rect key={`${index} ${state}`} className={`fill-${look(state).tone}`} x={index + 0.08} width={0.84} y={y} height={height} />;
            });
          })}
        </svg>
        {brush && <span className="strip-brush" style={{ left: `${Math.min(...brush) * 100}%`, width: `${Math.abs(brush[1] - brush[0]) * 100}%` }} />}
      </div>
      <div className="strip-axis">
        <span>{runs.length ? exact(start).slice(0, 16) : ""}</span>
        <span className="strip-note">
          {bin?.total
            ? `${exact(bin.from).slice(5, 19)}: ${ORDER.filter((state) => bin.counts[state]).map((state) => `${bin.counts[state]} ${look(state).word}`).join(", ")}`
            : data?.next_cursor
              ? `the newest ${SAMPLE} runs; drag to choose a time`
              : runs.length > 1
                ? "drag to choose a time"
                : ""}
        </span>
        <span>{runs.length ? (query.until ? exact(to).slice(0, 16) : "now") : ""}</span>
      </div>
    </div>
  );
}
