import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import type { RunDetail, TaskView } from "../api/generated.ts";
import { duration, useNow } from "../lib/time.ts";
import { isOver } from "../live/apply.ts";
import { Icon } from "../parts/Icon.tsx";
import { StateIcon } from "../parts/State.tsx";
import { spoken } from "./facts.ts";
import { itemsTold, reach, type Span, spans, ticks } from "./spans.ts";
import { useItems } from "./useItems.ts";

const ROW = 30;

type Row = { task: TaskView; parent: string | null } | { more: string; left: number; error: boolean };

/** Each attempt on the time axis: waiting in queue, running, waiting for its retry; lost and fenced ones marked. */
export function Timeline({ run, selected, onSelect }: { run: RunDetail; selected: string | null; onSelect: (key: string) => void }) {
  const going = !isOver(run.state) || !run.settled;
  const now = useNow(going ? 100 : 0);
  const [start, end] = reach(run, now);
  const [zoom, setZoom] = useState<{ from: number; to: number } | null>(null);
  const whole = { from: start, to: end + (end - start) * 0.02 };
  const { from, to } = zoom ?? whole;
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(() => new Set(selected?.includes("[") ? [selected.slice(0, selected.lastIndexOf("["))] : []));
  const items = useItems(run, unfolded);
  const tasks = useMemo(() => {
    const rows: Row[] = [];
    for (const task of run.tasks) {
      if (!task.attempts.length && task.hook) continue;
      rows.push({ task, parent: null });
      const found = task.items && unfolded.has(task.key) ? items.of(task.key) : null;
      if (!found || !task.items) continue;
      for (const item of found.items) rows.push({ task: item, parent: task.key });
      const left = task.items.total - found.items.length;
      if (left > 0) rows.push({ more: task.key, left, error: found.error });
    }
    return rows;
  }, [run.tasks, unfolded, items]);
  function fold(key: string) {
    const next = new Set(unfolded);
    if (!next.delete(key)) next.add(key);
    setUnfolded(next);
  }

  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: tasks.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 10 });
  const place = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState(600);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWide(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  function scale(factor: number, at = 0.5) {
    const middle = from + (to - from) * at;
    const width = Math.min(whole.to - whole.from, Math.max(5, (to - from) * factor));
    if (width >= whole.to - whole.from) return setZoom(null);
    const left = Math.max(whole.from, Math.min(whole.to - width, middle - width * at));
    setZoom({ from: left, to: left + width });
  }
  const latest = useRef({ scale, from, to, whole });
  latest.current = { scale, from, to, whole };
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    function onWheel(event: WheelEvent) {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = place.current?.getBoundingClientRect();
      if (box) latest.current.scale(Math.exp(event.deltaY / 200), Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    }
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);
  function pan(share: number) {
    const width = to - from;
    const left = Math.max(whole.from, Math.min(whole.to - width, from + width * share));
    if (zoom) setZoom({ from: left, to: left + width });
  }
  function onKey(event: React.KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") scale(0.6);
    else if (event.key === "-") scale(1 / 0.6);
    else if (event.key === "0") setZoom(null);
    else if (event.key === "ArrowLeft" && zoom) pan(-0.2);
    else if (event.key === "ArrowRight" && zoom) pan(0.2);
    else return;
    event.preventDefault();
  }
  function drag(event: React.PointerEvent) {
    if (!zoom || event.buttons !== 1 || event.movementX === 0) return;
    pan(-event.movementX / wide);
  }
  const percent = (at: number) => ((at - from) / (to - from)) * 100;
  const marks = ticks(from - start, to - start, Math.max(2, wide / 90));
  return (
    <div className="timeline">
      <div className="timeline-tools">
        <ul className="legend" aria-label="What the bars mean">
          <li><span className="swatch span-queue" /> in queue</li>
          <li><span className="swatch span-run running" /> running</li>
          <li><span className="swatch span-pause" /> waits for retry</li>
          {run.tasks.some((task) => task.items || task.kind === "workflow") && <li><span className="swatch span-within" /> its items, or its run</li>}
          {run.tasks.some((task) => task.kind === "approval") && <li><span className="swatch span-ask" /> waits for a person</li>}
          <li><span className="swatch span-run success" /> success</li>
          <li><span className="swatch span-run error" /> failed attempt</li>
          <li><span className="swatch span-run lost" /> lost or fenced</li>
        </ul>
        <span className="zoom">
          <button type="button" className="icon-button" aria-label="Zoom in" onClick={() => scale(0.6)}>
            <Icon name="plus" />
          </button>
          <button type="button" className="icon-button" aria-label="Zoom out" disabled={!zoom} onClick={() => scale(1 / 0.6)}>
            <Icon name="minus" />
          </button>
          <button type="button" className="icon-button" aria-label="Show the whole run" disabled={!zoom} onClick={() => setZoom(null)}>
            <Icon name="fit" />
          </button>
        </span>
      </div>
      <div className="timeline-scroll" ref={scroller} tabIndex={0} role="group" aria-label="Timeline; plus and minus zoom, left and right move" onKeyDown={onKey}>
        <div className="timeline-axis">
          <span className="timeline-label muted">Task</span>
          <div className="timeline-track" ref={place}>
            {marks.map((at) => (
              <span key={at} className="tick" style={{ left: `${percent(start + at)}%` }}>
                {at === 0 ? "0" : duration(at)}
              </span>
            ))}
          </div>
        </div>
        <div className="timeline-rows" style={{ height: rows.getTotalSize() }} onPointerMove={drag}>
          {rows.getVirtualItems().map((item) => {
            const row = tasks[item.index];
            if (!row) return null;
            const style = { transform: `translateY(${item.start}px)`, height: ROW };
            if ("more" in row) {
              return (
                <div key={`more ${row.more}`} className="timeline-row" style={style}>
                  <button type="button" className="timeline-label within link" onClick={() => items.more(row.more)}>
                    <span>{row.error ? "try again: " : ""}{row.left.toLocaleString()} more items</span>
                  </button>
                </div>
              );
            }
            const { task, parent } = row;
            return (
              <div key={task.id} className={task.key === selected ? "timeline-row chosen" : "timeline-row"} style={style}>
                {task.items && (
                  <button type="button" className="timeline-fold" aria-expanded={unfolded.has(task.key)} aria-label={`Items of ${task.key}: ${itemsTold(task)}`} onClick={() => fold(task.key)}>
                    <Icon name="chevron" size={12} />
                  </button>
                )}
                <button type="button" className={`timeline-label${task.items ? " foldable" : ""}${parent ? " within" : ""}`} aria-label={spoken(task)} aria-pressed={task.key === selected} data-state={task.state} onClick={() => onSelect(task.key)}>
                  <StateIcon state={task.state} size={14} />
                  <span>{task.key}</span>
                </button>
                <div className="timeline-track" onClick={() => onSelect(task.key)}>
                  {marks.map((at) => (
                    <span key={at} className="grid" style={{ left: `${percent(start + at)}%` }} />
                  ))}
                  {spans(task, now).map((span) => span.to >= from && span.from <= to && <Bar key={`${span.kind} ${span.attempt} ${span.from}`} span={span} text={span.kind === "within" && task.items ? itemsTold(task) : null} left={percent(Math.max(from, span.from))} right={percent(Math.min(to, span.to))} />)}
                  {going && now <= to && <span className="now-line" style={{ left: `${percent(Math.min(now, to))}%` }} />}
                </div>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Bar({ span, text, left, right }: { span: Span; text: string | null; left: number; right: number }) {
  const mark = span.outcome === "lost" || span.outcome === "fenced";
  return (
    <span className={`bar span-${span.kind} ${span.outcome}`} data-kind={span.kind} data-outcome={span.outcome} title={span.title} style={{ left: `${left}%`, width: `max(2px, ${right - left}%)` }}>
      {text && <span className="bar-text">{text}</span>}
      {span.kind === "run" && (mark || span.attempt > 1) && <span className="bar-text">{mark ? span.outcome : span.attempt}</span>}
    </span>
  );
}
