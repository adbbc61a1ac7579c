import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { call, sentence } from "../api/client.ts";
import type { Event as Told, RunDetail } from "../api/generated.ts";
import { exact } from "../lib/time.ts";
import { connection } from "../live/connection.ts";
import { Copy, Download, Loading } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Json } from "../parts/Json.tsx";
import { StateIcon } from "../parts/State.tsx";
import { about, words } from "./happened.ts";

const PAGE = 1000;
const ROW = 34;

interface Given {
  run: RunDetail;
  /** Changes when something was written. */
  tick: number;
  type: string | null;
  task: string | null;
  /** Number of the event that is unfolded. */
  event: string | null;
  put: (change: Record<string, string | null>) => void;
}

/** All that happened to a run, in order, to the millisecond, with its details; live while the run is. */
export function EventLog({ run, tick, type, task, event: open, put }: Given) {
  const [events, setEvents] = useState<readonly Told[]>([]);
  const [ready, setReady] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [tail, setTail] = useState(false);
  const after = useRef(0);
  const busy = useRef(false);
  const again = useRef(false);
  const more = useEffectEvent(async (stop: AbortSignal) => {
    again.current = true;
    if (busy.current) return;
    busy.current = true;
    try {
      while (again.current && !stop.aborted) {
        again.current = false;
        const page = await call("list_events", { path: { run_id: run.id }, query: { after: after.current, limit: PAGE } }, stop);
        const last = page.items[page.items.length - 1];
        if (last) {
          after.current = last.id;
          setEvents((now) => [...now, ...page.items]);
        }
        if (page.next_after !== null) again.current = true;
        setError(null);
        setReady(true);
      }
    } catch (reason) {
      if (!stop.aborted) setError(reason);
    } finally {
      busy.current = false;
    }
  });
  const stop = useRef<AbortController>(null);
  useEffect(() => {
    const mine = new AbortController();
    stop.current = mine;
    busy.current = false;
    const forget = connection.onBack(() => void more(mine.signal));
    return () => {
      mine.abort();
      forget();
    };
  }, []);
  useEffect(() => {
    // Events come in bursts.
    const timer = setTimeout(() => stop.current && void more(stop.current.signal), after.current ? 200 : 0);
    return () => clearTimeout(timer);
  }, [run.last_event, tick]);

  const types = useMemo(() => {
    const counts = new Map<string, number>();
    for (const each of events) counts.set(each.type, (counts.get(each.type) ?? 0) + 1);
    return [...counts].sort(([one], [two]) => (one < two ? -1 : 1));
  }, [events]);
  const shown = useMemo(() => events.filter((each) => (!type || each.type === type) && (!task || about(each).includes(task))), [events, type, task]);
  const keys = useMemo(() => {
    const named = new Set(run.tasks.map((each) => each.key));
    return task && !named.has(task) ? [task, ...named] : [...named];
  }, [run.tasks, task]);

  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 15, getItemKey: (row) => shown[row]?.id ?? row });
  const place = open === null ? -1 : shown.findIndex((each) => String(each.id) === open);
  const wanted = useRef(open);
  useEffect(() => {
    // A link to one event shows it; who unfolds one by hand sees it already.
    if (place < 0 || wanted.current === null) return;
    wanted.current = null;
    rows.scrollToIndex(place, { align: "center" });
  }, [place, rows]);
  useEffect(() => {
    if (tail && shown.length) rows.scrollToIndex(shown.length - 1, { align: "end" });
  }, [shown.length, tail, rows]);

  const begin = Date.parse(run.created_at);
  return (
    <div className="events">
      <div className="logs-tools">
        <select aria-label="Type of event" value={type ?? ""} onChange={(change) => put({ type: change.target.value || null })}>
          <option value="">every type</option>
          {type && !types.some(([name]) => name === type) && <option value={type}>{type} (0)</option>}
          {types.map(([name, number]) => (
            <option key={name} value={name}>
              {name} ({number})
            </option>
          ))}
        </select>
        <select aria-label="Task" value={task ?? ""} onChange={(change) => put({ about: change.target.value || null })}>
          <option value="">every task</option>
          {keys.slice(0, 2000).map((key) => (
            <option key={key}>{key}</option>
          ))}
        </select>
        <label className="check">
          <input type="checkbox" checked={tail} onChange={(change) => setTail(change.target.checked)} /> follow
        </label>
        <span className="muted number">{shown.length === events.length ? `${events.length} events` : `${shown.length} of ${events.length} events`}</span>
        <Download name={`${run.id.slice(0, 8)}-events.json`} label="Download the events" text={() => JSON.stringify(shown, null, 2)} />
      </div>
      {error !== null && <p className="bad">{sentence(error)}</p>}
      {!ready && error === null && <Loading lines={5} />}
      {ready && shown.length === 0 && <p className="muted">{events.length ? "No event fits." : "Nothing has happened yet."}</p>}
      {shown.length > 0 && (
        <div
          className="events-rows"
          ref={scroller}
          tabIndex={0}
          role="log"
          aria-label="Events"
          onWheel={(wheel) => wheel.deltaY < 0 && setTail(false)}
        >
          <ol style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map((item) => {
              const event = shown[item.index];
              if (!event) return null;
              const unfolded = String(event.id) === open;
              const since = Date.parse(event.at) - begin;
              return (
                <li key={event.id} ref={rows.measureElement} data-index={item.index} data-event={event.type} className={unfolded ? "event open" : "event"} style={{ transform: `translateY(${item.start}px)` }}>
                  <div className="event-head">
                    <button type="button" className="event-fold" aria-expanded={unfolded} aria-label={`Details of event ${event.id}, ${event.type}`} onClick={() => put({ event: unfolded ? null : String(event.id) })}>
                      <Icon name="chevron" size={12} />
                    </button>
                    <time className="number muted" dateTime={event.at} title={`${event.at}, ${(since / 1000).toFixed(3)} s after the start`}>
                      {exact(Date.parse(event.at)).slice(11, 23)}
                    </time>
                    <span className="event-type">
                      {event.state && <StateIcon state={event.state} size={14} />}
                      <code>{event.type}</code>
                    </span>
                    {event.task ? (
                      <button type="button" className="link event-task" onClick={() => put({ task: event.task, tab: null })}>
                        {event.task}
                        {event.attempt !== null && <span className="muted"> attempt {event.attempt}</span>}
                      </button>
                    ) : (
                      <span className="event-task muted">run</span>
                    )}
                    <span className="event-words brief">{words(event)}</span>
                  </div>
                  {unfolded && <Details event={event} since={since} />}
                </li>
              );
            })}
          </ol>
        </div>
      )}
    </div>
  );
}

function Details({ event, since }: { event: Told; since: number }) {
  const address = new URL(window.location.href);
  address.searchParams.set("event", String(event.id));
  return (
    <div className="event-details">
      <p className="muted">
        Event {event.id} at <span className="number">{event.at}</span>, {(since / 1000).toFixed(3)} s after the run was accepted
        {event.state && <>; then {event.task ? event.task : "the run"} was “{event.state.replaceAll("_", " ")}”</>}. <Copy text={address.toString()} label="Copy a link to this event" />
      </p>
      <Json title="Details" name={`event-${event.id}`} value={event.data ?? {}} />
    </div>
  );
}
