import { useEffect, useRef, useState } from "react";
import { call } from "../api/client.ts";
import type { Run } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { isOver } from "../live/apply.ts";
import { Dialog, Failure } from "../parts/basics.tsx";
import { State } from "../parts/State.tsx";
import { byDefinition, each, matching } from "./bulk.ts";

const LIMIT = 2000;

/** Cancels several runs: first shows which, and what that means. `runs` null: all that fit the filter. */
export function CancelDialog({ runs, query, onClose }: { runs: readonly Run[] | null; query: RunsAsked; onClose: (done: boolean) => void }) {
  const [found, setFound] = useState<readonly Run[] | null>(runs);
  const [error, setError] = useState<unknown>(null);
  const [done, setDone] = useState<number | null>(null);
  const [refused, setRefused] = useState<string[]>([]);
  const asked = useRef(query);
  useEffect(() => {
    if (runs === null) matching(asked.current, ["pending", "running"], LIMIT).then(setFound).catch(setError);
  }, [runs]);
  const alive = found?.filter((run) => !isOver(run.state)) ?? [];
  const [wanted, setWanted] = useState<readonly Run[]>([]);
  const finished = (found?.length ?? 0) - alive.length;
  const kinds = byDefinition(alive);

  async function cancel() {
    setWanted(alive);
    setDone(0);
    const said = await each(alive, (run) => call("cancel_run", { path: { run_id: run.id } }), () => setDone((now) => (now ?? 0) + 1));
    setRefused([...said].map(([id, why]) => `${id.slice(0, 8)}: ${why}`));
    if (!said.size) onClose(true);
  }

  return (
    <Dialog title="Cancel runs" onClose={() => onClose(done !== null)}>
      {error !== null && <Failure error={error} />}
      {!found && error === null && <p>Looking for the runs…</p>}
      {found && done === null && (
        <>
          {alive.length === 0 ? (
            <p>None of these runs is under way: there is nothing to cancel.</p>
          ) : (
            <>
              <p>
                <strong>
                  {alive.length} {alive.length === 1 ? "run" : "runs"} will be canceled.
                </strong>{" "}
                What has not started will not start, what runs now is stopped. This cannot be undone; a canceled run can be
                relaunched.
              </p>
              <ul className="preview">
                {[...kinds].map(([name, group]) => (
                  <li key={name}>
                    {name}: {group.length} ({group.filter((run) => run.state === "running").length} running)
                  </li>
                ))}
              </ul>
              <ul className="preview scroll" tabIndex={0} aria-label="Runs that will be canceled">
                {alive.slice(0, 200).map((run) => (
                  <li key={run.id}>
                    <State state={run.state} /> {run.definition} <span className="mono muted">{run.id.slice(0, 8)}</span>{" "}
                    {run.tasks_done} of {run.tasks_total} done {run.comment}
                  </li>
                ))}
                {alive.length > 200 && <li className="muted">and {alive.length - 200} more</li>}
              </ul>
            </>
          )}
          {finished > 0 && (
            <p className="muted">
              {finished} {finished === 1 ? "has" : "have"} ended already and {finished === 1 ? "stays" : "stay"} as {finished === 1 ? "it is" : "they are"}.
            </p>
          )}
          <footer>
            <button type="button" className="button" onClick={() => onClose(false)}>
              Keep them
            </button>
            {alive.length > 0 && (
              <button type="button" className="button danger" onClick={() => void cancel()}>
                Cancel {alive.length} {alive.length === 1 ? "run" : "runs"}
              </button>
            )}
          </footer>
        </>
      )}
      {done !== null && (
        <>
          <p role="status">
            {done} of {wanted.length} canceled.
          </p>
          <progress max={wanted.length} value={done} aria-label="Canceled" />
          {refused.length > 0 && (
            <ul className="preview scroll" tabIndex={0} aria-label="Not canceled">
              {refused.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          )}
        </>
      )}
    </Dialog>
  );
}
