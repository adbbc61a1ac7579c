import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { ApiError, call } from "../api/client.ts";
import { diagnosisQuery } from "../api/queries.ts";
import type { RunDetail } from "../api/generated.ts";
import { useShortcuts } from "../lib/keys.ts";
import { isDone, isOver } from "../live/apply.ts";
import { Empty, Failure, Loading, Tabs, useArrived, useTitle } from "../parts/basics.tsx";
import { Json } from "../parts/Json.tsx";
import { Deliveries } from "./Deliveries.tsx";
import { DiagnosisCard } from "./DiagnosisCard.tsx";
import { Actions, type Asked, canRetry } from "./Actions.tsx";
import { RunHeader } from "./RunHeader.tsx";
import { RunGraph } from "./RunGraph.tsx";
import { TaskPanel } from "./TaskPanel.tsx";
import { TaskTable } from "./TaskTable.tsx";
import { Timeline } from "./Timeline.tsx";
import { useRun } from "./useRun.ts";

const Dialogs = lazy(() => import("./Dialogs.tsx"));
const EventLog = lazy(() => import("./EventLog.tsx").then((found) => ({ default: found.EventLog })));
const LabPanel = lazy(() => import("../lab/LabPanel.tsx").then((found) => ({ default: found.LabPanel })));

const VIEWS = [
  { id: "graph", text: "Graph" },
  { id: "timeline", text: "Timeline" },
  { id: "table", text: "Table" },
  { id: "events", text: "Events" },
] as const;
type ViewName = (typeof VIEWS)[number]["id"];

export default function RunPage({ id }: { id: string }) {
  const { run, error, refetch, ticks } = useRun(id);
  useTitle(run ? `${run.definition} ${run.id.slice(0, 8)}` : "Run");
  if (!run) {
    if (error instanceof ApiError && error.status === 404) {
      return (
        <Empty page title="There is no such run">
          It may have been deleted when it was old, or the address is mistyped. <Link href="/runs">All runs</Link>
        </Empty>
      );
    }
    return <div className="page">{error ? <Failure error={error} again={() => void refetch()} /> : <Loading lines={6} />}</div>;
  }
  return <Shown run={run} ticks={ticks} />;
}

function Shown({ run, ticks }: { run: RunDetail; ticks: Record<string, number> }) {
  const [params, setParams] = useSearchParams();
  const [asked, setAsked] = useState<Asked | null>(null);
  const [, navigate] = useLocation();
  const chosen = params.get("view");
  const view: ViewName = VIEWS.some((each) => each.id === chosen) ? (chosen as ViewName) : "graph";
  const key = params.get("task");
  const listed = run.tasks.find((each) => each.key === key);
  // Items of a map are tasks too, which the picture of the run leaves out.
  const item = useQuery({
    queryKey: ["task", run.id, key, run.settled],
    queryFn: ({ signal }) => call("get_task", { path: { run_id: run.id, key: key ?? "" } }, signal),
    enabled: key !== null && !listed,
    refetchInterval: (query) => (run.settled || (query.state.data && isDone(query.state.data.state)) ? false : 1_000),
  });
  const task = listed ?? (key !== null && item.data?.key === key ? item.data : undefined);

  function put(change: Record<string, string | null>) {
    setParams(
      (now) => {
        const next = new URLSearchParams(now);
        for (const [name, value] of Object.entries(change)) value === null ? next.delete(name) : next.set(name, value);
        return next;
      },
      { replace: true },
    );
  }
  const written = Object.values(ticks).reduce((sum, each) => sum + each, 0);
  const select = (wanted: string) => put({ task: wanted === key ? null : wanted, tab: null, attempt: null });
  useShortcuts([
    { keys: "1", does: "graph", run: () => put({ view: null }) },
    { keys: "2", does: "timeline", run: () => put({ view: "timeline" }) },
    { keys: "3", does: "table", run: () => put({ view: "table" }) },
    { keys: "4", does: "events", run: () => put({ view: "events" }) },
    { keys: "r", does: "relaunch this run", run: () => setAsked({ what: "relaunch" }) },
    { keys: "x", does: "the X-ray of this run", run: () => navigate(`/runs/${run.id}/xray`) },
    { keys: "d", does: "what is different from the last success", run: () => navigate(`/runs/${run.id}/compare/last_success`) },
    ...(canRetry(run) ? [{ keys: "f", does: "retry what failed", run: () => setAsked({ what: "retry" }) }] : []),
    ...(isOver(run.state) ? [] : [{ keys: "c", does: "cancel this run", run: () => setAsked({ what: "cancel" }) }]),
    ...(task ? [{ keys: "Escape", does: "close the task", run: () => put({ task: null }) }] : []),
  ]);

  // The diagnosis is asked for anew when the state of a task changed, not with each event.
  const version = useMemo(() => `${run.state} ${run.settled} ${run.tasks.map((each) => each.state[0] + String(each.attempts.length)).join("")}`, [run]);
  const waiting = !isOver(run.state);
  const diagnosis = useQuery({
    ...diagnosisQuery(run.id, version),
    enabled: run.state !== "success",
    refetchInterval: waiting ? 3_000 : false,
  });

  const arrived = useArrived(run.state === "success" || !diagnosis.isPending);
  if (!arrived) return <div className="page"><Loading lines={6} /></div>;

  return (
    <div className="page run-page">
      <RunHeader run={run}>
        <Actions run={run} ask={setAsked} />
      </RunHeader>
      {run.state !== "success" && <DiagnosisCard run={run} diagnosis={diagnosis.data} open={(name, tab) => put({ task: name, tab })} ask={setAsked} />}
      <div className={task ? "run-body with-panel" : "run-body"}>
        <section className="card run-main" aria-label="Tasks">
          <Tabs label="View" tabs={VIEWS} chosen={view} choose={(name) => put({ view: name === "graph" ? null : name })} />
          <div role="tabpanel" aria-label={view}>
            {view === "graph" && <RunGraph run={run} selected={key} onSelect={select} />}
            {view === "timeline" && <Timeline run={run} selected={key} onSelect={select} />}
            {view === "table" && <TaskTable run={run} selected={key} onSelect={select} />}
            {view === "events" && (
              <Suspense fallback={<div className="events"><Loading lines={5} /></div>}>
                <EventLog run={run} tick={written} type={params.get("type")} task={params.get("about")} event={params.get("event")} put={put} />
              </Suspense>
            )}
          </div>
        </section>
        {task && (
          <TaskPanel
            key={task.id}
            run={run}
            task={task}
            reason={diagnosis.data?.waiting.find((each) => each.task === task.key)?.reason ?? null}
            tick={ticks[task.key] ?? 0}
            tab={params.get("tab")}
            attempt={params.get("attempt")}
            put={put}
            ask={setAsked}
          />
        )}
      </div>
      <Deliveries run={run} />
      <div className="run-values">
        {run.state === "success" && (
          <section className="card">
            <Json title="Result" name={`${run.id.slice(0, 8)}-result`} value={run.result} />
          </section>
        )}
        <section className="card">
          <Json title="Payload" name={`${run.id.slice(0, 8)}-payload`} value={run.payload} />
        </section>
      </div>
      <Suspense>
        <LabPanel run={run} />
      </Suspense>
      <Suspense>{asked && <Dialogs run={run} asked={asked} onClose={() => setAsked(null)} />}</Suspense>
    </div>
  );
}
