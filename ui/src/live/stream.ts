// Server-sent events that come back: after a break the stream goes on after the last event seen.
import { useEffect, useEffectEvent } from "react";
import type { Event as Told } from "../api/generated.ts";
import { signed } from "../api/session.ts";
import { connection } from "./connection.ts";

const KINDS = ["run.state", "task.state", "task.attempt", "task.log"] as const;
const PAUSES_MS = [250, 500, 1000, 2000, 4000];
/** A hidden tab lets its connection go after this time: browsers have only six for each server. */
const HIDDEN_MS = 20_000;

/** After a break longer than this, a feed of all runs begins anew instead of telling everything that was missed. */
const LONG_MS = 60_000;

let count = 0;

/**
 * Follows a feed until the function that it returns is called.
 * @param path of the feed
 * @param last number of the last event known; null for "from now on"
 * @param on called with each event, in order, each once
 * @param missed called when the stream is open again and events may have been missed (a feed "from now on" only)
 */
export function follow(path: string, last: number | null, on: (event: Told) => void, missed?: () => void): () => void {
  const who = `stream ${++count}`;
  let seen = last;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let opened = false;
  let ended = false;
  let closedAt = 0;

  function open(): void {
    timer = undefined;
    if (ended) return;
    if (last === null && closedAt && Date.now() - closedAt > LONG_MS) seen = null;
    source = new EventSource(seen === null ? path : `${path}?last_event_id=${seen}`);
    source.onopen = () => {
      failures = 0;
      connection.works(who);
      if (opened && seen === null) missed?.();
      opened = true;
    };
    source.onerror = () => {
      source?.close();
      source = undefined;
      if (!failures) {
        closedAt = Date.now();
        void signed.check(); // a stream cannot say that it was refused
      }
      connection.failed(who);
      const pause = PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)];
      timer = setTimeout(open, pause);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (message: MessageEvent<string>) => {
        const event = JSON.parse(message.data) as Told;
        seen = event.id;
        on(event);
      });
    }
  }

  function close(): void {
    clearTimeout(timer);
    timer = undefined;
    closedAt = Date.now();
    source?.close();
    source = undefined;
  }

  let asleep: ReturnType<typeof setTimeout> | undefined;
  function seenOrHidden(): void {
    clearTimeout(asleep);
    if (document.hidden) asleep = setTimeout(close, HIDDEN_MS);
    else if (!source && !timer) open();
  }

  document.addEventListener("visibilitychange", seenOrHidden);
  open();
  return () => {
    ended = true;
    clearTimeout(asleep);
    document.removeEventListener("visibilitychange", seenOrHidden);
    close();
    connection.forget(who);
  };
}

/** Follows a feed while the component is there. `last` is read when the stream opens; null `path` follows nothing. */
export function useFeed(path: string | null, last: number | null, on: (event: Told) => void, missed?: () => void): void {
  const told = useEffectEvent(on);
  const lost = useEffectEvent(() => missed?.());
  const start = useEffectEvent(() => last);
  useEffect(() => {
    if (path === null) return;
    return follow(path, start(), (event) => told(event), () => lost());
  }, [path]);
}
