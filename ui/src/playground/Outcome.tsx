import { useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import { call } from "../api/client.ts";
import type { CheckedDefinition, DefinitionCheck } from "../api/generated.ts";
import { useSession } from "../api/session.ts";
import { nodeOf } from "../definitions/nodes.tsx";
import { Graph } from "../graph/Graph.tsx";
import { isOver } from "../live/apply.ts";
import { Copy, Failure, Loading, Tabs } from "../parts/basics.tsx";
import { Json } from "../parts/Json.tsx";
import { begun, type Schema } from "../lib/schema.ts";
import { PayloadForm } from "../parts/PayloadForm.tsx";
import { State } from "../parts/State.tsx";
import { Lasting } from "../parts/Time.tsx";
import { AsYaml, Hazards, Sent } from "./CanvasView.tsx";
import { RunGraph } from "../run/RunGraph.tsx";
import { useRun } from "../run/useRun.ts";

type View = "graph" | "plan" | "canvas" | "sent" | "yaml";
export type Kind = "yaml" | "canvas";
const VIEWS: Record<Kind, readonly { id: View; text: string }[]> = {
  yaml: [
    { id: "graph", text: "Graph" },
    { id: "plan", text: "Plan" },
    { id: "canvas", text: "Celery code" },
  ],
  canvas: [
    { id: "graph", text: "Graph" },
    { id: "plan", text: "Plan" },
    { id: "sent", text: "What Celery sends" },
    { id: "yaml", text: "YAML" },
  ],
};

interface Given {
  text: string;
  kind: Kind;
  found: DefinitionCheck;
  waiting: boolean;
  enabled: boolean;
  /** Shows a place of the text. */
  go: (line: number, column: number) => void;
}

/** What the text amounts to: one of its definitions, or the canvas, drawn, listed, in the other language, and run. */
export function Outcome({ text, kind, found, waiting, enabled, go }: Given) {
  const [name, setName] = useState<string | null>(null);
  const [view, setView] = useState<View>("graph");
  const [run, setRun] = useState<string | null>(null);
  const now = found.definitions.find((each) => each.name === name) ?? found.definitions[0];
  // While one is writing, most texts are wrong for a moment: what was right last stays to be looked at.
  const last = useRef(now);
  const canvas = useRef(found.canvas);
  if (now) {
    last.current = now;
    canvas.current = found.canvas;
  }
  const shown = last.current;
  const explained = canvas.current;
  if (!shown) {
    return (
      <section className="card" aria-label="Definition">
        <h2>Nothing to show yet</h2>
        <p className="muted">{kind === "yaml" ? "A definition" : "The canvas"} is shown here as soon as nothing is wrong with it.</p>
      </section>
    );
  }
  return (
    <div className="playground-outcome">
      <section className="card run-main" aria-label="Definition">
        <div className="outcome-head">
          {found.definitions.length > 1 ? (
            <select aria-label="Definition" value={shown.name} onChange={(event) => setName(event.target.value)}>
              {found.definitions.map((each) => (
                <option key={each.name}>{each.name}</option>
              ))}
            </select>
          ) : (
            <h2>{shown.name}</h2>
          )}
          <Tabs label="View" tabs={VIEWS[kind]} chosen={view} choose={setView} />
        </div>
        {!now && <p className="muted outcome-text">As it was before the mistakes.</p>}
        {explained && view === "sent" ? <Sent canvas={explained} go={go} /> : explained && view === "yaml" ? <AsYaml canvas={explained} /> : <Shown definition={shown} view={view} />}
      </section>
      <Try key={`${shown.name} ${JSON.stringify(shown.schema)}`} definition={shown} kind={kind} text={text} waiting={waiting || !now} enabled={enabled} onStart={setRun} />
      {run && <Tried key={run} id={run} />}
      {explained && <Hazards canvas={explained} go={go} />}
    </div>
  );
}

function Shown({ definition, view }: { definition: CheckedDefinition; view: View }) {
  const [selected, setSelected] = useState<string | null>(null);
  const nodes = useMemo(() => definition.tasks.map(nodeOf), [definition.tasks]);
  if (view === "graph") return <Graph nodes={nodes} selected={selected} onSelect={(key) => setSelected(key === selected ? null : key)} />;
  if (view === "canvas") {
    if (!definition.graph) return <p className="muted outcome-text">No Celery canvas equals this definition: it does what chains, groups and chords cannot.</p>;
    return (
      <div className="canvas-code outcome-text">
        <Copy text={definition.graph} label="Copy the code" />
        <pre tabIndex={0} aria-label="Celery code">
          {definition.graph}
        </pre>
      </div>
    );
  }
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label="Plan">
      <table className="table">
        <thead>
          <tr>
            <th>Key</th>
            <th>Task</th>
            <th>Needs</th>
            <th>Queue</th>
          </tr>
        </thead>
        <tbody>
          {definition.tasks.map((task) => (
            <tr key={task.key}>
              <td>{task.key}</td>
              <td className="mono">{task.task}</td>
              <td>{task.needs.join(", ")}</td>
              <td className="mono">{task.queue}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Try({ definition, kind, text, waiting, enabled, onStart }: { definition: CheckedDefinition; kind: Kind; text: string; waiting: boolean; enabled: boolean; onStart: (id: string) => void }) {
  const { session } = useSession();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function start(payload: Record<string, unknown>, comment: string) {
    setBusy(true);
    setError(null);
    try {
      const run = await call("try_definition", { body: { text, kind, definition: definition.name, payload, comment: comment || null } });
      onStart(run.id);
    } catch (reason) {
      setError(reason);
    } finally {
      setBusy(false);
    }
  }
  return (
    <section className="card" aria-label="Run it">
      <h2>Run it</h2>
      {!enabled ? (
        <p className="muted">
          This server runs only definitions that it keeps. With <code>UMBEL_PLAYGROUND=true</code> it runs what stands here, too, as <code>umbel demo</code> and <code>umbel dev</code> do.
        </p>
      ) : session?.scope === "read" ? (
        <p className="muted">You may look, but not start runs: that needs the scope “run”.</p>
      ) : kind === "canvas" ? (
        <>
          <p className="muted">Its tasks are called with what the canvas gives them: there is no payload.</p>
          <button type="button" className="button primary" disabled={busy || waiting} onClick={() => void start({}, "")}>
            Run it
          </button>
        </>
      ) : (
        <PayloadForm schema={definition.schema} defaults={definition.defaults} initial={begun(definition.schema as Schema | null, definition.defaults)} comment="" busy={busy || waiting} verb="Run it" onSubmit={(payload, comment) => void start(payload, comment)} />
      )}
      {error !== null && <Failure error={error} />}
    </section>
  );
}

/** The run that was started last, as it goes. */
function Tried({ id }: { id: string }) {
  const { run, error, refetch } = useRun(id);
  if (!run) return error ? <Failure error={error} again={() => void refetch()} /> : <Loading />;
  return (
    <section className="card run-main" aria-label="The run">
      <div className="outcome-head">
        <State state={run.state} />
        <Lasting from={run.started_at} to={run.finished_at} going={!isOver(run.state)} />
        <Link href={`/runs/${run.id}`} className="button">
          Open the run
        </Link>
      </div>
      <RunGraph run={run} selected={null} onSelect={() => {}} />
      {isOver(run.state) && run.result !== null && (
        <div className="outcome-text">
          <Json title="Result" name={`${run.id}-result`} value={run.result} />
        </div>
      )}
    </section>
  );
}
