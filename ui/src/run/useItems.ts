// The items of the maps that are unfolded in a timeline.
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { call } from "../api/client.ts";
import type { RunDetail, TaskView } from "../api/generated.ts";
import { isDone } from "../live/apply.ts";

const FIRST = 100;
const PAGE = 500;

interface Found {
  items: readonly TaskView[];
  error: boolean;
}

export interface Items {
  of: (key: string) => Found | null;
  /** Shows more of a map's items. */
  more: (key: string) => void;
}

async function fetched(run: string, key: string, wanted: number, signal: AbortSignal): Promise<TaskView[]> {
  const found: TaskView[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: TaskView[]; next_cursor: string | null } = await call("list_tasks", { path: { run_id: run }, query: { parent: key, cursor, limit: Math.min(PAGE, wanted - found.length) } }, signal);
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && found.length < wanted);
  return found;
}

export function useItems(run: RunDetail, unfolded: ReadonlySet<string>): Items {
  const [wanted, setWanted] = useState<ReadonlyMap<string, number>>(new Map());
  const maps = run.tasks.filter((task) => task.items && unfolded.has(task.key));
  const answers = useQueries({
    queries: maps.map((task) => {
      const many = wanted.get(task.key) ?? FIRST;
      return {
        queryKey: ["timeline", run.id, task.key, run.epoch, many, isDone(task.state)],
        queryFn: ({ signal }: { signal: AbortSignal }) => fetched(run.id, task.key, many, signal),
        placeholderData: (before: TaskView[] | undefined) => before,
        // A long list is a large answer.
        refetchInterval: isDone(task.state) ? (false as const) : Math.max(1_000, many * 5),
      };
    }),
  });
  const state = answers.map((each) => `${each.dataUpdatedAt} ${each.isError}`).join();
  return useMemo(
    () => ({
      of: (key) => {
        const place = maps.findIndex((task) => task.key === key);
        const answer = answers[place];
        return answer ? { items: answer.data ?? [], error: answer.isError } : null;
      },
      more: (key) => {
        const answer = answers[maps.findIndex((task) => task.key === key)];
        if (answer?.isError) void answer.refetch();
        else setWanted((now) => new Map(now).set(key, (now.get(key) ?? FIRST) + PAGE));
      },
    }),
    [state, unfolded, wanted],
  );
}
