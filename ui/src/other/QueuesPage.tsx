import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { QueueView, RunningTask } from "../api/generated.ts";
import { queuesQuery } from "../api/queries.ts";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { State } from "../parts/State.tsx";
import { Ago, Lasting } from "../parts/Time.tsx";
import { Subnav } from "./Subnav.tsx";

const NAMED = 6;

export default function QueuesPage() {
  useTitle("Queues");
  const { data, error, refetch } = useQuery(queuesQuery());
  const waiting = data?.items.reduce((sum, queue) => sum + queue.waiting, 0) ?? 0;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Queues</h1>
        <Subnav />
        {data && (
          <span className="muted push">
            {waiting} {waiting === 1 ? "task waits" : "tasks wait"} in {data.items.length} {data.items.length === 1 ? "queue" : "queues"}
          </span>
        )}
      </div>
      {error && <Failure error={error} again={() => void refetch()} />}
      {!data && !error && <Loading lines={5} />}
      {data?.broker && (
        <div className="failure" role="alert">
          <strong>What the broker holds is not known.</strong>
          <p>{data.broker}</p>
        </div>
      )}
      {data?.items.length === 0 && <Empty title="No queue is used yet">A queue shows up here as soon as a definition names it or a worker listens on it.</Empty>}
      <ul className="definitions">
        {data?.items.map((queue) => (
          <One key={queue.name} queue={queue} />
        ))}
      </ul>
    </div>
  );
}

function stateOf(queue: QueueView): string {
  if (!queue.healthy) return "unhealthy";
  return queue.why ? "busy" : queue.running ? "working" : "idle";
}

function One({ queue }: { queue: QueueView }) {
  const idle = !queue.workers.length;
  return (
    <li className={queue.healthy ? "card queue" : "card queue unhealthy"} data-queue={queue.name}>
      <div className="queue-head">
        <h2>
          <code>{queue.name}</code>
        </h2>
        <State state={stateOf(queue)} />
        {queue.why && <span className={queue.healthy ? "muted wrap" : "wrap"}>{queue.why[0]?.toUpperCase() + queue.why.slice(1)}.</span>}
      </div>
      <dl className="facts">
        <div>
          <dt>Tasks waiting</dt>
          <dd className="number">
            {queue.waiting}
            {queue.oldest && (
              <span className="muted">
                {" "}
                oldest <Ago at={queue.oldest} />
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>In the broker</dt>
          <dd className="number">{queue.messages ?? <span className="muted">not known</span>}</dd>
        </div>
        <div>
          <dt>Fetched, not acknowledged</dt>
          <dd className="number">{queue.unacknowledged ?? <span className="muted">not known</span>}</dd>
        </div>
        <div>
          <dt>Running</dt>
          <dd className="number">
            {queue.running}
            {queue.slots !== null && <span className="muted"> of {queue.slots} slots</span>}
          </dd>
        </div>
        <div>
          <dt>Workers</dt>
          <dd className="wrap">{idle ? <span className={queue.healthy ? "muted" : "bad"}>nobody listens</span> : <Names names={queue.workers} />}</dd>
        </div>
        <div>
          <dt>Used by</dt>
          <dd className="wrap">
            {queue.definitions.length === 0 ? <span className="muted">no definition</span> : <Names names={queue.definitions} href={(name) => `/definitions/${encodeURIComponent(name)}`} />}
          </dd>
        </div>
      </dl>
      {queue.runs.length > 0 && <Running tasks={queue.runs} more={queue.running - queue.runs.length} />}
    </li>
  );
}

function Names({ names, href }: { names: readonly string[]; href?: (name: string) => string }) {
  return (
    <>
      {names.slice(0, NAMED).map((name, place) => (
        <span key={name}>
          {place > 0 && ", "}
          {href ? <Link href={href(name)}>{name}</Link> : name}
        </span>
      ))}
      {names.length > NAMED && <span className="muted"> and {names.length - NAMED} more</span>}
    </>
  );
}

/** What workers run now: each a way to its run. */
export function Running({ tasks, more = 0 }: { tasks: readonly RunningTask[]; more?: number }) {
  return (
    <ul className="running-tasks">
      {tasks.map((each) => (
        <li key={`${each.run_id} ${each.task}`}>
          <Link href={`/runs/${each.run_id}?task=${encodeURIComponent(each.task)}`}>{each.task}</Link>{" "}
          <span className="muted">
            of {each.definition} <span className="mono">{each.run_id.slice(0, 8)}</span> for <Lasting from={each.started_at} to={null} going />
          </span>
        </li>
      ))}
      {more > 0 && <li className="muted">and {more} more</li>}
    </ul>
  );
}
