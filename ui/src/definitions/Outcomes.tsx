import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { runsQuery } from "../api/queries.ts";
import { StateIcon } from "../parts/State.tsx";
import { look } from "../parts/states.ts";

const COUNT = 20;

/** The last runs of a definition, oldest first: each a link. */
export function Outcomes({ name }: { name: string }) {
  const { data } = useQuery({ ...runsQuery({ definition: name, limit: COUNT }), refetchInterval: 10_000 });
  if (!data) return <span className="outcomes" />;
  if (!data.items.length) return <span className="outcomes muted">no runs yet</span>;
  return (
    <span className="outcomes">
      {data.items.toReversed().map((run) => (
        <Link key={run.id} href={`/runs/${run.id}`} aria-label={`Run ${run.id.slice(0, 8)}: ${look(run.state).word}`} title={`${look(run.state).word}, ${run.id.slice(0, 8)}`}>
          <StateIcon state={run.state} size={14} />
        </Link>
      ))}
    </span>
  );
}
