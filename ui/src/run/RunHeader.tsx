import type { ReactNode } from "react";
import { Link } from "wouter";
import type { RunDetail } from "../api/generated.ts";
import { isOver } from "../live/apply.ts";
import { Copy } from "../parts/basics.tsx";
import { State } from "../parts/State.tsx";
import { Ago, Lasting } from "../parts/Time.tsx";
import { Progress } from "../runs/RunRow.tsx";

export function RunHeader({ run, children }: { run: RunDetail; children: ReactNode }) {
  const over = isOver(run.state);
  return (
    <header className="run-header">
      <div className="page-head">
        <div className="run-title">
          <span className={`run-state soft-${run.state}`} role="status" aria-live="polite">
            <State state={run.state} size={18} />
          </span>
          {run.paused && !over && <State state="paused" />}
          {run.held && !over && <State state="held" />}
          <h1>
            <Link href={`/definitions/${encodeURIComponent(run.definition)}`}>{run.definition}</Link>
          </h1>
          <span className="run-id">
            <span className="mono muted">{run.id.slice(0, 8)}</span>
            <Copy text={run.id} label="Copy the run's id" />
          </span>
        </div>
        <div className="actions">{children}</div>
      </div>
      <dl className="facts">
        <div>
          <dt>Progress</dt>
          <dd>
            <Progress run={run} />
          </dd>
        </div>
        <div>
          <dt>Duration</dt>
          <dd>
            <Lasting from={run.started_at} to={run.finished_at} going={!over} />
          </dd>
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
        {run.version && (
          <div>
            <dt>Version</dt>
            <dd>
              <Link href={`/definitions/${encodeURIComponent(run.definition)}?version=${run.version}`} className="mono" aria-label={`Version ${run.version.slice(0, 8)} of the definition`}>
                {run.version.slice(0, 8)}
              </Link>
            </dd>
          </div>
        )}
        {run.comment && (
          <div>
            <dt>Comment</dt>
            <dd className="wrap">{run.comment}</dd>
          </div>
        )}
        {run.relaunch_of && (
          <div>
            <dt>Repeats</dt>
            <dd>
              <Link href={`/runs/${run.relaunch_of}`} className="mono">
                {run.relaunch_of.slice(0, 8)}
              </Link>
            </dd>
          </div>
        )}
        {run.parent_run && (
          <div>
            <dt>Part of</dt>
            <dd>
              <Link href={`/runs/${run.parent_run}?task=${encodeURIComponent(run.parent_task ?? "")}`} className="mono">
                {run.parent_run.slice(0, 8)}
              </Link>{" "}
              <span className="muted">task {run.parent_task}</span>
            </dd>
          </div>
        )}
        {run.epoch > 1 && (
          <div>
            <dt>Epoch</dt>
            <dd className="number">{run.epoch}</dd>
          </div>
        )}
        {run.deadline_at && !over && (
          <div>
            <dt>Deadline</dt>
            <dd>
              <Ago at={run.deadline_at} />
            </dd>
          </div>
        )}
        {run.periodic && (
          <div>
            <dt>By</dt>
            <dd>schedule</dd>
          </div>
        )}
        {over && !run.settled && (
          <div>
            <dt>Still alive</dt>
            <dd>other tasks are ending</dd>
          </div>
        )}
      </dl>
    </header>
  );
}
