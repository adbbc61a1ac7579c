import { memo, useDeferredValue, useState } from "react";
import { brief, contains } from "../lib/json.ts";
import { Copy, Download } from "./basics.tsx";
import { Icon } from "./Icon.tsx";

const CHUNK = 100;
const LONG = 600;

/** A JSON value as a tree: text only, folded, searched, copied, saved. */
export function Json({ title, name, value }: { title: string; name: string; value: unknown }) {
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const written = () => JSON.stringify(value, null, 2) ?? "null";
  const deep = value !== null && typeof value === "object" && Object.keys(value).length > 0;
  return (
    <div className="json">
      <div className="json-head">
        <h2>{title}</h2>
        {deep && <input type="search" placeholder="Search" aria-label={`Search in ${title.toLowerCase()}`} value={text} onChange={(event) => setText(event.target.value)} />}
        <span className="json-tools">
          <Copy text={written} label={`Copy ${title.toLowerCase()}`} />
          <Download name={`${name}.json`} text={written} label={`Download ${title.toLowerCase()}`} />
        </span>
      </div>
      {wanted && !contains(value, wanted) ? (
        <p className="muted">Nothing in it contains “{text.trim()}”.</p>
      ) : (
        <div className="json-tree" tabIndex={0} role="group" aria-label={title}>
          <Value value={value} depth={0} wanted={wanted} />
        </div>
      )}
    </div>
  );
}

const Value = memo(function Value({ name, value, depth, wanted }: { name?: string; value: unknown; depth: number; wanted: string }) {
  const label = name !== undefined && (
    <>
      <span className="json-key">
        <Marked text={name} wanted={wanted} />
      </span>
      {": "}
    </>
  );
  if (value === null || typeof value !== "object") {
    return (
      <div className="json-line">
        {label}
        <Leaf value={value} wanted={wanted} />
      </div>
    );
  }
  return <Branch label={label} value={value} depth={depth} wanted={wanted} />;
});

function Branch({ label, value, depth, wanted }: { label: React.ReactNode; value: object; depth: number; wanted: string }) {
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  const [toggled, setToggled] = useState<boolean | null>(null);
  const [shown, setShown] = useState(CHUNK);
  const hit = wanted !== "" && contains(value, wanted);
  const open = toggled ?? (hit || depth < 2 || entries.length === 0);
  const fitting = hit && wanted ? entries.filter(([key, inner]) => (!list && key.toLowerCase().includes(wanted)) || contains(inner, wanted)) : entries;
  const inner = (
    <>
      {fitting.slice(0, shown).map(([key, each]) => (
        <Value key={key} name={key} value={each} depth={depth + 1} wanted={wanted} />
      ))}
      {fitting.length > shown && (
        <button type="button" className="link" onClick={() => setShown(shown + CHUNK * 5)}>
          {fitting.length - shown} more
        </button>
      )}
    </>
  );
  if (depth === 0) {
    return entries.length === 0 ? (
      <span className="muted">{list ? "[] (empty list)" : "{} (no fields)"}</span>
    ) : (
      <div className="json-root">
        {list && <div className="muted">{entries.length === 1 ? "list of 1 item" : `list of ${entries.length} items`}</div>}
        {inner}
      </div>
    );
  }
  const count = `${entries.length} ${list ? (entries.length === 1 ? "item" : "items") : entries.length === 1 ? "field" : "fields"}`;
  return (
    <div className="json-branch">
      <button type="button" className="json-fold" aria-expanded={open} onClick={() => setToggled(!open)}>
        <Icon name="chevron" size={12} />
        {label}
        {open ? <span className="muted">{list ? `[${entries.length}]` : entries.length ? "" : "{}"}</span> : <span className="muted">{`${count} ${brief(value, 60)}`}</span>}
      </button>
      {open && entries.length > 0 && (
        <div className="json-inner">{inner}</div>
      )}
    </div>
  );
}

function Leaf({ value, wanted }: { value: unknown; wanted: string }) {
  const [whole, setWhole] = useState(false);
  if (typeof value !== "string") {
    return (
      <span className={`json-${value === null ? "null" : typeof value}`}>
        <Marked text={String(value)} wanted={wanted} />
      </span>
    );
  }
  const cut = !whole && value.length > LONG;
  return (
    <span className="json-string">
      “<Marked text={cut ? value.slice(0, LONG) : value} wanted={wanted} />
      {cut ? (
        <button type="button" className="link" onClick={() => setWhole(true)}>
          … {value.length - LONG} more characters
        </button>
      ) : (
        "”"
      )}
    </span>
  );
}

/** A text with the places marked where what is searched for stands. */
export function Marked({ text, wanted }: { text: string; wanted: string }) {
  if (!wanted) return text;
  const parts: React.ReactNode[] = [];
  const low = text.toLowerCase();
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0 && parts.length < 200; at = low.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  parts.push(text.slice(from));
  return parts;
}
