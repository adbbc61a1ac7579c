import { type ReactNode, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useShortcuts } from "../lib/keys.ts";
import { Tabs } from "../parts/basics.tsx";
import "../styles/xray.css";
import { since } from "./embed.ts";
import { countsAt, film as index, lines as linesOf, phaseSums, type Sort, SORTS, total } from "./film.ts";
import { KeysView } from "./KeysView.tsx";
import { Lanes, type Width } from "./Lanes.tsx";
import { PlayerBar } from "./PlayerBar.tsx";
import { StepView } from "./StepView.tsx";
import { Totals } from "./Totals.tsx";
import type { Trace } from "./types.ts";
import { nearest, usePlayer } from "./usePlayer.ts";

/** What of a trace is shown. */
export interface View {
  /** Number of the step; null before the first. */
  at: number | null;
  sort: Sort | null;
  task: string | null;
  /** Show what scripts do as steps, too. */
  inner: boolean;
  tab: "step" | "keys" | "totals" | null;
  key: string | null;
}

export const NO_VIEW: View = { at: null, sort: null, task: null, inner: false, tab: null, key: null };

interface Given {
  trace: Trace;
  live: boolean;
  view: View;
  put: (change: Partial<View>) => void;
  /** Above its steps: which of two it is. */
  title?: ReactNode;
  /** No panel beside, less high: within a text, or one of two. */
  compact?: boolean;
  /** What its parts are called: there may be several on a page. */
  name?: string;
  /** Keys of the whole page play this one. */
  keys?: boolean;
}

/** The film of a run: player, filters, lanes, and what there is to see of the shown step. */
export function Viewer({ trace, live, view, put, title, name = `run ${trace.run_id}`, compact = false, keys = true }: Given) {
  const film = useMemo(() => index(trace.records), [trace.records]);
  const phases = useMemo(() => phaseSums(film), [film]);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const around = view.at === null ? undefined : film.outer.get(view.at);
  const open = useMemo(() => (around === undefined ? opened : new Set([...opened, around])), [opened, around]);
  const lines = useMemo(() => linesOf(film, { sort: view.sort, task: view.task, inner: view.inner, open }), [film, view.sort, view.task, view.inner, open]);
  const steps = useMemo(() => lines.flatMap((line) => (line.type === "step" ? [line.record.n] : [])), [lines]);
  const go = (n: number | null) => put({ at: n, ...(view.tab === "totals" ? { tab: null } : {}) });
  const player = usePlayer(steps, view.at, go);

  const place = view.at === null || steps.length === 0 ? -1 : nearest(steps, view.at);
  const n = place < 0 ? null : (steps[place] ?? null);
  const record = n === null ? undefined : film.records[film.places.get(n) ?? -1];
  const counts = n === null ? total(film) : countsAt(film, n);

  const id = useId();
  const root = useRef<HTMLElement>(null);
  const [room, setRoom] = useState(1200);
  const [big, setBig] = useState(false);
  // Before it is painted: what is beside on a wide page is below on a phone.
  useLayoutEffect(() => setRoom(root.current?.clientWidth ?? 1200), []);
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setRoom(element.clientWidth));
    const turned = () => setBig(document.fullscreenElement === element);
    watch.observe(element);
    document.addEventListener("fullscreenchange", turned);
    return () => {
      watch.disconnect();
      document.removeEventListener("fullscreenchange", turned);
    };
  }, []);
  const width: Width = room < 560 ? "narrow" : room < 1000 || compact ? "middle" : "wide";
  const unfold = (which: number) =>
    setOpened((now) => {
      const next = new Set(now);
      next.delete(which) || next.add(which);
      return next;
    });
  const choose = (which: number) => {
    player.pause();
    go(which);
  };
  const turn = (way: number) => {
    const here = record ? phases.findIndex((each) => each.phase === record.phase) : -1;
    const next = phases[Math.max(0, here + way)];
    if (next) choose(next.first);
  };
  useShortcuts(
    keys
      ? [
          { keys: " ", does: "play the X-ray, or pause it", run: player.toggle },
          { keys: "ArrowRight", does: "next step", run: () => player.by(1) },
          { keys: "ArrowLeft", does: "previous step", run: () => player.by(-1) },
          { keys: "Home", does: "back to the start", run: () => (player.pause(), go(null)) },
          { keys: "End", does: "last step", run: () => (player.pause(), go(steps.at(-1) ?? null)) },
          { keys: "]", does: "next phase", run: () => turn(1) },
          { keys: "[", does: "previous phase", run: () => turn(-1) },
        ]
      : [],
  );

  const tab = view.tab ?? (record ? "step" : "totals");
  const shownTab = tab === "step" && !record ? "totals" : tab;
  const alive = useMemo(() => (n === null ? film.turns.size : [...film.turns.values()].filter((turns) => (turns[0]?.n ?? 0) <= n).length), [film, n]);
  const tabs = [
    ...(record ? [{ id: "step" as const, text: `Step ${record.n}` }] : []),
    { id: "keys" as const, text: `Keys (${alive})` },
    { id: "totals" as const, text: "Totals" },
  ];
  return (
    <section className={`xray ${width}${compact ? " compact" : ""}`} ref={root} aria-label={`X-ray of ${name}`}>
      {title}
      <PlayerBar
        player={player}
        steps={steps}
        place={place}
        says={record?.says ?? ""}
        name={name}
        phases={phases}
        phase={record?.phase ?? null}
        go={go}
        big={big}
        enlarge={document.fullscreenEnabled ? () => void (big ? document.exitFullscreen() : root.current?.requestFullscreen()) : null}
      />
      <div className="xray-filters" role="group" aria-label="What is shown">
        <div className="sorts">
          <button type="button" aria-pressed={view.sort === null} onClick={() => put({ sort: null })}>
            Everything
          </button>
          {SORTS.filter((sort) => film.sorts[sort.id] > 0 || view.sort === sort.id).map((sort) => (
            <button type="button" key={sort.id} aria-pressed={view.sort === sort.id} onClick={() => put({ sort: view.sort === sort.id ? null : sort.id })}>
              {sort.text} <span className="number">{film.sorts[sort.id]}</span>
            </button>
          ))}
        </div>
        {film.tasks.length > 0 && (
          <select aria-label="Task" value={view.task ?? ""} onChange={(event) => put({ task: event.target.value || null })}>
            <option value="">All tasks</option>
            {film.tasks.map((task) => (
              <option key={task}>{task}</option>
            ))}
          </select>
        )}
        {film.inside.size > 0 && (
          <label className="check">
            <input type="checkbox" checked={view.inner} onChange={(event) => put({ inner: event.target.checked })} /> inside scripts
          </label>
        )}
        {live && <span className="tag going">recording</span>}
      </div>
      <p className="caption" id={`${id}-caption`} aria-live={player.playing ? "off" : "polite"}>
        {record ? (
          <>
            <span className="caption-n number">{record.n}</span>
            <span className="caption-text">
              {record.says}
              <span className="caption-more muted">
                {since(record.us)} · {record.phase} · {record.who}
              </span>
            </span>
          </>
        ) : (
          <span className="caption-text muted">{live ? "Steps appear as they happen." : "Press play, or choose a step."}</span>
        )}
      </p>
      <div className="xray-body">
        <div className="card xray-stage">
          {steps.length === 0 ? (
            <p className="muted xray-none">{live && !trace.records.length ? "Nothing has happened yet." : "No step fits these filters."}</p>
          ) : (
            <Lanes lines={lines} at={n} counts={counts} width={width} big={big} follow={live && view.at === null} choose={choose} unfold={unfold} by={player.by} />
          )}
        </div>
        <aside className="card panel xray-panel" aria-label={`Details of ${name}`}>
          <Tabs label="Details" tabs={tabs} chosen={shownTab} choose={(name) => put({ tab: name === "step" ? null : name })} />
          <div role="tabpanel" className="panel-inside" aria-label={shownTab}>
            <h2 className="hidden">{shownTab === "step" ? `Step ${n}` : shownTab === "keys" ? "Keys" : "Totals"}</h2>
            {shownTab === "step" && record && <StepView film={film} record={record} openKey={(key) => put({ tab: "keys", key })} go={choose} />}
            {shownTab === "keys" && <KeysView film={film} n={n ?? Number.MAX_SAFE_INTEGER} chosen={view.key} choose={(key) => put({ key })} go={choose} />}
            {shownTab === "totals" && <Totals film={film} trace={trace} go={choose} />}
          </div>
        </aside>
      </div>
    </section>
  );
}
