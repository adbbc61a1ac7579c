import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, memo, useCallback, useEffect, useEffectEvent, useId, useRef } from "react";
import { since } from "./embed.ts";
import { type Counts, LANES, type Line } from "./film.ts";
import { KindMark, LaneMark } from "./marks.tsx";
import type { Lane, TraceRecord } from "./types.ts";

const HEAD = 70;
const PLACES = Object.fromEntries(LANES.map((lane, place) => [lane.id, place])) as Record<Lane, number>;
const SHARE = 100 / LANES.length;
const middle = (lane: Lane) => (PLACES[lane] + 0.5) * SHARE;

export type Width = "narrow" | "middle" | "wide";

interface Given {
  lines: readonly Line[];
  /** The step that is shown; null before the first. */
  at: number | null;
  counts: Counts;
  width: Width;
  big: boolean;
  /** Keep to the end, where new steps come. */
  follow: boolean;
  choose: (n: number) => void;
  unfold: (n: number) => void;
  by: (count: number) => void;
}

/** The steps in order, each an arrow from lane to lane. What has not happened yet at the shown step is paler. */
export function Lanes({ lines, at, counts, width, big, follow, choose, unfold, by }: Given) {
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const row = (width === "narrow" ? 54 : 36) * (big ? 1.25 : 1);
  const title = 34 * (big ? 1.25 : 1);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: (place) => (lines[place]?.type === "phase" ? title : row),
    getItemKey: (place) => keyOf(lines[place], place),
    overscan: 12,
    scrollMargin: HEAD,
    scrollPaddingStart: HEAD + row,
    scrollPaddingEnd: row * 3,
  });
  useEffect(() => rows.measure(), [row, rows, lines]);
  const current = at === null ? -1 : lines.findLastIndex((line) => line.type === "step" && line.record.n <= at);
  const show = useEffectEvent((place: number) => rows.scrollToIndex(place, { align: "auto" }));
  useEffect(() => {
    if (current >= 0) show(current);
  }, [current, row]);
  useEffect(() => {
    if (follow && lines.length) show(lines.length - 1);
  }, [follow, lines.length]);
  // The rows are not drawn anew for a step that does not concern them.
  const latest = useRef({ choose, unfold });
  latest.current = { choose, unfold };
  const onChoose = useCallback((which: number) => latest.current.choose(which), []);
  const onUnfold = useCallback((which: number) => latest.current.unfold(which), []);
  const chosen = lines[current];
  const active = chosen?.type === "step" ? chosen.record : null;
  function onKeyDown(event: React.KeyboardEvent) {
    if (event.key === "ArrowDown") by(1);
    else if (event.key === "ArrowUp") by(-1);
    else if (event.key === "PageDown") by(15);
    else if (event.key === "PageUp") by(-15);
    else if (event.key === "Enter" && chosen?.type === "step" && chosen.inside) unfold(chosen.record.n);
    else return;
    event.preventDefault();
  }
  return (
    <div className={`lanes ${width}`} ref={scroller}>
      <div className="lanes-head">
        <span className="lanes-gutter muted">{width === "narrow" ? "#" : "step"}</span>
        <ol className="lanes-names" aria-label="Lanes">
          {LANES.map((lane) => (
            <li key={lane.id} className={active && (active.source === lane.id || active.target === lane.id) ? "lane-name now" : "lane-name"} title={lane.name}>
              <LaneMark lane={lane.id} size={18} />
              <b>{lane.short}</b>
              {held(lane.id, counts).map((text) => (
                <span key={text} className="muted">
                  {text}
                </span>
              ))}
            </li>
          ))}
        </ol>
        <span className="muted lanes-says">what happens</span>
      </div>
      <div
        role="listbox"
        aria-label="Steps"
        tabIndex={0}
        className="lanes-rows"
        style={{ height: rows.getTotalSize() }}
        aria-activedescendant={active ? `${id}-${active.n}` : undefined}
        onKeyDown={onKeyDown}
      >
        {rows.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (!line) return null;
          const style: CSSProperties = { transform: `translateY(${item.start - HEAD}px)`, height: item.size };
          if (line.type === "phase") {
            return (
              <div key={`phase ${line.n}`} role="presentation" className="lanes-phase" style={style}>
                <b>{line.phase}</b>
                <span className="muted">
                  {line.steps === 1 ? "1 step" : `${line.steps} steps`}, from {since(line.us)}
                </span>
              </div>
            );
          }
          const { record } = line;
          const when = at === null || record.n < at ? "" : record === active ? " now" : record.n > at ? " later" : "";
          return (
            <Step
              key={record.n}
              id={`${id}-${record.n}`}
              record={record}
              inside={line.inside}
              nested={line.nested}
              when={when}
              style={style.transform as string}
              height={row}
              choose={onChoose}
              unfold={onUnfold}
              place={item.index + 1}
              count={lines.length}
            />
          );
        })}
      </div>
    </div>
  );
}

interface StepGiven {
  id: string;
  record: TraceRecord;
  inside: number;
  nested: boolean;
  when: string;
  style: string;
  height: number;
  place: number;
  count: number;
  choose: (n: number) => void;
  unfold: (n: number) => void;
}

const Step = memo(function Step({ id, record, inside, nested, when, style, height, place, count, choose, unfold }: StepGiven) {
  const from = middle(record.source);
  const to = middle(record.target);
  const way = from === to ? "stay" : from < to ? "right" : "left";
  return (
    <div
      id={id}
      role="option"
      aria-selected={when === " now"}
      aria-posinset={place}
      aria-setsize={count}
      className={`lanes-step${when}${nested ? " nested" : ""}`}
      data-step={record.n}
      data-kind={record.kind}
      style={{ transform: style, height }}
      onClick={() => choose(record.n)}
    >
      <span className="lanes-gutter">
        <span className="number">{record.n}</span>
        <span className="lanes-time number muted">{since(record.us)}</span>
      </span>
      <span className="lanes-field" aria-hidden="true">
        <span className={`arrow ${way} kind-${record.kind}`} style={way === "stay" ? { left: `${from}%` } : { left: `${Math.min(from, to)}%`, width: `${Math.abs(to - from)}%` }}>
          <span className="arrow-label">{label(record)}</span>
        </span>
      </span>
      <span className="lanes-says">
        <KindMark kind={record.kind} />
        <span className="lanes-text">{record.says}</span>
        {inside > 0 && (
          <span
            className="tag fold"
            title="What the script does (Enter)"
            onClick={(event) => {
              event.stopPropagation();
              unfold(record.n);
            }}
          >
            +{inside}
          </span>
        )}
      </span>
    </div>
  );
});

const keyOf = (line: Line | undefined, place: number) => (line ? (line.type === "phase" ? `phase ${line.n}` : line.record.n) : place);

/** A word on the arrow. */
function label(record: TraceRecord): string {
  if (record.command) return record.command.script && record.command.client !== "lua" ? record.command.script : record.command.name;
  if (record.kind === "event") return String(record.event?.type ?? "event").replace(/^\w+\./, "");
  if (record.kind === "acknowledged") return "ack";
  if (record.kind === "rejected") return "reject";
  return record.task ?? record.message?.name ?? "call";
}

/** What a lane holds at the shown step. */
function held(lane: Lane, counts: Counts): string[] {
  switch (lane) {
    case "producer":
      return [`${counts.messages} sent`];
    case "broker":
      return [`${counts.waiting} queued`, `${counts.unacked} unacked`];
    case "worker":
      return [`${counts.delivered} received`];
    case "state":
      return [counts.keys ? `${counts.keys} keys` : `${counts.events} changes`];
    case "model":
      return [counts.calls === 1 ? "1 call" : `${counts.calls} calls`];
  }
}
