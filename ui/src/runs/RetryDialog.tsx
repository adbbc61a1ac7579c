import { useEffect, useRef, useState } from "react";
import { call } from "../api/client.ts";
import type { Retry, Run } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { Dialog, Failure } from "../parts/basics.tsx";
import { State } from "../parts/State.tsx";
import { each, matching } from "./bulk.ts";

/** The server is asked about each run before, so fewer than can be canceled. */
const LIMIT = 200;

interface Preview {
  would: ReadonlyMap<string, Retry>;
  refused: ReadonlyMap<string, string>;
}

/** Runs what failed of several runs again: first shows what that would be. `runs` null: all that fit the filter. */
export function RetryDialog({ runs, query, onClose }: { runs: readonly Run[] | null; query: RunsAsked; onClose: (done: boolean) => void }) {
  const [failed, setFailed] = useState<readonly Run[] | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [asked, setAsked] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const [done, setDone] = useState<number | null>(null);
  const [refused, setRefused] = useState<ReadonlyMap<string, string>>(new Map());
  const given = useRef({ runs, query });
  useEffect(() => {
    let gone = false;
    async function look() {
      const { runs, query } = given.current;
      const found = (runs?.filter((run) => run.state === "error") ?? (await matching(query, ["error"], LIMIT))).slice(0, LIMIT);
      if (gone) return;
      setFailed(found);
      const would = new Map<string, Retry>();
      const ask = async (run: Run) => {
        if (!gone) would.set(run.id, await call("retry_run", { path: { run_id: run.id }, query: { preview: true }, body: {} }));
      };
      const no = await each(found, ask, () => !gone && setAsked((now) => now + 1));
      if (!gone) setPreview({ would, refused: no });
    }
    look().catch((reason: unknown) => !gone && setError(reason));
    return () => {
      gone = true;
    };
  }, []);
  const able = failed?.filter((run) => preview?.would.has(run.id)) ?? [];
  const tasks = able.reduce((sum, run) => sum + (preview?.would.get(run.id)?.would_run.length ?? 0), 0);
  const twice = able.filter((run) => preview?.would.get(run.id)?.repeats.length);
  const others = (runs?.length ?? 0) - (failed?.length ?? 0);

  async function retry() {
    setDone(0);
    const no = await each(able, (run) => call("retry_run", { path: { run_id: run.id }, query: {}, body: {} }), () => setDone((now) => (now ?? 0) + 1));
    setRefused(no);
    if (!no.size) onClose(true);
  }

  return (
    <Dialog title="Retry failed runs" onClose={() => onClose(done !== null)}>
      {error !== null && <Failure error={error} />}
      {!preview && error === null && <p role="status">{failed ? `Asking what would run again: ${asked} of ${failed.length}…` : "Looking for the runs…"}</p>}
      {preview && done === null && (
        <>
          {able.length === 0 ? (
            <p>None of these runs can be retried.</p>
          ) : (
            <p>
              <strong>
                {able.length} {able.length === 1 ? "run goes" : "runs go"} on, {tasks} {tasks === 1 ? "task runs" : "tasks run"} again.
              </strong>{" "}
              What succeeded keeps its result; attempts go on counting.
            </p>
          )}
          {twice.length > 0 && (
            <p className="bad">
              In {twice.length} of them a task that succeeded before runs again: what it did outside is done a second time.
            </p>
          )}
          {able.length > 0 && (
            <ul className="preview scroll" tabIndex={0} aria-label="Runs that go on">
              {able.map((run) => {
                const would = preview.would.get(run.id);
                return (
                  <li key={run.id}>
                    <State state={run.state} /> {run.definition} <span className="mono muted">{run.id.slice(0, 8)}</span> again:{" "}
                    {would?.would_run.slice(0, 5).map((task) => task.key).join(", ")}
                    {(would?.would_run.length ?? 0) > 5 && ` and ${(would?.would_run.length ?? 0) - 5} more`}
                    {would && would.repeats.length > 0 && <span className="bad">a second time: {would.repeats.slice(0, 5).join(", ")}</span>}
                  </li>
                );
              })}
            </ul>
          )}
          {preview.refused.size > 0 && (
            <>
              <p className="muted">
                {preview.refused.size} {preview.refused.size === 1 ? "stays as it is" : "stay as they are"}:
              </p>
              <Refused refused={preview.refused} label="Runs that stay as they are" />
            </>
          )}
          {others > 0 && (
            <p className="muted">
              {others} {others === 1 ? "has" : "have"} not failed and {others === 1 ? "stays as it is" : "stay as they are"}.
            </p>
          )}
          {failed && failed.length >= LIMIT && <p className="muted">These are the newest {LIMIT}; do it again for the older ones.</p>}
          <footer>
            <button type="button" className="button" onClick={() => onClose(false)}>
              Leave them
            </button>
            {able.length > 0 && (
              <button type="button" className="button primary" onClick={() => void retry()}>
                Retry {able.length} {able.length === 1 ? "run" : "runs"}
              </button>
            )}
          </footer>
        </>
      )}
      {done !== null && (
        <>
          <p role="status">
            {done} of {able.length} retried.
          </p>
          <progress max={able.length} value={done} aria-label="Retried" />
          {refused.size > 0 && <Refused refused={refused} label="Not retried" />}
        </>
      )}
    </Dialog>
  );
}

function Refused({ refused, label }: { refused: ReadonlyMap<string, string>; label: string }) {
  return (
    <ul className="preview scroll" tabIndex={0} aria-label={label}>
      {[...refused].map(([id, why]) => (
        <li key={id}>
          <span className="mono">{id.slice(0, 8)}</span> {why}
        </li>
      ))}
    </ul>
  );
}
