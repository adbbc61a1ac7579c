import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { call, sentence } from "../api/client.ts";
import type { LogLine, TaskView } from "../api/generated.ts";
import { connection } from "../live/connection.ts";
import { Download } from "../parts/basics.tsx";
import { Marked } from "../parts/Json.tsx";

const PAGE = 2000;
const COLOURS = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** What a task wrote: all attempts or one, searched, followed while it runs. */
export function Logs({ run, task, tick, attempt, setAttempt }: { run: string; task: TaskView; tick: number; attempt: string | null; setAttempt: (attempt: string | null) => void }) {
  const [lines, setLines] = useState<LogLine[]>([]);
  const [state, setState] = useState<"fetching" | "ready">("fetching");
  const [error, setError] = useState<unknown>(null);
  const [text, setText] = useState("");
  const [tail, setTail] = useState(true);
  const after = useRef(0);
  const busy = useRef(false);
  const again = useRef(false);

  const fetchMore = useEffectEvent(async (stop: AbortSignal) => {
    if (busy.current) {
      again.current = true;
      return;
    }
    busy.current = true;
    try {
      for (;;) {
        again.current = false;
        const page = await call("get_task_logs", { path: { run_id: run, key: task.key }, query: { after: after.current, limit: PAGE } }, stop);
        const last = page.items[page.items.length - 1];
        if (last) {
          after.current = last.id;
          setLines((now) => [...now, ...page.items]);
        }
        setError(null);
        setState("ready");
        if (page.next_after === null && !again.current) break;
      }
    } catch (reason) {
      if (!stop.aborted) setError(reason);
    } finally {
      busy.current = false;
    }
  });
  // New output is announced by an event; the end of the task may bring the rest of it.
  useEffect(() => {
    const stop = new AbortController();
    void fetchMore(stop.signal);
    return () => stop.abort();
  }, [tick, task.state]);
  useEffect(() => connection.onBack(() => void fetchMore(new AbortController().signal)), []);

  const wanted = text.trim().toLowerCase();
  const shown = useMemo(
    () => lines.filter((line) => (!attempt || line.attempt === Number(attempt)) && (!wanted || line.line.toLowerCase().includes(wanted))),
    [lines, attempt, wanted],
  );
  const numbers = [...new Set([...task.attempts.map((each) => each.attempt), ...lines.map((line) => line.attempt)])].sort((one, two) => one - two);

  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => 20, overscan: 30 });
  useEffect(() => {
    const element = scroller.current;
    if (tail && element) element.scrollTop = element.scrollHeight;
  }, [shown.length, tail]);

  return (
    <div className="logs">
      <div className="logs-tools">
        <select aria-label="Attempt" value={attempt ?? ""} onChange={(event) => setAttempt(event.target.value || null)}>
          <option value="">all attempts</option>
          {numbers.map((number) => (
            <option key={number} value={number}>
              attempt {number}
            </option>
          ))}
        </select>
        <input type="search" placeholder="Search" aria-label="Search in the logs" value={text} onChange={(event) => setText(event.target.value)} />
        <label className="check">
          <input type="checkbox" checked={tail} onChange={(event) => setTail(event.target.checked)} /> follow
        </label>
        <Download name={`${task.key}-${run.slice(0, 8)}.log`} type="text/plain" label="Download the logs" text={() => lines.map((line) => `${line.at} ${line.attempt} ${line.stream} ${line.line}`).join("\n")} />
      </div>
      {error !== null && <p className="bad">{sentence(error)}</p>}
      {state === "ready" && shown.length === 0 ? (
        <p className="muted">{lines.length ? "No line fits." : task.attempts.length ? "It wrote nothing: no print, no log record." : "It has not run yet."}</p>
      ) : (
        <div
          className="logs-lines"
          ref={scroller}
          tabIndex={0}
          role="log"
          aria-label={`Output of ${task.key}`}
          onScroll={(event) => {
            const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
            setTail(scrollHeight - scrollTop - clientHeight < 30);
          }}
        >
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map((item) => {
              const line = shown[item.index];
              if (!line) return null;
              return (
                <div key={line.id} ref={rows.measureElement} data-index={item.index} className={`log-line stream-${line.stream.toLowerCase()}`} style={{ transform: `translateY(${item.start}px)` }}>
                  <time dateTime={line.at} title={line.at}>
                    {new Date(line.at).toLocaleTimeString(undefined, { hour12: false })}
                  </time>
                  <span className="log-stream">{line.stream}</span>
                  <span className="log-text">
                    <Marked text={line.line.replace(COLOURS, "")} wanted={wanted} />
                  </span>
                </div>
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}
