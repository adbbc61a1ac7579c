import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { definitionsQuery } from "../api/queries.ts";
import { Ago } from "../parts/Time.tsx";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { StateIcon } from "../parts/State.tsx";
import { Outcomes } from "./Outcomes.tsx";

const MANY = 12;

export default function DefinitionsPage() {
  useTitle("Definitions");
  const { data, error, refetch } = useQuery(definitionsQuery());
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const shown = data?.items.filter((each) => `${each.name} ${each.description}`.toLowerCase().includes(wanted)) ?? [];
  return (
    <div className="page">
      <div className="page-head">
        <h1>Definitions</h1>
        {(data?.items.length ?? 0) > MANY && <input type="search" placeholder="Name or description" aria-label="Name or description" value={text} onChange={(event) => setText(event.target.value)} />}
      </div>
      {error && <Failure error={error} again={() => void refetch()} />}
      {!data && !error && <Loading lines={6} />}
      {data && data.problems.length > 0 && <Problems problems={data.problems} />}
      {data && data.items.length === 0 && (
        <Empty title="No definitions yet">
          Write one into <code>workflows.yml</code> of your project, and start the server there (<code>umbel dev</code>). <code>umbel init</code> makes a small project that runs.
        </Empty>
      )}
      {data && data.items.length > 0 && shown.length === 0 && <Empty title="No definition fits">Nothing is called or described like “{text.trim()}”.</Empty>}
      <ul className="definitions">
        {shown.map((each) => (
          <li key={each.name} className="card definition">
            <div className="definition-name">
              <Link href={`/definitions/${encodeURIComponent(each.name)}`} className="strong">
                {each.name}
              </Link>
              {each.description && <p className="muted">{each.description}</p>}
            </div>
            <span className="muted nowrap">
              {each.tasks.length} {each.tasks.length === 1 ? "task" : "tasks"}
            </span>
            <span className="muted nowrap definition-next">
              {each.schedule && (
                <>
                  <Icon name="schedules" size={14} /> {each.schedule.next[0] ? <Ago at={each.schedule.next[0]} /> : "paused"}
                </>
              )}
            </span>
            <Outcomes name={each.name} />
            {each.problems.length > 0 ? (
              <span className="bad nowrap">
                <StateIcon state="error" size={14} /> cannot be started
              </span>
            ) : (
              <Link className="button" href={`/definitions/${encodeURIComponent(each.name)}?start=1`} aria-label={`Start ${each.name}`}>
                <Icon name="play" size={14} /> Start
              </Link>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What is wrong with the project's files. */
export function Problems({ problems }: { problems: readonly string[] }) {
  return (
    <div className="failure" role="alert">
      <strong>{problems.length === 1 ? "There is a mistake in the project's files." : `There are ${problems.length} mistakes in the project's files.`}</strong>
      <ul className="problems">
        {problems.map((line) => (
          <li key={line}>
            <code>{line}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}
