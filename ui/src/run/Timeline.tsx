import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import type { RunDetail } from "../api/generated.ts";
import { duration, useNow } from "../lib/time.ts";
import { isOver } from "../live/apply.ts";
import { Icon } from "../parts/Icon.tsx";
import { StateIcon } from "../parts/State.tsx";
import { spoken } from "./facts.ts";
import { reach, type Span, spans, ticks } from "./spans.ts";

const ROW = 30;

/** Each attempt on the time axis: waiting in queue, running, waiting for its retry; lost and fenced ones marked. */
export function Timeline({ run, selected, onSelect }: { run: RunDetail; selected: string | null; onSelect: (key: string) => void }) {
  const going = !isOver(run.state) || !run.settled;
  const now = useNow(going ? 100 : 0);
  const [start, end] = reach(run, now);
  const [zoom, setZoom] = useState<{ from: number; to: number } | null>(null);
  const whole = { from: start, to: end + (end - start) * 0.02 };
  const { from, to } = zoom ?? whole;
  const tasks = useMemo(() => run.tasks.filter((task) => task.attempts.length || !task.hook), [run.tasks]);

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
  function drag(event: React.PointerEvent) {
    if (!zoom || event.buttons !== 1 || event.movementX === 0) return;
    const by = (-event.movementX / wide) * (to - from);
    const left = Math.max(whole.from, Math.min(whole.to - (to - from), from + by));
    setZoom({ from: left, to: left + (to - from) });
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
      <div className="timeline-scroll" ref={scroller} tabIndex={0} role="group" aria-label="Timeline">
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
            const task = tasks[item.index];
            if (!task) return null;
            return (
              <div key={task.id} className={task.key === selected ? "timeline-row chosen" : "timeline-row"} style={{ transform: `translateY(${item.start}px)`, height: ROW }}>
                <button type="button" className="timeline-label" aria-label={spoken(task)} aria-pressed={task.key === selected} data-state={task.state} onClick={() => onSelect(task.key)}>
                  <StateIcon state={task.state} size={14} />
                  <span>{task.key}</span>
                </button>
                <div className="timeline-track" onClick={() => onSelect(task.key)}>
                  {marks.map((at) => (
                    <span key={at} className="grid" style={{ left: `${percent(start + at)}%` }} />
                  ))}
                  {spans(task, now).map((span) => span.to >= from && span.from <= to && <Bar key={`${span.kind} ${span.attempt} ${span.from}`} span={span} left={percent(Math.max(from, span.from))} right={percent(Math.min(to, span.to))} />)}
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

function Bar({ span, left, right }: { span: Span; left: number; right: number }) {
  const mark = span.outcome === "lost" || span.outcome === "fenced";
  return (
    <span className={`bar span-${span.kind} ${span.outcome}`} data-kind={span.kind} data-outcome={span.outcome} title={span.title} style={{ left: `${left}%`, width: `max(2px, ${right - left}%)` }}>
      {span.kind === "run" && (mark || span.attempt > 1) && <span className="bar-text">{mark ? span.outcome : span.attempt}</span>}
    </span>
  );
}
