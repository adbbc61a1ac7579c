import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { ApiError } from "../api/client.ts";
import { runsQuery } from "../api/queries.ts";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Beside } from "./Beside.tsx";
import { type Sort, SORTS } from "./film.ts";
import type { Trace } from "./types.ts";
import { useTrace } from "./useTrace.ts";
import { NO_VIEW, type View, Viewer } from "./Viewer.tsx";

/** What is in the address, as a view. */
export function readView(params: URLSearchParams): View {
  const at = Number(params.get("at"));
  const sort = SORTS.find((each) => each.id === params.get("kind"));
  const tab = params.get("tab");
  return {
    at: Number.isInteger(at) && at > 0 ? at : null,
    sort: sort?.id ?? null,
    task: params.get("task"),
    inner: params.get("inner") === "1",
    tab: tab === "keys" || tab === "totals" ? tab : null,
    key: params.get("key"),
  };
}

function writeView(params: URLSearchParams, view: View): URLSearchParams {
  const next = new URLSearchParams(params);
  const values: Record<string, string | null> = { at: view.at === null ? null : String(view.at), kind: view.sort satisfies Sort | null, task: view.task, inner: view.inner ? "1" : null, tab: view.tab, key: view.key };
  for (const [name, value] of Object.entries(values)) value === null ? next.delete(name) : next.set(name, value);
  return next;
}

/** The view, kept in the address; not with each step of a film that plays: browsers refuse that many. */
function useView(): [View, (change: Partial<View>) => void] {
  const [params, setParams] = useSearchParams();
  const [view, setView] = useState(() => readView(params));
  const written = useRef(params.toString());
  const text = params.toString();
  useEffect(() => {
    if (text !== written.current) {
      written.current = text;
      setView(readView(params));
    }
  }, [text, params]);
  useEffect(() => {
    const timer = setTimeout(() => {
      const next = writeView(params, view);
      if (next.toString() === params.toString()) return;
      written.current = next.toString();
      setParams(next, { replace: true });
    }, 250);
    return () => clearTimeout(timer);
  }, [view]);
  return [view, (change) => setView((now) => ({ ...now, ...change }))];
}

export default function XRayPage({ id }: { id: string }) {
  const [params, setParams] = useSearchParams();
  const other = params.get("beside");
  const { trace, error, live, again } = useTrace(id);
  const beside = useTrace(other);
  const [view, put] = useView();
  const [there, setThere] = useState<View>(NO_VIEW);
  useTitle(trace ? `X-ray of ${trace.definition}` : "X-ray");
  const missing = error instanceof ApiError && error.status === 404;
  if (missing) {
    return (
      <Empty page title="There is no such run">
        {error.message} <Link href="/runs">All runs</Link>
      </Empty>
    );
  }
  const none = trace && !trace.records.length && !live;
  return (
    <div className="page xray-page">
      <div className="page-head">
        <div className="run-title">
          <h1>X-ray</h1>
          {trace && (
            <>
              <span className="wrap">{trace.definition}</span>
              <Engine trace={trace} />
              <span className="mono muted">{id.slice(0, 8)}</span>
            </>
          )}
        </div>
        <div className="actions">
          {trace && <Others id={id} definition={trace.definition} other={other} choose={(run) => setParams((now) => changed(now, run), { replace: false })} />}
          {trace?.engine !== "celery" && (
            <Link className="button" href={`/runs/${encodeURIComponent(id)}`}>
              Back to the run
            </Link>
          )}
        </div>
      </div>
      {!trace && (error ? <Failure error={error} again={again} /> : <Loading lines={6} />)}
      {trace && error !== null && <Failure error={error} again={again} />}
      {none && <Nothing trace={trace} />}
      {trace && !none && !other && <Viewer trace={trace} live={live} view={view} put={put} />}
      {trace && !none && other && (
        <>
          {beside.trace && (
            <Beside
              left={trace}
              right={beside.trace}
              jump={(here, across) => {
                put({ at: here });
                setThere((now) => ({ ...now, at: across }));
              }}
            />
          )}
          <div className="xray-two">
            <Viewer trace={trace} live={live} view={view} put={put} compact name="this run" title={<Side trace={trace} />} />
            {beside.trace ? (
              <Viewer trace={beside.trace} live={beside.live} view={there} put={(change) => setThere((now) => ({ ...now, ...change }))} compact name="the other run" keys={false} title={<Side trace={beside.trace} />} />
            ) : beside.error ? (
              <Failure error={beside.error} again={beside.again} />
            ) : (
              <Loading lines={6} />
            )}
          </div>
        </>
      )}
    </div>
  );
}

function changed(params: URLSearchParams, beside: string): URLSearchParams {
  const next = new URLSearchParams(params);
  beside ? next.set("beside", beside) : next.delete("beside");
  return next;
}

const ENGINES: Record<Trace["engine"], string> = { relay: "engine relay", canvas: "engine canvas", celery: "plain Celery" };

function Engine({ trace }: { trace: Trace }) {
  return <span className="tag">{ENGINES[trace.engine]}</span>;
}

function Side({ trace }: { trace: Trace }) {
  return (
    <h2 className="xray-side">
      {trace.definition} <Engine trace={trace} />{" "}
      <Link href={`/runs/${encodeURIComponent(trace.run_id)}/xray`} className="mono">
        {trace.run_id.slice(0, 8)}
      </Link>
    </h2>
  );
}

/** Nothing is there: why, and what to do. */
function Nothing({ trace }: { trace: Trace }) {
  return (
    <Empty title={trace.recording === "off" ? "Nothing is recorded here" : "Nothing was recorded of this run"}>
      {trace.hint ? <p>{trace.hint}</p> : <p>Records are kept for a day.</p>}
      {trace.recording === "off" && (
        <pre>
          UMBEL_XRAY=messages   what Celery sends{"\n"}UMBEL_XRAY=commands   and the store's commands
        </pre>
      )}
    </Empty>
  );
}

/** Which run to put beside it. */
function Others({ id, definition, other, choose }: { id: string; definition: string; other: string | null; choose: (run: string) => void }) {
  const runs = useQuery(runsQuery({ limit: 50 }));
  const found = (runs.data?.items ?? []).filter((run) => run.id !== id);
  found.sort((one, two) => Number(two.definition === definition) - Number(one.definition === definition));
  return (
    <label className="compare-with">
      <span className="muted">beside</span>
      <select value={other ?? ""} onChange={(event) => choose(event.target.value)}>
        <option value="">no other run</option>
        {other && !found.some((run) => run.id === other) && <option value={other}>{other.slice(0, 8)}</option>}
        {found.map((run) => (
          <option key={run.id} value={run.id}>
            {run.id.slice(0, 8)} {run.definition}
            {run.comment ? `, ${run.comment.slice(0, 40)}` : ""}
          </option>
        ))}
      </select>
    </label>
  );
}
