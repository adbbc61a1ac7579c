import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { definitionsQuery } from "../api/queries.ts";
import { useShortcuts } from "../lib/keys.ts";
import { State } from "../parts/State.tsx";
import { RUN_STATES } from "../parts/states.ts";
import { type Filters, isFiltered, type Range } from "./filters.ts";

const RANGE_WORDS: Record<Range, string> = {
  "15m": "last 15 minutes",
  "1h": "last hour",
  "24h": "last 24 hours",
  "7d": "last 7 days",
  "30d": "last 30 days",
};

/** An instant as a datetime-local field has it: local time, to the second. */
function local(instant: string): string {
  const at = Date.parse(instant);
  if (Number.isNaN(at)) return "";
  const shifted = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

export function FilterBar({ filters, change }: { filters: Filters; change: (some: Partial<Filters>) => void }) {
  const definitions = useQuery(definitionsQuery());
  const search = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(filters.q);
  useEffect(() => setText(filters.q), [filters.q]);
  useEffect(() => {
    if (text === filters.q) return;
    const timer = setTimeout(() => change({ q: text }), 250);
    return () => clearTimeout(timer);
  });
  useShortcuts([{ keys: "/", does: "search the runs", run: () => search.current?.focus() }]);
  const custom = Boolean(filters.since || filters.until);
  const names = definitions.data?.items.map((each) => each.name) ?? [];
  if (filters.definition && !names.includes(filters.definition)) names.push(filters.definition);
  return (
    <div className="filters" role="search" aria-label="Filter the runs">
      <div className="chips" role="group" aria-label="State">
        {RUN_STATES.map((state) => {
          const chosen = filters.status.includes(state);
          const status = chosen ? filters.status.filter((each) => each !== state) : [...filters.status, state];
          return (
            <button key={state} type="button" className="chip" aria-pressed={chosen} onClick={() => change({ status })}>
              <State state={state} size={14} />
            </button>
          );
        })}
      </div>
      <select aria-label="Definition" value={filters.definition} onChange={(event) => change({ definition: event.target.value })}>
        <option value="">every definition</option>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="Time"
        value={custom ? "custom" : filters.range}
        onChange={(event) => {
          const value = event.target.value;
          if (value === "custom") change({ since: new Date(Date.now() - 3_600_000).toISOString() });
          else change({ range: value as Range | "", since: "", until: "", ...(value ? { range: value as Range } : {}) });
        }}
      >
        <option value="">any time</option>
        {Object.entries(RANGE_WORDS).map(([range, words]) => (
          <option key={range} value={range}>
            {words}
          </option>
        ))}
        <option value="custom">from … to …</option>
      </select>
      {custom && (
        <span className="between">
          <input type="datetime-local" step={1} aria-label="Started at or after" value={local(filters.since)} onChange={(event) => change({ since: event.target.value ? new Date(event.target.value).toISOString() : "" })} />
          <span aria-hidden="true">–</span>
          <input type="datetime-local" step={1} aria-label="Started before" value={local(filters.until)} onChange={(event) => change({ until: event.target.value ? new Date(event.target.value).toISOString() : "" })} />
        </span>
      )}
      <input ref={search} type="search" className="text-filter" placeholder="Text in id, name, comment, payload" aria-label="Text in id, name, comment or payload" value={text} onChange={(event) => setText(event.target.value)} />
      {isFiltered(filters) && (
        <button type="button" className="button quiet" onClick={() => change({ status: [], definition: "", q: "", range: "", since: "", until: "" })}>
          Clear filters
        </button>
      )}
    </div>
  );
}
