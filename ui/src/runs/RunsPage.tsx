import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import type { Run } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";
import { useShortcuts } from "../lib/keys.ts";
import { exact, useNow } from "../lib/time.ts";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { CancelDialog } from "./CancelDialog.tsx";
import { FilterBar } from "./FilterBar.tsx";
import { asked, isFiltered, useFilters } from "./filters.ts";
import { RunRow } from "./RunRow.tsx";
import { RetryDialog } from "./RetryDialog.tsx";
import { Strip } from "./Strip.tsx";
import { type RunList, useRunList } from "./useRunList.ts";

const NARROW = window.matchMedia("(max-width: 720px)");

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const on = () => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", on);
    return () => NARROW.removeEventListener("change", on);
  }, []);
  return narrow;
}

/** Whether the reader is at the top of the page, where new runs come in. */
function useAtTop(): boolean {
  const [atTop, setAtTop] = useState(true);
  useEffect(() => {
    const on = () => setAtTop(window.scrollY < 250);
    on();
    window.addEventListener("scroll", on, { passive: true });
    return () => window.removeEventListener("scroll", on);
  }, []);
  return atTop;
}

export function RunsPage() {
  useTitle("Runs");
  const [filters, change] = useFilters();
  const minute = useNow(60_000);
  const query = useMemo(() => asked(filters, minute), [filters, minute]);
  const atTop = useAtTop();
  const narrow = useNarrow();
  const [version, setVersion] = useState(0);
  const list = useRunList(query, atTop, () => setVersion((now) => now + 1));
  // The runs themselves: those that are far away are not kept in the list.
  const [chosen, setChosen] = useState<ReadonlyMap<string, Run>>(new Map());
  const [doing, setDoing] = useState<{ what: "cancel" | "retry"; to: "chosen" | "matching" } | null>(null);
  const lastChosen = useRef<number | null>(null);
  const { runs } = list;

  const place = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  useEffect(() => {
    if (!atTop) return; // measuring makes the browser lay out the page, which would be at each step of scrolling
    const top = (place.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    if (Math.abs(top - margin) > 1) setMargin(top);
  });
  const rows = useWindowVirtualizer({
    count: list.count + (list.more ? 1 : 0),
    estimateSize: () => (narrow ? 84 : 45),
    overscan: 12,
    scrollMargin: margin,
  });
  const measure = useEffectEvent(() => rows.measure());
  useEffect(() => measure(), [narrow]);
  const items = rows.getVirtualItems();
  const begin = items[0]?.index ?? 0;
  const end = items[items.length - 1]?.index ?? 0;
  useEffect(() => list.look(begin, end), [begin, end, list]);

  function choose(run: Run, row: number, wanted: boolean, reach: boolean) {
    const next = new Map(chosen);
    const from = reach && lastChosen.current !== null ? lastChosen.current : row;
    for (let each = Math.min(from, row); each <= Math.max(from, row); each++) {
      const one = each === row ? run : list.at(each);
      if (one) wanted ? next.set(one.id, one) : next.delete(one.id);
    }
    lastChosen.current = row;
    setChosen(next);
  }
  const latest = useRef(choose);
  latest.current = choose;
  const [stableChoose] = useState(() => (...given: Parameters<typeof choose>) => latest.current(...given));
  function closed(done: boolean) {
    setDoing(null);
    if (done) setChosen(new Map());
  }
  useShortcuts(chosen.size ? [{ keys: "Escape", does: "choose none", run: () => setChosen(new Map()) }] : []);
  // The newer of two beside the older: what is different about it.
  const pair = chosen.size === 2 ? [...chosen.values()].sort((one, two) => (one.created_at < two.created_at ? 1 : -1)) : [];
  const failed = runs.some((run) => run.state === "error");
  const alive = runs.some((run) => run.state === "pending" || run.state === "running");

  return (
    <div className="page runs-page">
      <div className="page-head">
        <h1>Runs</h1>
        <div className="actions">
          {chosen.size > 0 ? (
            <>
              <span className="muted">{chosen.size} chosen</span>
              {pair[0] && pair[1] && (
                <Link className="button" href={`/runs/${pair[0].id}/compare/${pair[1].id}`}>
                  Compare
                </Link>
              )}
              <button type="button" className="button" onClick={() => setDoing({ what: "retry", to: "chosen" })}>
                Retry failed…
              </button>
              <button type="button" className="button danger" onClick={() => setDoing({ what: "cancel", to: "chosen" })}>
                Cancel…
              </button>
              <button type="button" className="button quiet" onClick={() => setChosen(new Map())}>
                Choose none
              </button>
            </>
          ) : (
            <>
              {failed && (
                <button type="button" className="button" onClick={() => setDoing({ what: "retry", to: "matching" })}>
                  Retry failed…
                </button>
              )}
              {alive && (
                <button type="button" className="button" onClick={() => setDoing({ what: "cancel", to: "matching" })}>
                  Cancel runs…
                </button>
              )}
            </>
          )}
          <Link className="button primary" href="/definitions">
            Start a run
          </Link>
        </div>
      </div>
      <FilterBar filters={filters} change={change} />
      <Strip query={query} version={version} choose={(since, until) => change({ since, until })} clear={filters.since || filters.until ? () => change({ since: "", until: "" }) : null} />
      {list.state === "failed" && <Failure error={list.error} again={list.restart} />}
      {list.state === "fetching" && <Loading lines={8} />}
      {list.state === "ready" && list.count === 0 && !list.more && (isFiltered(filters) ? <NoneFit /> : <NoneYet />)}
      {(list.count > 0 || list.more) && (
        <div role="table" aria-label="Runs" aria-rowcount={list.more ? -1 : list.count + 1} className="runs-table">
          <div role="rowgroup">
            <div role="row" className="run-row run-head">
              <span role="columnheader">
                <span className="hidden">Choose</span>
              </span>
              <span role="columnheader">State</span>
              <span role="columnheader">Run</span>
              <span role="columnheader">Progress</span>
              <span role="columnheader">Retries</span>
              <span role="columnheader">Started</span>
              <span role="columnheader">Duration</span>
            </div>
          </div>
          {list.unseen && (
            <button
              type="button"
              className="unseen"
              onClick={() => {
                window.scrollTo({ top: 0 });
                list.restart();
              }}
            >
              New runs: show them
            </button>
          )}
          <div role="rowgroup" ref={place} className="runs-body" style={{ height: rows.getTotalSize() }}>
            {items.map((item) => {
              const run = list.at(item.index);
              const style = { transform: `translateY(${item.start - margin}px)`, height: item.size };
              return run ? (
                <RunRow key={run.id} run={run} style={style} index={item.index} chosen={chosen.has(run.id)} choose={stableChoose} />
              ) : (
                <div key={item.index} role="row" className="run-row muted" style={style}>
                  <span role="cell" className="row-more">
                    {item.index < list.count ? "…" : <More list={list} />}
                  </span>
                </div>
              );
            })}
          </div>
        </div>
      )}
      {doing && <Bulk what={doing.what} runs={doing.to === "chosen" ? [...chosen.values()] : null} query={query} onClose={closed} />}
    </div>
  );
}

function Bulk({ what, ...given }: { what: "cancel" | "retry"; runs: readonly Run[] | null; query: RunsAsked; onClose: (done: boolean) => void }) {
  return what === "cancel" ? <CancelDialog {...given} /> : <RetryDialog {...given} />;
}

/** What stands below the last row while there are older runs. */
function More({ list }: { list: RunList }) {
  if (!list.searchedTo) return "Fetching older runs…";
  return (
    <>
      Searched back to <time dateTime={list.searchedTo}>{exact(Date.parse(list.searchedTo)).slice(0, 19)}</time>
      {list.tired ? (
        <>
          .{" "}
          <button type="button" className="link" onClick={list.further}>
            Search further back
          </button>
        </>
      ) : (
        "; searching further back…"
      )}
    </>
  );
}

function NoneFit() {
  return (
    <Empty title="No run fits these filters">
      Take one of them away, or choose a longer time. Text is looked for in ids, names, comments and payloads.
    </Empty>
  );
}

function NoneYet() {
  return (
    <Empty title="No runs yet">
      <p>
        Start one: choose a <Link href="/definitions">definition</Link>, or on the command line:
      </p>
      <pre>umbel run NAME '{"{}"}' --watch</pre>
    </Empty>
  );
}
