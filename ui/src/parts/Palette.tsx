import { useQuery } from "@tanstack/react-query";
import { useId, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { setTheme } from "../lib/theme.ts";
import { definitionsQuery, runsQuery } from "../api/queries.ts";
import { Dialog } from "./basics.tsx";
import { Icon, type IconName } from "./Icon.tsx";
import { StateIcon } from "./State.tsx";
import { look } from "./states.ts";

interface Entry {
  id: string;
  text: string;
  note?: string;
  icon?: IconName;
  state?: string;
  go: () => void;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Search and commands: pages, definitions, runs by id or text. */
export function Palette({ pages, onClose }: { pages: readonly { path: string; text: string; icon: IconName }[]; onClose: () => void }) {
  const [, navigate] = useLocation();
  const [text, setText] = useState("");
  const [place, setPlace] = useState(0);
  const id = useId();
  const list = useRef<HTMLUListElement>(null);
  const wanted = text.trim().toLowerCase();
  const definitions = useQuery(definitionsQuery());
  const runs = useQuery({ ...runsQuery({ q: text.trim(), limit: 8 }), enabled: wanted.length > 1 });

  const entries = useMemo(() => {
    const found: Entry[] = [];
    const go = (path: string) => () => navigate(path);
    if (UUID.test(wanted)) found.push({ id: "id", text: `Open run ${wanted}`, icon: "runs", go: go(`/runs/${wanted}`) });
    for (const page of pages) found.push({ id: page.path, text: page.text, icon: page.icon, go: go(page.path) });
    found.push({ id: "failed", text: "Failed runs", icon: "filter", go: go("/runs?status=error") });
    found.push({ id: "alive", text: "Runs under way", icon: "filter", go: go("/runs?status=pending,running") });
    for (const each of definitions.data?.items ?? []) {
      const path = `/definitions/${encodeURIComponent(each.name)}`;
      found.push({ id: `d ${each.name}`, text: each.name, note: "definition", icon: "definitions", go: go(path) });
      found.push({ id: `s ${each.name}`, text: `Start ${each.name}`, icon: "play", go: go(`${path}?start=1`) });
    }
    for (const theme of ["light", "dark", "system"] as const) {
      found.push({ id: `t ${theme}`, text: `Theme: ${theme}`, icon: "sun", go: () => setTheme(theme) });
    }
    const matching = found.filter((entry) => entry.text.toLowerCase().includes(wanted));
    for (const run of wanted.length > 1 ? (runs.data?.items ?? []) : []) {
      const note = `${look(run.state).word} · ${run.id.slice(0, 8)}`;
      matching.push({ id: run.id, text: run.definition, note: run.comment ? `${run.comment} · ${note}` : note, state: run.state, go: go(`/runs/${run.id}`) });
    }
    return matching;
  }, [pages, wanted, definitions.data, runs.data, navigate]);
  const chosen = Math.min(place, Math.max(0, entries.length - 1));

  function take(entry: Entry | undefined) {
    if (!entry) return;
    onClose();
    entry.go();
  }

  function move(step: number) {
    const next = (chosen + step + entries.length) % Math.max(1, entries.length);
    setPlace(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  }

  return (
    <Dialog title="Search and commands" onClose={onClose}>
      <input
        className="palette-input"
        data-first
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={entries[chosen] ? `${id}-${chosen}` : undefined}
        aria-label="Search for a page, a definition, a run"
        placeholder="A page, a definition, a run's id, text in a payload"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setPlace(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") move(1);
          else if (event.key === "ArrowUp") move(-1);
          else if (event.key === "Enter") take(entries[chosen]);
          else return;
          event.preventDefault();
        }}
      />
      <ul className="palette-list" id={id} role="listbox" aria-label="Found" ref={list}>
        {entries.map((entry, index) => (
          <li
            key={entry.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            onClick={() => take(entry)}
            onPointerMove={() => setPlace(index)}
          >
            {entry.state ? <StateIcon state={entry.state} /> : entry.icon && <Icon name={entry.icon} />}
            <span>{entry.text}</span>
            {entry.note && <span className="muted">{entry.note}</span>}
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p className="muted palette-none">{runs.isFetching ? "Searching…" : "Nothing found."}</p>}
    </Dialog>
  );
}
