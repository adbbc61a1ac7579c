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
  if (asked.what === "retry") return <Retry run={run} tasks={asked.tasks ?? null} onClose={onClose} />;
  if (asked.what === "decide") return <Decision run={run} task={asked.task} approve={asked.approve} onClose={onClose} />;
  return <Relaunch run={run} onClose={onClose} />;
}

/** Runs a part of the run again: the server says first what that would be. */
function Retry({ run, tasks, onClose }: { run: RunDetail; tasks: string[] | null; onClose: () => void }) {
  const client = useQueryClient();
  const preview = useQuery({
    queryKey: ["retry", run.id, tasks, run.epoch],
    queryFn: ({ signal }) => call("retry_run", { path: { run_id: run.id }, query: { preview: true }, body: { tasks } }, signal),
    gcTime: 0,
    retry: false,
  });
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const would = preview.data;
  async function retry() {
    setBusy(true);
    try {
      await call("retry_run", { path: { run_id: run.id }, query: {}, body: { tasks } });
      await client.invalidateQueries({ queryKey: ["run", run.id] });
      onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <Dialog title={tasks ? `Run again from ${tasks.join(", ")}` : "Retry what failed"} onClose={onClose}>
      {preview.isPending && <p>Asking what would run again…</p>}
      {preview.error && <Failure error={preview.error} />}
      {would && (
        <>
          <p>
            The same run goes on. <strong>{would.would_run.length === 1 ? "1 task runs" : `${would.would_run.length} tasks run`} again</strong>
            {would.kept.length > 0 && `, ${would.kept.length} ${would.kept.length === 1 ? "keeps its result" : "keep their results"}`}.
          </p>
          <ul className="preview scroll" tabIndex={0} aria-label="Tasks that run again">
            {would.would_run.map((task) => (
              <li key={task.key}>
                <State state={task.state} size={14} /> {task.key}
                {task.attempts > 0 && <span className="muted"> attempt {task.attempts + 1} next</span>}
                {task.items !== null && <span className="muted"> {task.items} items again, {task.items_kept ?? 0} kept</span>}
              </li>
            ))}
          </ul>
          {would.repeats.length > 0 && (
            <p className="bad">
              {would.repeats.join(", ")} succeeded before: what {would.repeats.length === 1 ? "it" : "they"} did outside is done a second time.
            </p>
          )}
          {would.kept.length > 0 && <p className="muted">Kept: {would.kept.slice(0, 30).join(", ")}{would.kept.length > 30 && " …"}</p>}
        </>
      )}
      {error !== null && <Failure error={error} />}
      <footer>
        <button type="button" className="button" onClick={onClose}>
          Leave it
        </button>
        <button type="button" className="button primary" disabled={busy || !would} onClick={() => void retry()}>
          {would ? `Run ${would.would_run.length === 1 ? "1 task" : `${would.would_run.length} tasks`} again` : "Run again"}
        </button>
      </footer>
    </Dialog>
  );
}

/** A person's word on a task that waits for one. */
function Decision({ run, task, approve, onClose }: { run: RunDetail; task: string; approve: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const [comment, setComment] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function decide() {
    setBusy(true);
    try {
      await call(approve ? "approve_task" : "reject_task", { path: { run_id: run.id, key: task }, body: { comment: comment.trim() || null } });
      await client.invalidateQueries({ queryKey: ["run", run.id] });
      onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <Dialog title={`${approve ? "Approve" : "Reject"} ${task}`} onClose={onClose}>
      <form
        className="payload-form"
        onSubmit={(event) => {
          event.preventDefault();
          void decide();
        }}
      >
        <p>{approve ? "The run goes on with what needs it." : "The task fails; what needs it does not run."} This cannot be taken back.</p>
        <div className="field">
          <label htmlFor="decision-comment">Comment</label>
          <input id="decision-comment" data-first maxLength={255} value={comment} placeholder="why; it is kept with the result" onChange={(event) => setComment(event.target.value)} />
        </div>
        {error !== null && <Failure error={error} />}
        <footer>
          <button type="button" className="button" onClick={onClose}>
            Not now
          </button>
          <button type="submit" className={approve ? "button primary" : "button danger"} disabled={busy}>
            {approve ? "Approve" : "Reject"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
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
      const same = JSON.stringify(payload) === JSON.stringify(run.payload);
      const started = await call("relaunch_run", { path: { run_id: run.id }, body: { payload: same ? null : payload, comment: comment || null } });
      onClose();
      navigate(`/runs/${started.id}`);
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <Dialog title={`Relaunch ${run.definition}`} onClose={onClose} wide>
      <p className="muted">A new run of the definition as it is now. Change the payload if you want; this run stays as it is. If you change anything, type its secrets (***) anew.</p>
      {definition.isPending ? (
        <p>Fetching the definition…</p>
      ) : (
        <PayloadForm schema={definition.data?.schema ?? null} defaults={{}} initial={run.payload} comment={run.comment ?? ""} busy={busy} verb="Start the run" onSubmit={(payload, comment) => void start(payload, comment)} />
      )}
      {error !== null && <Failure error={error} />}
    </Dialog>
  );
}
