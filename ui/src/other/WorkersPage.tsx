import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { Health, RunningTask, WorkerView } from "../api/generated.ts";
import { call } from "../api/client.ts";
import { queuesQuery, runsQuery, workersQuery } from "../api/queries.ts";
import { Empty, Failure, Loading, useArrived, useTitle } from "../parts/basics.tsx";
import { State } from "../parts/State.tsx";
import { Ago } from "../parts/Time.tsx";
import { Running } from "./QueuesPage.tsx";
import { Subnav } from "./Subnav.tsx";

export default function WorkersPage() {
  useTitle("Workers");
  const queues = useQuery(queuesQuery());
  const health = useQuery({ queryKey: ["health"], queryFn: ({ signal }) => call("get_health", {}, signal), refetchInterval: 15_000 });
  const found = useQuery(workersQuery());
  const arrived = useArrived(!found.isPending && !queues.isPending && !health.isPending);
  const { error, refetch } = found;
  const data = arrived ? found.data : undefined;
  const running = queues.data?.items.flatMap((queue) => queue.runs) ?? [];
  const alive = data?.items.filter((worker) => worker.alive) ?? [];
  const busy = alive.reduce((sum, worker) => sum + worker.running, 0);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Workers</h1>
        <Subnav />
        {data && (
          <span className="muted push">
            {alive.length} alive, {busy} {busy === 1 ? "attempt" : "attempts"} running
          </span>
        )}
      </div>
      {error && <Failure error={error} again={() => void refetch()} />}
      {!data && !error && <Loading lines={5} />}
      {data && <Unhealthy health={health.data} />}
      {data && alive.length === 0 && <NoWorker />}
      {data && data.items.length > 0 && (
        <div className="card scroll-x flush" tabIndex={0} role="group" aria-label="Workers">
          <table className="table">
            <thead>
              <tr>
                <th>Worker</th>
                <th>State</th>
                <th>Runs now</th>
                <th>Queues</th>
                <th>Pool</th>
                <th>Process</th>
                <th>Last sign of life</th>
                <th>Tasks</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((worker) => (
                <Row key={worker.name} worker={worker} tasks={running.filter((each) => each.worker === worker.name)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data && <Now />}
    </div>
  );
}

/** What the server finds wrong with the installation; nothing if all is well. */
function Unhealthy({ health }: { health: Health | undefined }) {
  // That no worker is alive, this page says itself.
  const bad = health?.findings.filter((each) => each.severity !== "note" && each.id !== "no-worker") ?? [];
  if (!bad.length) return null;
  return (
    <section className="card unhealthy-parts" aria-label="Unhealthy parts">
      <h2>Unhealthy parts</h2>
      <ul className="plain">
        {bad.map((each) => (
          <li key={each.id + each.what}>
            <b className={each.severity === "danger" ? "bad" : ""}>{each.severity}</b> {each.what}. <span className="muted">{each.why}</span> {each.fix}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Row({ worker, tasks }: { worker: WorkerView; tasks: readonly RunningTask[] }) {
  const slots = worker.concurrency;
  return (
    <tr>
      <td className="strong">{worker.name}</td>
      <td><State state={worker.alive ? "alive" : "lost"} /></td>
      <td className="nowrap">
        {slots ? (
          <span className="progress">
            <span className="progress-bar" aria-hidden="true">
              <span className="fill-running" style={{ width: `${Math.min(100, (worker.running / slots) * 100)}%` }} />
            </span>
            {worker.running} of {slots}
          </span>
        ) : (
          worker.running
        )}
        {tasks.length > 0 && <Running tasks={tasks.slice(0, 5)} more={worker.running - Math.min(5, tasks.length)} />}
      </td>
      <td>{worker.queues.join(", ") || "–"}</td>
      <td className="muted">{worker.pool ?? "–"}</td>
      <td className="muted nowrap">
        {worker.pid ?? "–"}
        {worker.host && ` on ${worker.host}`}
      </td>
      <td className="muted nowrap">
        <Ago at={worker.last_seen} />
      </td>
      <td>
        <details>
          <summary>{worker.tasks.length}</summary>
          <ul className="plain">
            {worker.tasks.map((name) => (
              <li key={name}>
                <code>{name}</code>
              </li>
            ))}
          </ul>
        </details>
      </td>
    </tr>
  );
}

/** What is under way, since that is what one wants to know of workers. */
function Now() {
  const { data } = useQuery({ ...runsQuery({ status: ["pending", "running"], limit: 10 }), refetchInterval: 3_000 });
  if (!data?.items.length) return null;
  return (
    <section className="recent">
      <div className="page-head">
        <h2>Runs under way</h2>
        <Link href="/runs?status=pending,running">All of them</Link>
      </div>
      <ul className="queues">
        {data.items.map((run) => (
          <li key={run.id} className="card">
            <State state={run.state} /> <Link href={`/runs/${run.id}`}>{run.definition}</Link>{" "}
            <span className="muted">
              {run.tasks_done} of {run.tasks_total}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function NoWorker() {
  return (
    <Empty title="No worker is alive">
      <p>Runs are accepted and wait. Start a worker where your tasks are:</p>
      <pre>umbel worker</pre>
      <p>
        Or let Celery workers that you have take part: <code>umbel.install(app)</code>.
      </p>
    </Empty>
  );
}
