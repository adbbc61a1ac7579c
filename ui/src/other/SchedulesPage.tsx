import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/client.ts";
import type { ScheduleSpec, ScheduleView } from "../api/generated.ts";
import { schedulesQuery } from "../api/queries.ts";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { State } from "../parts/State.tsx";
import { Ago } from "../parts/Time.tsx";
import { exact } from "../lib/time.ts";

export default function SchedulesPage() {
  useTitle("Schedules");
  const { data, error, refetch } = useQuery(schedulesQuery());
  return (
    <div className="page">
      <div className="page-head">
        <h1>Schedules</h1>
      </div>
      {error && <Failure error={error} again={() => void refetch()} />}
      {!data && !error && <Loading lines={5} />}
      {data?.items.length === 0 && (
        <Empty title="Nothing is started by itself">
          <p>A definition gets a schedule by</p>
          <pre>{'periodic: {crontab: "0 */3 * * *", payload: {}}'}</pre>
          <p>in its entry of workflows.yml. No beat process is needed.</p>
        </Empty>
      )}
      <ul className="definitions">
        {data?.items.map((each) => (
          <One key={each.definition} schedule={each} />
        ))}
      </ul>
    </div>
  );
}

function One({ schedule }: { schedule: ScheduleView }) {
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function turn() {
    setBusy(true);
    setError(null);
    try {
      await call(schedule.paused ? "resume_schedule" : "pause_schedule", { path: { definition: schedule.definition } });
      await client.invalidateQueries({ queryKey: ["schedules"] });
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  }
  return (
    <li className="card schedule">
      <div className="page-head">
        <h2>
          <Link href={`/definitions/${encodeURIComponent(schedule.definition)}`}>{schedule.definition}</Link>
        </h2>
        <div className="actions">
          {schedule.paused && <State state="paused" />}
          <button type="button" className="button" disabled={busy} onClick={() => void turn()} aria-label={`${schedule.paused ? "Resume" : "Pause"} the schedule of ${schedule.definition}`}>
            <Icon name={schedule.paused ? "play" : "pause"} size={14} /> {schedule.paused ? "Resume" : "Pause"}
          </button>
        </div>
      </div>
      <ScheduleFacts schedule={schedule} />
      <dl className="facts">
        <div>
          <dt>Last run</dt>
          <dd>
            {schedule.last_run ? (
              <Link href={`/runs/${schedule.last_run}`}>
                <Ago at={schedule.last_at} />
              </Link>
            ) : (
              "none yet"
            )}
          </dd>
        </div>
        {schedule.skipped_at && (
          <div>
            <dt>Last one skipped</dt>
            <dd>
              <Ago at={schedule.skipped_at} /> <span className="muted">{schedule.skipped_why === "overlap" ? "a run was still alive" : "no server was up"}</span>
            </dd>
          </div>
        )}
      </dl>
      {error !== null && <Failure error={error} />}
    </li>
  );
}

/** When, by which clock, and the next times. */
export function ScheduleFacts({ schedule }: { schedule: ScheduleSpec }) {
  return (
    <dl className="facts">
      <div>
        <dt>When</dt>
        <dd>{schedule.crontab ? <code>{schedule.crontab}</code> : `every ${schedule.interval} s`}</dd>
      </div>
      {schedule.crontab && (
        <div>
          <dt>Clock</dt>
          <dd>{schedule.timezone}</dd>
        </div>
      )}
      <div>
        <dt>Made up for</dt>
        <dd>{{ none: "nothing", last: "the last missed time", all: "all missed times" }[schedule.catchup]}</dd>
      </div>
      <div>
        <dt>While one is alive</dt>
        <dd>{schedule.overlap === "allow" ? "another may start" : "none starts"}</dd>
      </div>
      <div>
        <dt>Next</dt>
        <dd>
          {schedule.next.length === 0 ? (
            "none while paused"
          ) : (
            <ol className="next">
              {schedule.next.map((at) => (
                <li key={at}>
                  {exact(Date.parse(at)).replace(/\.\d+ /, " ")} <span className="muted">(<Ago at={at} />)</span>
                </li>
              ))}
            </ol>
          )}
        </dd>
      </div>
    </dl>
  );
}
