import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { ApiError } from "../api/client.ts";
import type { ComparedTask, Comparison, Run } from "../api/generated.ts";
import { compareQuery, runQuery, runsQuery } from "../api/queries.ts";
import { useShortcuts } from "../lib/keys.ts";
import { duration, exact, ms } from "../lib/time.ts";
import { isOver } from "../live/apply.ts";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { PlanChanges } from "../parts/PlanChanges.tsx";
import { State } from "../parts/State.tsx";
import { Ago, Lasting } from "../parts/Time.tsx";
import { SideBySide } from "./SideBySide.tsx";

export const LAST_SUCCESS = "last_success";

/** The address of a comparison. */
export const comparison = (run: string, other: string) => `/runs/${encodeURIComponent(run)}/compare/${encodeURIComponent(other)}`;

export default function ComparePage({ id, other }: { id: string; other: string }) {
  const found = useQuery({
    ...compareQuery(id, other),
    refetchInterval: ({ state }) => (state.data && (!isOver(state.data.run.state) || !isOver(state.data.other.state)) ? 2_000 : false),
  });
  // Without an answer the run itself says which others there are.
  const run = useQuery({ ...runQuery(id), enabled: found.isError });
  const [, navigate] = useLocation();
  useTitle(found.data ? `${found.data.run.definition} compared` : "Compare runs");
  useShortcuts([
    { keys: "u", does: "back to the run", run: () => navigate(`/runs/${encodeURIComponent(id)}`) },
    ...(found.data ? [{ keys: "x", does: "exchange the two runs", run: () => navigate(comparison(found.data.other.id, found.data.run.id)) }] : []),
  ]);
  const definition = found.data?.run.definition ?? run.data?.definition;
  const missing = found.error instanceof ApiError && found.error.status === 404;
  return (
    <div className="page compare-page">
      <div className="page-head">
        <h1>Compare runs</h1>
        <div className="actions">
          {definition && <Others id={id} definition={definition} other={other} chosen={found.data?.other ?? null} />}
          {found.data && (
            <Link className="button" href={comparison(found.data.other.id, found.data.run.id)}>
              <Icon name="again" /> Exchange
            </Link>
          )}
          <Link className="button" href={`/runs/${encodeURIComponent(id)}`}>
            Back to the run
          </Link>
        </div>
      </div>
      {found.isPending && <Loading lines={6} />}
      {missing && (
        <Empty title="There is nothing to compare with">
          {found.error?.message} {run.data && "Choose another run above."}
        </Empty>
      )}
      {found.error && !missing && <Failure error={found.error} again={() => void found.refetch()} />}
      {found.data && <Shown found={found.data} />}
    </div>
  );
}

/** Which run to compare with: the last success, or one of the newest of the definition. */
function Others({ id, definition, other, chosen }: { id: string; definition: string; other: string; chosen: Run | null }) {
  const [, navigate] = useLocation();
  const runs = useQuery(runsQuery({ definition, limit: 50 }));
  const there = (runs.data?.items ?? []).filter((run) => run.id !== id);
  const listed = other === LAST_SUCCESS || there.some((run) => run.id === other);
  return (
    <label className="compare-with">
      <span className="muted">with</span>
      <select value={other} onChange={(event) => navigate(comparison(id, event.target.value))}>
        <option value={LAST_SUCCESS}>the last success before it</option>
        {!listed && <option value={other}>{chosen ? named(chosen) : other.slice(0, 8)}</option>}
        {there.map((run) => (
          <option key={run.id} value={run.id}>
            {named(run)}
          </option>
        ))}
      </select>
    </label>
  );
}

const named = (run: Run) => `${run.id.slice(0, 8)} ${run.state}, ${exact(Date.parse(run.created_at)).slice(0, 19)}${run.comment ? `, ${run.comment.slice(0, 40)}` : ""}`;

function Shown({ found }: { found: Comparison }) {
  const first = found.tasks.find((task) => task.key === found.first_difference);
  return (
    <>
      <section className={first ? "card diagnosis error" : "card diagnosis"} aria-label="First difference">
        <h2>{found.verdict}</h2>
        {first && <First task={first} found={found} />}
      </section>
      <div className="compare-runs">
        <OneRun title="This run" run={found.run} />
        <OneRun title="The other" run={found.other} />
      </div>
      <Payload found={found} />
      {!found.plan.same && <Plan found={found} />}
      <SideBySide found={found} />
      <Workers found={found} />
    </>
  );
}

function First({ task, found }: { task: ComparedTask; found: Comparison }) {
  const sides = [
    { title: "This run", run: found.run, side: task.run },
    { title: "The other", run: found.other, side: task.other },
  ];
  return (
    <dl className="facts first-difference">
      {sides.map(({ title, run, side }) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            {side && <State state={side.state} />}
            <Link href={`/runs/${run.id}?task=${encodeURIComponent(task.key)}`}>
              {task.key}
              <span className="hidden"> of {run.id.slice(0, 8)}</span>
            </Link>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function OneRun({ title, run }: { title: string; run: Run }) {
  return (
    <section className="card" aria-label={title}>
      <h2>
        {title} <Link href={`/runs/${run.id}`} className="mono">{run.id.slice(0, 8)}</Link>
      </h2>
      <dl className="facts">
        <div>
          <dt>State</dt>
          <dd>
            <State state={run.state} />
          </dd>
        </div>
        <div>
          <dt>Definition</dt>
          <dd className="wrap">
            <Link href={`/definitions/${encodeURIComponent(run.definition)}`}>{run.definition}</Link>
          </dd>
        </div>
        <div>
          <dt>Duration</dt>
          <dd>
            <Lasting from={run.started_at} to={run.finished_at} going={!isOver(run.state)} />
          </dd>
        </div>
        <div>
          <dt>Until it began</dt>
          <dd className="number">{run.started_at ? duration((ms(run.started_at) ?? 0) - Date.parse(run.created_at)) : "–"}</dd>
        </div>
        <div>
          <dt>Started</dt>
          <dd>
            <Ago at={run.created_at} />
          </dd>
        </div>
        <div>
          <dt>Retries</dt>
          <dd className="number">{run.retries}</dd>
        </div>
        {run.comment && (
          <div>
            <dt>Comment</dt>
            <dd className="wrap">{run.comment}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}

const KINDS = { added: "added", removed: "gone", changed: "changed" } as const;

function Payload({ found }: { found: Comparison }) {
  return (
    <section className="card" aria-label="Payload">
      <h2>Payload</h2>
      {found.payload.length === 0 ? (
        <p className="muted">The same in both. Secrets are not compared.</p>
      ) : (
        <div className="scroll-x" tabIndex={0} role="group" aria-label="Differences of the payload">
          <table className="table">
            <thead>
              <tr>
                <th>Place</th>
                <th>How</th>
                <th>The other</th>
                <th>This run</th>
              </tr>
            </thead>
            <tbody>
              {found.payload.map((change) => (
                <tr key={change.pointer}>
                  <td className="mono">{change.pointer || "(all of it)"}</td>
                  <td>{KINDS[change.kind]}</td>
                  <td className={change.before === null ? "muted" : "mono value before"}>{change.before ?? "–"}</td>
                  <td className={change.after === null ? "muted" : "mono value after"}>{change.after ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {found.payload_left_out > 0 && <p className="muted">and {found.payload_left_out} places more</p>}
        </div>
      )}
    </section>
  );
}

function Plan({ found }: { found: Comparison }) {
  return (
    <section className="card" aria-label="Plan">
      <h2>Plan</h2>
      <PlanChanges change={found.plan} />
    </section>
  );
}

function Workers({ found }: { found: Comparison }) {
  const [all, setAll] = useState(false);
  if (!found.workers.length) return null;
  const rows = all ? found.workers : found.workers.slice(0, 20);
  return (
    <section className="card" aria-label="Workers">
      <h2>Workers</h2>
      <div className="scroll-x" tabIndex={0} role="group" aria-label="Workers of both runs">
        <table className="table">
          <thead>
            <tr>
              <th>Worker</th>
              <th>Host</th>
              <th className="right">Attempts</th>
              <th className="right">Of the other</th>
              <th>Versions now</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((worker) => (
              <tr key={worker.name}>
                <td className="wrap">{worker.name}</td>
                <td className="muted">{worker.host ?? "–"}</td>
                <td className="right number">{worker.attempts}</td>
                <td className="right number">{worker.other_attempts}</td>
                <td className="muted">
                  {[...(worker.version ? [`umbel ${worker.version}`] : []), ...Object.entries(worker.versions).map(([name, version]) => `${name} ${String(version)}`)].join(", ") || "not known any more"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length < found.workers.length && (
        <button type="button" className="button" onClick={() => setAll(true)}>
          Show all {found.workers.length} workers
        </button>
      )}
    </section>
  );
}
