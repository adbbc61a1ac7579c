import { useInfiniteQuery } from "@tanstack/react-query";
import { call } from "../api/client.ts";
import type { RunDetail, TaskList, TaskView } from "../api/generated.ts";
import { duration } from "../lib/time.ts";
import { isDone } from "../live/apply.ts";
import { Failure, Loading } from "../parts/basics.tsx";
import { State } from "../parts/State.tsx";
import { look } from "../parts/states.ts";
import { lasted } from "./facts.ts";

const PAGE = 100;

/** The items of a map task, a page at a time. */
export function Items({ run, task, open }: { run: RunDetail; task: TaskView; open: (key: string) => void }) {
  const found = useInfiniteQuery({
    queryKey: ["items", run.id, task.key, run.epoch],
    queryFn: ({ pageParam, signal }): Promise<TaskList> => call("list_tasks", { path: { run_id: run.id }, query: { parent: task.key, cursor: pageParam, limit: PAGE } }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page: TaskList) => page.next_cursor,
    refetchInterval: isDone(task.state) ? false : 2_000,
  });
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <ul className="legend" aria-label="Items by state">
        {Object.entries(task.items?.states ?? {}).map(([state, count]) => (
          <li key={state}>
            <State state={state} size={14} /> <span className="hidden">{look(state).word}: </span>
            {count}
          </li>
        ))}
      </ul>
      {found.error && <Failure error={found.error} />}
      {found.isPending && <Loading />}
      <ul className="items">
        {items.map((item) => {
          const length = lasted(item, Date.now());
          return (
            <li key={item.id}>
              <State state={item.state} size={14} />
              <button type="button" className="link" onClick={() => open(item.key)}>
                {item.key}
              </button>
              <span className="muted number">{length === null ? "" : duration(length)}</span>
              {item.attempts.length > 1 && <span className="muted">{item.attempts.length} attempts</span>}
              {item.error && <span className="brief bad">{item.error.message}</span>}
            </li>
          );
        })}
      </ul>
      {found.hasNextPage && (
        <button type="button" className="button" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          More items
        </button>
      )}
    </>
  );
}
