import { memo } from "react";
import { Link } from "wouter";
import type { Run } from "../api/generated.ts";
import { State } from "../parts/State.tsx";
import { Ago, Lasting } from "../parts/Time.tsx";
import { isOver } from "../live/apply.ts";

/** How much of a run is done: a bar and the numbers in words. */
export function Progress({ run }: { run: Pick<Run, "tasks_done" | "tasks_total" | "state"> }) {
  const share = run.tasks_total ? run.tasks_done / run.tasks_total : 0;
  return (
    <span className="progress">
      <span className="progress-bar" aria-hidden="true">
        <span className={`fill-${run.state}`} style={{ width: `${share * 100}%` }} />
      </span>
      <span className="number">
        {run.tasks_done} of {run.tasks_total} {run.tasks_total === 1 ? "task" : "tasks"}
      </span>
    </span>
  );
}

interface Given {
  run: Run;
  index: number;
  style: React.CSSProperties;
  chosen: boolean;
  choose: (run: Run, row: number, wanted: boolean, reach: boolean) => void;
}

export const RunRow = memo(
  function RunRow({ run, index, style, chosen, choose }: Given) {
    const over = isOver(run.state);
    return (
      <div role="row" aria-rowindex={index + 2} className={chosen ? "run-row chosen" : "run-row"} style={style} data-run={run.id}>
        <span role="cell" className="cell-choose">
          <input
            type="checkbox"
            aria-label={`Choose run ${run.id.slice(0, 8)} of ${run.definition}`}
            checked={chosen}
            onChange={(event) => choose(run, index, event.target.checked, (event.nativeEvent as MouseEvent).shiftKey)}
          />
        </span>
        <span role="cell" className="cell-state">
          <State state={run.state} />
        </span>
        <span role="cell" className="cell-name">
          <Link href={`/runs/${run.id}`} className="row-link">
            {run.definition}
          </Link>
          <span className="muted mono">{run.id.slice(0, 8)}</span>
          {run.paused && !over && <State state="paused" size={14} />}
          {run.periodic && <span className="tag">scheduled</span>}
          {run.relaunch_of && <span className="tag">relaunch</span>}
          <span className="brief">
            {run.error && <span className="bad">{run.failed_task ? `${run.failed_task}: ${run.error}` : run.error}</span>}
            {run.error && run.comment && " · "}
            {run.comment}
            {run.payload_brief && run.payload_brief !== "{}" && (
              <>
                {(run.error || run.comment) && " · "}
                <span className="payload-brief">{run.payload_brief}</span>
              </>
            )}
          </span>
        </span>
        <span role="cell" className="cell-progress">
          <Progress run={run} />
        </span>
        <span role="cell" className="cell-retries number">
          {run.retries ? (
            <>
              {run.retries}
              <span className="narrow-only">{run.retries === 1 ? " retry" : " retries"}</span>
            </>
          ) : (
            <span className="muted wide-only">0</span>
          )}
        </span>
        <span role="cell" className="cell-started">
          <Ago at={run.created_at} />
        </span>
        <span role="cell" className="cell-duration">
          <Lasting from={run.started_at} to={run.finished_at} going={!over} />
        </span>
      </div>
    );
  },
  (before, after) =>
    before.run === after.run &&
    before.chosen === after.chosen &&
    before.index === after.index &&
    before.style.transform === after.style.transform &&
    before.style.height === after.style.height &&
    before.choose === after.choose,
);
