import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { Link } from "wouter";
import { call } from "../api/client.ts";
import type { AttemptView, RunDetail, TaskView } from "../api/generated.ts";
import { duration, useNow } from "../lib/time.ts";
import { isDone } from "../live/apply.ts";
import { Tabs } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Json } from "../parts/Json.tsx";
import { State, StateIcon } from "../parts/State.tsx";
import { Ago, Countdown } from "../parts/Time.tsx";
import type { Asked } from "./Actions.tsx";
import { Decide } from "./DiagnosisCard.tsx";
import { ErrorView } from "./ErrorView.tsx";
import { queued, ran } from "./facts.ts";
import { Items } from "./Items.tsx";
import { Logs } from "./Logs.tsx";

type Tab = "overview" | "items" | "input" | "result" | "error" | "logs";

interface Given {
  run: RunDetail;
  task: TaskView;
  /** The diagnosis's sentence, shown until the task's own, which is never cut, is there. */
  reason: string | null;
  tick: number;
  tab: string | null;
  attempt: string | null;
  put: (change: Record<string, string | null>) => void;
  ask: (asked: Asked) => void;
}

/** Everything about one task: why it waits, its attempts, input, result, error, output. */
export function TaskPanel({ run, task, reason, tick, tab, attempt, put, ask }: Given) {
  const error = task.error ?? task.attempts.findLast((each) => each.error)?.error ?? null;
  const tabs: { id: Tab; text: ReactNode }[] = [
    { id: "overview", text: "Overview" },
    ...(task.items ? [{ id: "items" as const, text: `Items (${task.items.total})` }] : []),
    { id: "input", text: "Input" },
    ...(task.state === "success" ? [{ id: "result" as const, text: "Result" }] : []),
    ...(error ? [{ id: "error" as const, text: "Error" }] : []),
    { id: "logs", text: "Logs" },
  ];
  const wanted = tabs.find((each) => each.id === tab)?.id;
  const chosen = wanted ?? "overview";
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the panel lies below what was touched.
    if (window.matchMedia("(max-width: 1000px)").matches) place.current?.scrollIntoView({ block: "start" });
  }, []);
  return (
    <aside className="card panel" aria-label={`Task ${task.key}`} ref={place}>
      <header>
        <div>
          <h2>{task.key}</h2>
          <p className="muted">
            {task.task !== task.key && (
              <>
                <code>{task.task}</code> ·{" "}
              </>
            )}
            queue <code>{task.queue}</code>
            {task.hook && ` · ${task.hook} hook`}
          </p>
        </div>
        <State state={task.state} />
        <button type="button" className="icon-button" aria-label="Close the task" onClick={() => put({ task: null, tab: null, attempt: null })}>
          <Icon name="close" />
        </button>
      </header>
      <Tabs label="About the task" tabs={tabs} chosen={chosen} choose={(id) => put({ tab: id === "overview" ? null : id })} />
      <div role="tabpanel" className="panel-inside" aria-label={chosen}>
        {chosen === "overview" && <Overview run={run} task={task} reason={reason} put={put} ask={ask} />}
        {chosen === "items" && <Items run={run} task={task} open={(key) => put({ task: key, tab: null, attempt: null })} />}
        {chosen === "input" && <Input run={run} task={task} />}
        {chosen === "result" && <Json title="Result" name={`${task.key}-result`} value={task.result} />}
        {chosen === "error" && error && <ErrorView error={error} name={task.key} />}
        {chosen === "logs" && <Logs run={run.id} task={task} tick={tick} attempt={attempt} setAttempt={(number) => put({ attempt: number })} />}
      </div>
    </aside>
  );
}

function Overview({ run, task, reason, put, ask }: Pick<Given, "run" | "task" | "reason" | "put" | "ask">) {
  const { data: asked } = useQuery({
    queryKey: ["why", run.id, task.key, task.state],
    queryFn: ({ signal }) => call("get_task", { path: { run_id: run.id, key: task.key } }, signal),
    enabled: !isDone(task.state),
    refetchInterval: 3_000,
  });
  return (
    <>
      {task.state === "awaiting_input" && <Decide task={task.key} ask={ask} />}
      {task.parent && (
        <p>
          An item of{" "}
          <button type="button" className="link" onClick={() => put({ task: task.parent, tab: "items" })}>
            {task.parent}
          </button>
        </p>
      )}
      {task.run && (
        <p>
          It started <Link href={`/runs/${task.run}`}>run {task.run.slice(0, 8)}</Link>.
        </p>
      )}
      {!isDone(task.state) && (
        <p className="why">
          <StateIcon state={task.state} /> <span>{task.state === "retrying" && task.due_at ? <>next attempt in <Countdown to={task.due_at} /></> : (asked?.why ?? reason ?? waitsFor(run, task))}</span>
        </p>
      )}
      {task.state === "upstream_failed" && <p className="why">It never ran: {blame(run, task)}.</p>}
      {task.error && (
        <p className="message-line bad">
          {task.error.type && <b>{task.error.type}: </b>}
          {task.error.message}
        </p>
      )}
      <h3>Attempts</h3>
      {task.attempts.length === 0 ? (
        <p className="muted">None yet.</p>
      ) : (
        <ol className="attempts">
          {task.attempts.map((each) => (
            <Attempt key={`${each.epoch} ${each.attempt}`} attempt={each} open={() => put({ tab: "logs", attempt: String(each.attempt) })} />
          ))}
        </ol>
      )}
      {run.settled && !run.parent_run && !task.hook && task.state !== "upstream_failed" && (
        <p>
          <button type="button" className="button" onClick={() => ask({ what: "retry", tasks: [task.key] })}>
            Run again from here…
          </button>
        </p>
      )}
      {task.needs.length > 0 && (
        <>
          <h3>Needs</h3>
          <ul className="needs">
            {task.needs.map((key) => (
              <li key={key}>
                <StateIcon state={run.tasks.find((each) => each.key === key)?.state ?? "waiting"} size={14} />{" "}
                <button type="button" className="link" onClick={() => put({ task: key, tab: null })}>
                  {key}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Attempt({ attempt, open }: { attempt: AttemptView; open: () => void }) {
  const now = useNow(attempt.outcome === "running" ? 200 : 0);
  const length = ran(attempt, now);
  const waited = queued(attempt);
  return (
    <li>
      <div className="attempt-head">
        <b>{attempt.attempt}</b>
        <State state={attempt.outcome} size={14} />
        {length !== null && <span className="number">{duration(length)}</span>}
        <button type="button" className="link" onClick={open}>
          logs
        </button>
      </div>
      <div className="muted">
        {attempt.worker && `${attempt.worker}${attempt.pid ? `, process ${attempt.pid}` : ""} · `}
        <Ago at={attempt.started_at} />
        {waited !== null && ` · ${duration(waited)} in queue`}
        {attempt.countdown !== null && attempt.countdown > 0 && ` · then a pause of ${attempt.countdown} s`}
        {attempt.epoch > 1 && ` · epoch ${attempt.epoch}`}
      </div>
      {attempt.outcome === "lost" && <div className="bad">Its worker, or the process that ran it, was gone without an outcome.</div>}
      {attempt.late_outcome && <div className="muted">It came back late with “{attempt.late_outcome}”, and was refused.</div>}
      {attempt.error && (
        <div className="message-line">
          {attempt.error.type && <b>{attempt.error.type}: </b>}
          {attempt.error.message}
        </div>
      )}
    </li>
  );
}

function Input({ run, task }: { run: RunDetail; task: TaskView }) {
  const results = task.needs.map((key) => run.tasks.find((each) => each.key === key));
  const all = results.every((each) => each && isDone(each.state));
  const given = results.length === 0 ? null : results.length === 1 ? results[0]?.result : results.map((each) => each?.result);
  return (
    <>
      {task.needs.length === 0 ? (
        <p className="muted">It needs no other task.</p>
      ) : all ? (
        <Json title={results.length === 1 ? `Result of ${task.needs[0]}` : "Results of what it needs"} name={`${task.key}-input`} value={given} />
      ) : (
        <p className="muted">What it needs has not ended yet: {results.filter((each) => each && !isDone(each.state)).map((each) => each?.key).join(", ")}.</p>
      )}
      <Json title="The run's payload" name={`${task.key}-payload`} value={run.payload} />
    </>
  );
}

function waitsFor(run: RunDetail, task: TaskView): string {
  const open = task.needs.filter((key) => !isDone(run.tasks.find((each) => each.key === key)?.state ?? "waiting"));
  if (task.state === "waiting" && open.length) return `needs ${open.join(", ")}`;
  return { queued: "on its way to a worker", running: "running", waiting: "waiting" }[task.state as string] ?? task.state.replaceAll("_", " ");
}

function blame(run: RunDetail, task: TaskView): string {
  const bad = task.needs.filter((key) => ["error", "upstream_failed", "canceled"].includes(run.tasks.find((each) => each.key === key)?.state ?? ""));
  return `it needs ${(bad.length ? bad : task.needs).join(", ")}`;
}
