import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { call } from "../api/client.ts";
import { definitionQuery } from "../api/queries.ts";
import type { RunDetail } from "../api/generated.ts";
import { isDone } from "../live/apply.ts";
import { Dialog, Failure } from "../parts/basics.tsx";
import { PayloadForm } from "../parts/PayloadForm.tsx";
import { State } from "../parts/State.tsx";
import type { Asked } from "./Actions.tsx";

/** The dialog of what was asked for. */
export default function Dialogs({ run, asked, onClose }: { run: RunDetail; asked: Asked; onClose: () => void }) {
  if (asked.what === "cancel") return <Cancel run={run} onClose={onClose} />;
  return <Relaunch run={run} onClose={onClose} />;
}

function Cancel({ run, onClose }: { run: RunDetail; onClose: () => void }) {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const open = run.tasks.filter((task) => !task.hook && !isDone(task.state));
  const running = open.filter((task) => task.state === "running");
  async function cancel() {
    setBusy(true);
    try {
      await call("cancel_run", { path: { run_id: run.id } });
      void client.invalidateQueries({ queryKey: ["run", run.id] });
      onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <Dialog title="Cancel this run" onClose={onClose}>
      <p>
        {running.length > 0 && `${running.map((task) => task.key).join(", ")} will be stopped. `}
        {open.length - running.length > 0 && `${open.length - running.length} ${open.length - running.length === 1 ? "task" : "tasks"} will not start. `}
        What has finished stays as it is. This cannot be undone; the run can be relaunched.
      </p>
      <ul className="preview scroll" tabIndex={0} aria-label="Tasks that have not finished">
        {open.slice(0, 100).map((task) => (
          <li key={task.id}>
            <State state={task.state} size={14} /> {task.key}
          </li>
        ))}
      </ul>
      {error !== null && <Failure error={error} />}
      <footer>
        <button type="button" className="button" onClick={onClose}>
          Let it run
        </button>
        <button type="button" className="button danger" disabled={busy} onClick={() => void cancel()}>
          Cancel the run
        </button>
      </footer>
    </Dialog>
  );
}

function Relaunch({ run, onClose }: { run: RunDetail; onClose: () => void }) {
  const [, navigate] = useLocation();
  const definition = useQuery(definitionQuery(run.definition));
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function start(payload: Record<string, unknown>, comment: string) {
    setBusy(true);
    setError(null);
    try {
      const same = JSON.stringify(payload) === JSON.stringify(run.payload) && comment === (run.comment ?? "");
      const started = same
        ? await call("relaunch_run", { path: { run_id: run.id } })
        : await call("start_run", { query: {}, header: {}, body: { definition: run.definition, payload, comment: comment || null } });
      onClose();
      navigate(`/runs/${started.id}`);
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <Dialog title={`Relaunch ${run.definition}`} onClose={onClose} wide>
      <p className="muted">A new run of the definition as it is now. Change the payload if you want; this run stays as it is.</p>
      {definition.isPending ? (
        <p>Fetching the definition…</p>
      ) : (
        <PayloadForm schema={definition.data?.schema ?? null} defaults={{}} initial={run.payload} comment={run.comment ?? ""} busy={busy} verb="Start the run" onSubmit={(payload, comment) => void start(payload, comment)} />
      )}
      {error !== null && <Failure error={error} />}
    </Dialog>
  );
}
