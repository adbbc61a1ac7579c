// The failure lab on the page of a run: buttons that break something of the demo's stack, and what was broken.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { call } from "../api/client.ts";
import type { LabChoice, LabDone, RunDetail } from "../api/generated.ts";
import { useSession } from "../api/session.ts";
import { isOver } from "../live/apply.ts";
import { Failure } from "../parts/basics.tsx";
import { Ago, Countdown } from "../parts/Time.tsx";
import "../styles/lab.css";

type Act = LabChoice["act"];
type Field = { name: "seconds" | "delay" | "fail"; text: string; most: number };

/** What can be set, and what it is at first. */
const FIELDS: Partial<Record<Act, Field[]>> = {
  "freeze-child": [{ name: "seconds", text: "seconds", most: 60 }],
  "freeze-worker": [{ name: "seconds", text: "seconds", most: 60 }],
  "pause-broker": [{ name: "seconds", text: "seconds", most: 30 }],
  "trouble-model": [
    { name: "delay", text: "seconds later", most: 60 },
    { name: "fail", text: "calls fail", most: 1000 },
    { name: "seconds", text: "seconds long", most: 600 },
  ],
};
const FIRST: Record<Field["name"], number> = { seconds: 10, delay: 3, fail: 0 };
/** Those that hit this run, and wait a while until there is something to hit: possible until its end. */
const OF_RUN: readonly Act[] = ["kill-child", "freeze-child", "drop-message", "duplicate-message"];

/** Nothing where the server has no failure lab. */
export function LabPanel({ run }: { run: RunDetail }) {
  const { session } = useSession();
  const { data } = useQuery({
    queryKey: ["lab", run.id, run.state, run.settled],
    queryFn: ({ signal }) => call("get_lab", { query: { run_id: run.id } }, signal),
    refetchInterval: (query) => (query.state.data?.enabled && !run.settled ? 1_500 : false),
    placeholderData: (before) => before,
    retry: false,
  });
  const [open, setOpen] = useState(!isOver(run.state));
  if (!data?.enabled) return null;
  const may = session === null || session.scope === "admin";
  return (
    <section className="card lab" aria-label="Failure lab">
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <h2>Failure lab</h2>
          <span className="muted">break something of this stack, and watch what becomes of the run</span>
        </summary>
        {!may && <p className="muted">You may look, but not break anything: that needs the scope “admin”.</p>}
        <ul className="lab-acts">
          {data.choices.map((each) => (
            <Choice key={each.act} choice={each} run={run} may={may} />
          ))}
        </ul>
      </details>
      {data.done.length > 0 && <Done done={data.done.slice(0, 8)} />}
    </section>
  );
}

function Choice({ choice, run, may }: { choice: LabChoice; run: RunDetail; may: boolean }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const fields = FIELDS[choice.act] ?? [];
  const [values, setValues] = useState<Record<string, number>>(() => ({ ...FIRST, ...(choice.act === "pause-broker" ? { seconds: 3 } : choice.act === "trouble-model" ? { seconds: 30 } : {}) }));
  const over = isOver(run.state);
  const possible = OF_RUN.includes(choice.act) ? !over : choice.possible;
  const why = OF_RUN.includes(choice.act) && over ? "The run is over." : (choice.why_not ?? "");

  async function act() {
    setBusy(true);
    setError(null);
    try {
      const body = Object.fromEntries(fields.map((each) => [each.name, values[each.name]]));
      await call("act_in_lab", { path: { act: choice.act }, body: { ...body, ...(OF_RUN.includes(choice.act) ? { run_id: run.id } : {}) } });
      await client.invalidateQueries({ queryKey: ["lab"] });
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  }

  return (
    <li>
      <div className="lab-act">
        <button type="button" className="button" disabled={!may || !possible || busy} onClick={() => void act()}>
          {choice.title}
        </button>
        {fields.map((each) => (
          <label key={each.name} className="lab-field">
            <input type="number" min={0} max={each.most} value={values[each.name]} onChange={(event) => setValues({ ...values, [each.name]: event.target.valueAsNumber || 0 })} />
            {each.text}
          </label>
        ))}
      </div>
      <div className="lab-next">{busy ? "Waiting for something to hit…" : possible ? choice.next : why}</div>
      {error !== null && <Failure error={error} />}
    </li>
  );
}

function Done({ done }: { done: LabDone[] }): ReactNode {
  return (
    <>
      <h3>Done lately</h3>
      <ol className="lab-done">
        {done.map((each) => (
          <li key={each.id} data-act={each.act}>
            <span className="muted">
              <Ago at={each.at} />
            </span>
            <span>
              <strong>{each.did}</strong> {each.next}
              {each.until !== null && Date.parse(each.until) > Date.now() && (
                <span className="tag">
                  ends in <Countdown to={each.until} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
