// One run, live: the picture from the server, and what has happened since.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { call } from "../api/client.ts";
import type { Event as Told, RunDetail } from "../api/generated.ts";
import { apply } from "../live/apply.ts";
import { useFeed } from "../live/stream.ts";

const MANY = 200;

/** Milliseconds between two pictures of a run while events come: a large run is a large answer. */
function rhythm(run: RunDetail | undefined): number {
  return Math.min(5000, 250 + (run?.tasks.length ?? 0) * 3);
}

export function useRun(id: string) {
  const client = useQueryClient();
  const since = useRef<Told[]>([]);
  const [ticks, setTicks] = useState<Record<string, number>>({});
  const query = useQuery({
    queryKey: ["run", id],
    staleTime: 1_000,
    queryFn: async ({ signal }) => {
      const picture = await call("get_run", { path: { run_id: id } }, signal);
      // Events may have come while the answer was on its way; they are not to be taken back.
      since.current = since.current.filter((event) => event.id > picture.last_event);
      return apply(picture, since.current);
    },
  });
  const run = query.data;

  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const last = useRef(0);
  const refresh = useCallback(
    (pause: number) => {
      timer.current ??= setTimeout(
        () => {
          timer.current = undefined;
          last.current = Date.now();
          void client.invalidateQueries({ queryKey: ["run", id] }, { cancelRefetch: false });
        },
        Math.max(20, pause - (Date.now() - last.current)),
      );
    },
    [client, id],
  );
  const flush = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      clearTimeout(flush.current);
      timer.current = flush.current = undefined;
    },
    [],
  );

  useFeed(run && !run.settled ? `/api/v1/runs/${encodeURIComponent(id)}/events` : null, run?.last_event ?? 0, (event) => {
    if (event.type === "task.log") {
      const key = event.task ?? "";
      setTicks((now) => ({ ...now, [key]: (now[key] ?? 0) + 1 }));
      return;
    }
    since.current.push(event);
    // Events come in bursts: one picture for all that came since the last.
    flush.current ??= setTimeout(
      () => {
        flush.current = undefined;
        client.setQueryData<RunDetail>(["run", id], (now) => now && apply(now, since.current));
      },
      (run?.tasks.length ?? 0) > MANY ? 150 : 0,
    );
    refresh(event.type === "run.settled" || event.type === "run.restored" ? 0 : rhythm(run));
  });
  return { run, error: query.error, refetch: query.refetch, ticks };
}
