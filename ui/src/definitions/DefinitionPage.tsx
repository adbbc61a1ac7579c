import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { ApiError, call, sentence } from "../api/client.ts";
import type { DefinitionSource, DefinitionView } from "../api/generated.ts";
import { definitionQuery, runsQuery, versionsQuery } from "../api/queries.ts";
import { useSession } from "../api/session.ts";
import { Graph } from "../graph/Graph.tsx";
import { begun, type Schema } from "../lib/schema.ts";
import { Copy, Dialog, Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Json } from "../parts/Json.tsx";
import { PayloadForm } from "../parts/PayloadForm.tsx";
import { State } from "../parts/State.tsx";
import { Ago, Lasting } from "../parts/Time.tsx";
import { isOver } from "../live/apply.ts";
import { Progress } from "../runs/RunRow.tsx";
import { ScheduleFacts } from "../other/SchedulesPage.tsx";
import { Problems } from "./DefinitionsPage.tsx";
import { nodeOf } from "./nodes.tsx";
import { Versions } from "./Versions.tsx";

const Editor = lazy(() => import("../playground/Editor.tsx").then(({ Editor }) => ({ default: Editor })));

/** Height of a line of the editor, px: its place is kept until it is there. */
const LINE = 20;

export default function DefinitionPage({ name }: { name: string }) {
  useTitle(name);
  const { data, error, refetch } = useQuery(definitionQuery(name));
  if (data) return <Shown definition={data} />;
  if (error instanceof ApiError && error.status === 404) {
    return (
      <Empty page title="There is no such definition">
        It may have been renamed or removed, or its file has mistakes. <Link href="/definitions">All definitions</Link>
        <Past name={name} />
      </Empty>
    );
  }
  return <div className="page">{error ? <Failure error={error} again={() => void refetch()} /> : <Loading lines={6} />}</div>;
}

function Shown({ definition }: { definition: DefinitionView }) {
  const { session } = useSession();
  const [params, setParams] = useSearchParams();
  const starting = params.has("start");
  const [selected, setSelected] = useState<string | null>(null);
  const task = definition.tasks.find((each) => each.key === selected);
  const nodes = useMemo(() => definition.tasks.map(nodeOf), [definition.tasks]);
  const show = (wanted: boolean) => setParams(wanted ? { start: "1" } : {}, { replace: true });
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>{definition.name}</h1>
          {definition.description && <p className="muted">{definition.description}</p>}
        </div>
        <div className="actions">
          {definition.kept && session?.scope === "admin" && <Remove name={definition.name} />}
          {!starting && definition.problems.length === 0 && (
            <button type="button" className="button primary" onClick={() => show(true)}>
              <Icon name="play" size={14} /> Start a run
            </button>
          )}
        </div>
      </div>
      {definition.problems.length > 0 && <Problems problems={definition.problems} />}
      {starting && definition.problems.length === 0 && <Start definition={definition} close={() => show(false)} />}
      {definition.problems.length > 0 && definition.source && <Source name={definition.name} source={definition.source} />}
      {definition.tasks.length > 0 && <section className="card run-main" aria-label="Tasks">
        <Graph nodes={nodes} selected={selected} onSelect={(key) => setSelected(key === selected ? null : key)} />
        <div className="graph-foot">
          <span className="muted">{task ? "" : `${definition.tasks.length} ${definition.tasks.length === 1 ? "task" : "tasks"}`}</span>
          {task && (
            <span>
              <b>{task.key}</b>: task <code>{task.task}</code>, queue <code>{task.queue}</code>
              {task.needs.length > 0 && `, needs ${task.needs.join(", ")}`}
            </span>
          )}
        </div>
      </section>}
      <div className="run-values">
        {definition.schedule && (
          <section className="card">
            <h2>Schedule</h2>
            <ScheduleFacts schedule={definition.schedule} />
          </section>
        )}
        {definition.problems.length === 0 && <section className="card">{definition.schema ? <Json title="Payload's JSON Schema" name={`${definition.name}-schema`} value={definition.schema} /> : <NoSchema />}</section>}
        {Object.keys(definition.defaults).length > 0 && (
          <section className="card">
            <Json title="Defaults" name={`${definition.name}-defaults`} value={definition.defaults} />
          </section>
        )}
      </div>
      {definition.problems.length === 0 && definition.source && <Source name={definition.name} source={definition.source} />}
      {definition.problems.length === 0 && <Canvas definition={definition} />}
      <Versions name={definition.name} />
      <Recent name={definition.name} />
    </div>
  );
}

/** What a definition was that is not there any more, if any run of it is. */
function Past({ name }: { name: string }) {
  const { data } = useQuery(versionsQuery(name));
  if (!data?.items.length) return null;
  return (
    <div className="past">
      <p>
        Its runs are still here: <Link href={`/runs?definition=${encodeURIComponent(name)}`}>{name}</Link>
      </p>
      <Versions name={name} />
    </div>
  );
}

/** Takes a definition away that a program has made with `umbel.define`; asks first. */
function Remove({ name }: { name: string }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  async function remove() {
    setBusy(true);
    setError(null);
    try {
      await call("remove_definition", { path: { name } });
      await client.invalidateQueries({ queryKey: ["definitions"] });
      navigate("/definitions");
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <>
      <button type="button" className="button danger" onClick={() => setAsking(true)}>
        Remove
      </button>
      {asking && (
        <Dialog title={`Remove ${name}?`} onClose={() => setAsking(false)}>
          <p>
            It was made by <code>umbel.define</code>, and nothing starts it any more once it is removed. Its runs stay, and what is under way goes on. The program that made it can make it again.
          </p>
          {error !== null && <Failure error={error} />}
          <footer>
            <button type="button" className="button" data-first onClick={() => setAsking(false)}>
              Keep it
            </button>
            <button type="button" className="button danger" disabled={busy} onClick={() => void remove()}>
              Remove it
            </button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

function Start({ definition, close }: { definition: DefinitionView; close: () => void }) {
  const [, navigate] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  // One key for one form: a second click, or an answer that was lost, starts no second run.
  const [key] = useState(() => crypto.randomUUID?.() ?? String(Math.random()));
  const [tries, setTries] = useState(0);
  async function start(payload: Record<string, unknown>, comment: string) {
    setBusy(true);
    setError(null);
    try {
      const run = await call("start_run", {
        query: {},
        header: { "Idempotency-Key": `${key}-${tries}` },
        body: { definition: definition.name, payload, comment: comment || null },
      });
      navigate(`/runs/${run.id}`);
    } catch (reason) {
      setError(reason);
      setBusy(false);
      if (reason instanceof ApiError) setTries(tries + 1);
    }
  }
  return (
    <section className="card start" aria-label="Start a run">
      <div className="json-head">
        <h2>Start a run</h2>
        <button type="button" className="icon-button" aria-label="Close the form" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <PayloadForm schema={definition.schema} defaults={definition.defaults} initial={begun(definition.schema as Schema | null, definition.defaults)} comment="" busy={busy} verb="Start the run" onSubmit={(payload, comment) => void start(payload, comment)} />
      {error !== null && <Failure error={error} />}
    </section>
  );
}

/** What the project's file says, with what is wrong with it. */
function Source({ name, source }: { name: string; source: DefinitionSource }) {
  return (
    <section className="card source" aria-label="Source">
      <div className="json-head">
        <h2>
          {source.file}, line {source.line}
        </h2>
        <span className="actions">
          <Link className="button quiet" href={`/playground?definition=${encodeURIComponent(name)}`}>
            Try a change in the playground
          </Link>
          <Copy text={source.text} label="Copy the source" />
        </span>
      </div>
      <Suspense fallback={<div style={{ height: source.text.trimEnd().split("\n").length * LINE + 8 }} />}>
        <Editor label={`Source of ${name}`} text={source.text.trimEnd()} problems={source.problems} before={source.line - 1} />
      </Suspense>
    </section>
  );
}

/** The Celery code that the definition equals, or why there is none. */
function Canvas({ definition }: { definition: DefinitionView }) {
  const { data, error } = useQuery({
    queryKey: ["canvas", definition.name, definition.hash],
    queryFn: ({ signal }) => call("get_definition_graph", { path: { name: definition.name }, query: { format: "canvas" } }, signal),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!data && !error) return null;
  return (
    <section className="card canvas-code">
      <div className="json-head">
        <h2>As Celery code</h2>
        {data && <Copy text={data.text} label="Copy the code" />}
      </div>
      {data ? (
        <pre tabIndex={0} aria-label="Celery code">
          {data.text}
        </pre>
      ) : (
        <p className="muted">{sentence(error)}</p>
      )}
    </section>
  );
}

function NoSchema() {
  return (
    <>
      <h2>Payload</h2>
      <p className="muted">
        This definition has no JSON Schema: any object is accepted. With <code>schema:</code> in the definition, the form above gets fields, and wrong payloads are refused.
      </p>
    </>
  );
}

function Recent({ name }: { name: string }) {
  const { data } = useQuery({ ...runsQuery({ definition: name, limit: 10 }), refetchInterval: 3_000 });
  if (!data) return <Loading />;
  return (
    <section className="recent">
      <div className="page-head">
        <h2>Latest runs</h2>
        <Link href={`/runs?definition=${encodeURIComponent(name)}`}>All its runs</Link>
      </div>
      {data.items.length === 0 ? (
        <p className="muted">None yet.</p>
      ) : (
        <div className="card scroll-x flush" tabIndex={0} role="group" aria-label="Latest runs">
          <table className="table">
            <thead>
              <tr>
                <th>State</th>
                <th>Run</th>
                <th>Progress</th>
                <th>Started</th>
                <th>Duration</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((run) => (
                <tr key={run.id}>
                  <td>
                    <State state={run.state} />
                  </td>
                  <td>
                    <Link href={`/runs/${run.id}`} className="mono">
                      {run.id.slice(0, 8)}
                    </Link>{" "}
                    <span className="muted">{run.comment}</span>
                  </td>
                  <td>
                    <Progress run={run} />
                  </td>
                  <td className="muted nowrap">
                    <Ago at={run.created_at} />
                  </td>
                  <td className="nowrap">
                    <Lasting from={run.started_at} to={run.finished_at} going={!isOver(run.state)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
