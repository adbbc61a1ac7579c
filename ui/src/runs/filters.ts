// The filters of the list of runs. They live in the address, so that a view can be kept and sent.
import { useMemo } from "react";
import { useSearchParams } from "wouter";
import type { RunState } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { RUN_STATES } from "../parts/states.ts";

export const RANGES = { "15m": 15, "1h": 60, "24h": 24 * 60, "7d": 7 * 24 * 60, "30d": 30 * 24 * 60 } as const;
export type Range = keyof typeof RANGES;

export interface Filters {
  status: RunState[];
  definition: string;
  q: string;
  range: Range | "";
  since: string;
  until: string;
}

export function read(params: URLSearchParams): Filters {
  const range = params.get("range") ?? "";
  return {
    status: (params.get("status") ?? "").split(",").filter((each): each is RunState => RUN_STATES.includes(each as RunState)),
    definition: params.get("definition") ?? "",
    q: params.get("q") ?? "",
    range: range in RANGES ? (range as Range) : "",
    since: params.get("since") ?? "",
    until: params.get("until") ?? "",
  };
}

/** What the server is asked. A range like "the last hour" begins at a full minute, so that the question stays the same. */
export function asked(filters: Filters, now: number): RunsAsked {
  const found: RunsAsked = {};
  if (filters.status.length) found.status = [...filters.status].sort();
  if (filters.definition) found.definition = filters.definition;
  if (filters.q) found.q = filters.q;
  if (filters.range) {
    const minutes = Math.floor(now / 60_000) - RANGES[filters.range];
    found.since = new Date(minutes * 60_000).toISOString();
  } else {
    if (filters.since) found.since = filters.since;
    if (filters.until) found.until = filters.until;
  }
  return found;
}

export function isFiltered(filters: Filters): boolean {
  return Boolean(filters.status.length || filters.definition || filters.q || filters.range || filters.since || filters.until);
}

/** The filters of the address, and how to change some of them. */
export function useFilters(): [Filters, (change: Partial<Filters>) => void] {
  const [params, setParams] = useSearchParams();
  const text = params.toString();
  const filters = useMemo(() => read(new URLSearchParams(text)), [text]);
  function change(some: Partial<Filters>) {
    const next = { ...filters, ...some };
    if (some.since !== undefined || some.until !== undefined) next.range = "";
    if (some.range) next.since = next.until = "";
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(next)) {
      const written = Array.isArray(value) ? value.join(",") : value;
      if (written) search.set(name, written);
    }
    setParams(search, { replace: true });
  }
  return [filters, change];
}
