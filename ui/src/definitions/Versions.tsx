import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { call } from "../api/client.ts";
import type { RunState, Version, VersionDetail } from "../api/generated.ts";
import { versionsQuery } from "../api/queries.ts";
import { Graph } from "../graph/Graph.tsx";
import { Failure, Loading } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Json } from "../parts/Json.tsx";
import { PlanChanges } from "../parts/PlanChanges.tsx";
import { StateIcon } from "../parts/State.tsx";
import { look, RUN_STATES } from "../parts/states.ts";
import { Ago } from "../parts/Time.tsx";
import { nodeOf } from "./nodes.tsx";

const short = (version: string) => version.slice(0, 8);

/** The address of a version of a definition. */
export const versionPath = (name: string, version: string) => `/definitions/${encodeURIComponent(name)}?version=${encodeURIComponent(version)}`;

/** What a definition has been: which versions ran, how their runs ended, and what changed. */
export function Versions({ name }: { name: string }) {
  const { data, error } = useQuery(versionsQuery(name));
  const [params, setParams] = useSearchParams();
  const chosen = params.get("version");
  const against = params.get("against");
  const [all, setAll] = useState(false);
  if (error) return <Failure error={error} />;
  if (!data) return <Loading />;
  if (!data.items.length) return null;
  const show = (version: string | null, other?: string) =>
    setParams({ ...(version ? { version } : {}), ...(other ? { against: other } : {}) }, { replace: true });
  const place = chosen ? data.items.findIndex((each) => each.version === chosen) : -1;
  const rows = all ? data.items : data.items.slice(0, Math.max(8, place + 1));
  return (
    <section className="card versions" aria-label="Versions">
      <div className="json-head">
        <h2>Versions</h2>
        {data.more && <span className="muted">of its newest {data.counted.toLocaleString()} runs</span>}
      </div>
      <div className="scroll-x" tabIndex={0} role="group" aria-label="Versions">
        <table className="table">
          <thead>
            <tr>
              <th>Version</th>
              <th>First used</th>
              <th>Last used</th>
              <th className="right">Tasks</th>
              <th>Runs</th>
              <th>
                <span className="hidden">Look at it</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((each) => (
              <tr key={each.version} className={each.version === chosen ? "chosen" : undefined} data-version={each.version}>
                <td className="nowrap">
                  <span className="mono">{short(each.version)}</span> {each.current && <span className="tag">now</span>}
                </td>
                <td className="muted nowrap">
                  <Ago at={each.first_used} />
                </td>
                <td className="muted nowrap">
                  <Ago at={each.last_used} />
                </td>
                <td className="right number">{each.tasks}</td>
                <td>
                  <Counts version={each} />
                </td>
                <td className="right">
                  <button type="button" className="button quiet" aria-expanded={each.version === chosen} aria-label={`${each.version === chosen ? "Hide" : "Show"} version ${short(each.version)}`} onClick={() => show(each.version === chosen ? null : each.version)}>
                    {each.version === chosen ? "Hide" : "Show"}
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length < data.items.length && (
        <button type="button" className="button" onClick={() => setAll(true)}>
          Show all {data.items.length} versions
        </button>
      )}
      {chosen && <Chosen key={chosen} name={name} version={chosen} against={against} versions={data.items} compare={(other) => show(chosen, other)} />}
    </section>
  );
}

function Counts({ version }: { version: Version }) {
  const there = RUN_STATES.filter((state: RunState) => version.runs[state]);
  if (!there.length) return <span className="muted">none yet</span>;
  return (
    <span className="counts">
      {there.map((state) => (
        <span key={state} className="nowrap" title={look(state).word}>
          <StateIcon state={state} size={14} /> {version.runs[state]}
          <span className="hidden"> {look(state).word}</span>
        </span>
      ))}
    </span>
  );
}

function Chosen({ name, version, against, versions, compare }: { name: string; version: string; against: string | null; versions: readonly Version[]; compare: (other: string) => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["version", name, version, against],
    queryFn: ({ signal }) => call("get_definition_version", { path: { name, version }, query: { against } }, signal),
    placeholderData: (before) => before,
    staleTime: 60_000,
    retry: false,
  });
  if (error) return <Failure error={error} again={() => void refetch()} />;
  if (!data) return <Loading lines={4} />;
  const others = versions.filter((each) => each.version !== data.version);
  return (
    <div className="version" aria-label={`Version ${short(version)}`} role="group">
      <div className="json-head">
        <h3>
          Version <span className="mono">{short(data.version)}</span>
        </h3>
        {others.length > 0 && (
          <label className="compare-with">
            <span className="muted">compared with</span>
            <select value={data.against ?? ""} onChange={(event) => compare(event.target.value)}>
              {data.against === null && <option value="">nothing before it</option>}
              {others.map((each) => (
                <option key={each.version} value={each.version}>
                  {short(each.version)}
                  {each.current ? " (now)" : ""}
                </option>
              ))}
            </select>
          </label>
        )}
        <Link href={`/runs?definition=${encodeURIComponent(name)}`}>
          <Icon name="runs" size={14} /> Runs of the definition
        </Link>
      </div>
      {data.change && <PlanChanges change={data.change} />}
      <Picture version={data} />
      <Json title="Plan" name={`${name}-${short(data.version)}`} value={data.plan} />
    </div>
  );
}

function Picture({ version }: { version: VersionDetail }) {
  const nodes = useMemo(() => version.task_definitions.map(nodeOf), [version.task_definitions]);
  const [selected, setSelected] = useState<string | null>(null);
  return (
    <div className="version-graph">
      <Graph nodes={nodes} selected={selected} onSelect={(key) => setSelected(key === selected ? null : key)} />
    </div>
  );
}
