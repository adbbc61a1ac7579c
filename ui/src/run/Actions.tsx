import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call, sentence } from "../api/client.ts";
import type { RunDetail } from "../api/generated.ts";
import { isOver } from "../live/apply.ts";
import { Icon } from "../parts/Icon.tsx";

/** What a person wants to do with a run: asked for by buttons, shortcuts and the diagnosis; done in a dialog. */
export type Asked =
  | { what: "cancel" }
  | { what: "relaunch" }
  | { what: "retry"; tasks?: string[] }
  | { what: "decide"; task: string; approve: boolean };

/** Whether a part of the run may run again in it: it has ended, failed or was canceled, and stands on its own. */
export function canRetry(run: RunDetail): boolean {
  return run.settled && run.state !== "success" && !run.parent_run;
}

export function Actions({ run, ask }: { run: RunDetail; ask: (asked: Asked) => void }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const over = isOver(run.state);
  async function turn() {
    setBusy(true);
    setError(null);
    try {
      await call(run.paused ? "resume_run" : "pause_run", { path: { run_id: run.id } });
      await client.invalidateQueries({ queryKey: ["run", run.id] });
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  }
  return (
    <>
      {error !== null && (
        <span className="bad" role="alert">
          {sentence(error)}
        </span>
      )}
      {!over && (
        <>
          <button type="button" className="button" disabled={busy} onClick={() => void turn()}>
            <Icon name={run.paused ? "play" : "pause"} /> {run.paused ? "Resume" : "Pause"}
          </button>
          <button type="button" className="button danger" onClick={() => ask({ what: "cancel" })}>
            <Icon name="stop" /> Cancel…
          </button>
        </>
      )}
      {canRetry(run) && (
        <button type="button" className="button primary" onClick={() => ask({ what: "retry" })}>
          <Icon name="play" /> Retry failed…
        </button>
      )}
      <Link className="button" href={`/runs/${run.id}/xray`} title="What went through the broker, step by step (x)">
        X-ray
      </Link>
      <Link className="button" href={`/runs/${run.id}/compare/last_success`} title="Compare with the last success">
        Compare
      </Link>
      <button type="button" className={over && !canRetry(run) ? "button primary" : "button"} onClick={() => ask({ what: "relaunch" })}>
        <Icon name="again" /> Relaunch…
      </button>
    </>
  );
}
