import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { call } from "../api/client.ts";
import type { Diagnosis, RunDetail } from "../api/generated.ts";
import { isOver } from "../live/apply.ts";
import { Icon } from "../parts/Icon.tsx";
import { State } from "../parts/State.tsx";
import { Ago } from "../parts/Time.tsx";
import { duration } from "../lib/time.ts";
import { parse } from "../lib/traceback.ts";
import type { Asked } from "./Actions.tsx";
import { ran } from "./facts.ts";

interface Given {
  run: RunDetail;
  diagnosis: Diagnosis | undefined;
  open: (task: string, tab: string) => void;
  ask: (asked: Asked) => void;
}

/** Why a run failed, in one glance; for one under way, the sentence of what it waits for. */
export function DiagnosisCard({ run, diagnosis, open, ask }: Given) {
  if (!diagnosis) return <div className="diagnosis pending" aria-hidden="true" />;
  if (isOver(run.state)) return <Why run={run} diagnosis={diagnosis} open={open} ask={ask} />;
  const asking = run.tasks.filter((task) => task.state === "awaiting_input");
  return (
    <div className="diagnosis">
      <p className="waits" role="status">
        <Said text={diagnosis.verdict} />
      </p>
      {asking.map((task) => (
        <div key={task.id} className="asking card">
          <State state={task.state} />
          <span>
            <b>{task.key}</b> waits for a decision
            {task.due_at && (
              <>
                , until <Ago at={task.due_at} />
              </>
            )}
            .
          </span>
          <Decide task={task.key} ask={ask} />
        </div>
      ))}
    </div>
  );
}

/** What ended a run, and what can be done. */
function Why({ run, diagnosis, open, ask }: Given & { diagnosis: Diagnosis }) {
  const cause = diagnosis.root_cause;
  const listed = run.tasks.find((task) => task.key === cause?.task);
  // An item of a map is not among the run's tasks.
  const item = useQuery({
    queryKey: ["task", run.id, cause?.task, run.epoch],
    queryFn: ({ signal }) => call("get_task", { path: { run_id: run.id, key: cause?.task ?? "" } }, signal),
    enabled: Boolean(cause) && !listed,
  });
  const culprit = listed ?? item.data;
  const said = culprit?.error?.message || cause?.message || "";
  const line = ownLine(culprit?.error?.traceback ?? null);
  const attempts = culprit?.attempts ?? [];
  // The diagnosis is short for the sake of agents; the page has room.
  const told = new Set(diagnosis.chain.map((text) => text.split(" ")[0]));
  const rest = run.tasks.filter((task) => task.state === "upstream_failed" && !told.has(task.key)).map((task) => task.key);
  return (
    <section className={`diagnosis card ${run.state}`} aria-label="Diagnosis">
      <h2>{diagnosis.verdict}</h2>
      {cause && (
        <div className="cause">
          <p>
            <button type="button" className="link" onClick={() => open(cause.task, "error")}>
              {cause.task}
            </button>
            {cause.attempt !== null && `, attempt ${cause.attempt}`}
            {cause.file_line && (
              <>
                {" at "}
                <code className="file-line">{cause.file_line}</code>
              </>
            )}
          </p>
          {line && <pre className="own-line">{line}</pre>}
          {!diagnosis.verdict.includes(said) && (
            <pre className="message">
              {cause.type && <b>{cause.type}: </b>}
              {said}
            </pre>
          )}
        </div>
      )}
      <div className="diagnosis-more">
        {diagnosis.chain.length > 0 && (
          <div>
            <h3>Never ran</h3>
            <ul>
              {diagnosis.chain.map((line) => (
                <li key={line}>{line}</li>
              ))}
              {rest.length > 0 && <li>{`and ${rest.slice(0, 12).join(", ")}${rest.length > 12 ? ` and ${rest.length - 12} more` : ""}`}</li>}
            </ul>
          </div>
        )}
        {attempts.length > 1 && (
          <div>
            <h3>Attempts of {culprit?.key}</h3>
            <ul className="attempt-notes">
              {attempts.slice(-8).map((each) => (
                <li key={`${each.epoch} ${each.attempt}`}>
                  <span className="number">{each.attempt}</span>
                  <State state={each.outcome} size={14} />
                  <span className="number">ran {duration(ran(each, 0))}</span>
                  {each.countdown !== null && each.countdown > 0 && <span className="muted number">then waited {each.countdown} s</span>}
                </li>
              ))}
            </ul>
          </div>
        )}
        <div>
          <h3>What to do</h3>
          <ul className="what-to-do">
            {diagnosis.suggested_actions.map((each) => (
              <li key={each.tool + each.why}>
                <Suggested tool={each.tool} task={String(each.arguments.key ?? cause?.task ?? "")} open={open} ask={ask} /> <span className="muted">{each.why}</span>
              </li>
            ))}
          </ul>
        </div>
      </div>
    </section>
  );
}

/** A sentence of the server's, with its commands as such. */
function Said({ text }: { text: string }) {
  return text.split("`").map((part, place) => (place % 2 ? <code key={place}>{part}</code> : part));
}

/** Approve or reject, each with a word of why. */
export function Decide({ task, ask }: { task: string; ask: (asked: Asked) => void }) {
  return (
    <span className="actions">
      <button type="button" className="button primary" aria-label={`Approve… ${task}`} onClick={() => ask({ what: "decide", task, approve: true })}>
        Approve…
      </button>
      <button type="button" className="button danger" aria-label={`Reject… ${task}`} onClick={() => ask({ what: "decide", task, approve: false })}>
        Reject…
      </button>
    </span>
  );
}

/** The line of the user's own code that an exception came from. */
function ownLine(traceback: string | null): string | null {
  if (!traceback) return null;
  const frame = parse(traceback)
    .flatMap((part) => part.frames)
    .findLast((each) => each.own && each.code.length > 0);
  return frame?.code[0]?.trim() ?? null;
}

function Suggested({ tool, task, open, ask }: { tool: string; task: string; open: Given["open"]; ask: Given["ask"] }) {
  if (tool === "get_task_logs" || tool === "get_logs") {
    return (
      <button type="button" className="button" onClick={() => open(task, "logs")}>
        Logs of {task}
      </button>
    );
  }
  if (tool === "relaunch_run") {
    return (
      <button type="button" className="button" onClick={() => ask({ what: "relaunch" })}>
        <Icon name="again" /> Relaunch…
      </button>
    );
  }
  if (tool === "retry_run") {
    return (
      <button type="button" className="button" onClick={() => ask({ what: "retry" })}>
        <Icon name="play" /> Retry failed…
      </button>
    );
  }
  if (tool === "list_workers") {
    return (
      <Link className="button" href="/workers">
        Workers
      </Link>
    );
  }
  if (tool === "get_task") {
    return (
      <button type="button" className="button" onClick={() => open(task, "overview")}>
        Open {task}
      </button>
    );
  }
  return <code>{tool}</code>;
}
