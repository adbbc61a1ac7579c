import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "wouter";
import { queuesQuery } from "../api/queries.ts";

/** The way between the workers and the queues, which belong together. */
export function Subnav() {
  const [location] = useLocation();
  const { data } = useQuery(queuesQuery());
  const bad = data?.items.filter((queue) => !queue.healthy).length ?? 0;
  const here = (path: string) => (location.startsWith(path) ? "page" : undefined);
  return (
    <nav className="tabs subnav" aria-label="Workers and queues">
      <Link href="/workers" aria-current={here("/workers")}>
        Workers
      </Link>
      <Link href="/queues" aria-current={here("/queues")}>
        Queues {bad > 0 && <span className="bad">({bad} unhealthy)</span>}
      </Link>
    </nav>
  );
}
