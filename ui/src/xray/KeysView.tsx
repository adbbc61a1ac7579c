import { useState } from "react";
import { Copy } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { counted, diff, type Part, written } from "./diff.ts";
import { type Film, type Turn, turnAt } from "./film.ts";

interface Given {
  film: Film;
  /** The step as of which. */
  n: number;
  chosen: string | null;
  choose: (key: string | null) => void;
  go: (n: number) => void;
}

/** The keys as they are at a step: all of them, or one with what happened to it until then. */
export function KeysView({ film, n, chosen, choose, go }: Given) {
  const turns = chosen === null ? undefined : film.turns.get(chosen);
  if (chosen !== null && turns) return <OneKey film={film} name={chosen} turns={turns} n={n} back={() => choose(null)} go={go} />;
  const keys = [...film.turns].map(([name, all]) => ({ name, all, place: turnAt(all, n) })).filter((each) => each.place >= 0);
  if (keys.length === 0) return <p className="muted">{film.turns.size ? "No key has been written up to this step." : "No commands were recorded, so what stands in the keys is not known."}</p>;
  return (
    <ul className="keys-list">
      {keys.map(({ name, all, place }) => {
        const turn = all[place] as Turn;
        const gone = turn.change.type === "none";
        return (
          <li key={name} className={turn.n === n ? "now" : undefined}>
            <button type="button" className="link mono" onClick={() => choose(name)}>
              {gone ? <s>{name}</s> : name}
            </button>
            <span className="muted">
              {turn.change.whose} · {gone ? "gone" : turn.change.type} · {place === 0 ? "1 change" : `${place + 1} changes`}
            </span>
            {turn.n === n && <span className="tag">{place === 0 ? "new now" : gone ? "removed now" : "changed now"}</span>}
          </li>
        );
      })}
    </ul>
  );
}

function OneKey({ film, name, turns, n, back, go }: { film: Film; name: string; turns: readonly Turn[]; n: number; back: () => void; go: (n: number) => void }) {
  const place = turnAt(turns, n);
  const turn = turns[place];
  const first = turns[0] as Turn;
  const shown = turn ?? first;
  const [open, setOpen] = useState<number | null>(null);
  return (
    <>
      <div className="key-head">
        <button type="button" className="button quiet" onClick={back}>
          <Icon name="chevron" size={12} /> All keys
        </button>
        <Copy text={name} label="Copy the key" />
      </div>
      <p className="mono wrap key-name">{name}</p>
      <p className="muted">
        {shown.change.whose} · {shown.change.type === "none" ? "gone" : shown.change.type}
      </p>
      {turn ? (
        <>
          <h3>
            At step {n}
            {turn.n < n && <span className="muted">, as step {turn.n} left it</span>}
          </h3>
          <Parts parts={diff(turns[place - 1]?.change ?? null, turn.change)} marked={turn.n === n} />
          <h3>How it came to this</h3>
          <ol className="turns" reversed>
            {turns
              .slice(0, place + 1)
              .map((each, index) => ({ each, parts: diff(turns[index - 1]?.change ?? null, each.change) }))
              .reverse()
              .slice(0, 200)
              .map(({ each, parts }) => {
                const record = film.records[film.places.get(each.n) ?? -1];
                return (
                  <li key={each.n} className={each.n === n ? "now" : undefined}>
                    <button type="button" className="link" onClick={() => go(each.n)}>
                      step {each.n}
                    </button>{" "}
                    <span className="mono">{record?.command?.name}</span>{" "}
                    <button type="button" className="link" aria-expanded={open === each.n} onClick={() => setOpen(open === each.n ? null : each.n)}>
                      {each.change.type === "none" ? "removed" : counted(parts)}
                    </button>
                    {record && <div className="muted">{record.says}</div>}
                    {open === each.n && <Parts parts={parts} marked />}
                  </li>
                );
              })}
          </ol>
        </>
      ) : (
        <p>
          It is not there yet at this step. It is first written at{" "}
          <button type="button" className="link" onClick={() => go(first.n)}>
            step {first.n}
          </button>
          .
        </p>
      )}
    </>
  );
}

const SIGNS: Record<Part["how"], string> = { new: "+", gone: "−", changed: "~", kept: " " };
const WORDS: Record<Part["how"], string> = { new: "new", gone: "gone", changed: "changed", kept: "" };
const MANY = 60;

/** A value's parts, with what the change did to each. */
export function Parts({ parts, marked }: { parts: readonly Part[]; marked: boolean }) {
  const [all, setAll] = useState(false);
  const there = marked ? parts : parts.filter((part) => part.how !== "gone");
  // Of a large value first what changed.
  const sorted = there.length > MANY ? [...there].sort((one, other) => Number(one.how === "kept") - Number(other.how === "kept")) : there;
  if (there.length === 0) return <p className="muted">empty</p>;
  return (
    <>
      <ul className="parts">
        {(all ? sorted : sorted.slice(0, MANY)).map((part) => (
          <li key={`${part.how} ${part.name}`} className={marked ? `part-${part.how}` : "part-kept"}>
            <span className="part-sign" aria-hidden="true">
              {marked ? SIGNS[part.how] : " "}
            </span>
            <span>
              {marked && part.how !== "kept" && <span className="hidden">{WORDS[part.how]}: </span>}
              {part.name !== null && <span className="json-key">{part.name}</span>}
              {part.name !== null && part.value !== "" && ": "}
              {marked && part.how === "changed" && (
                <>
                  <s className="part-before">{short(part.before ?? "")}</s> <span aria-hidden="true">→</span>{" "}
                </>
              )}
              <span title={part.value.length > 400 ? written(part.value) : undefined}>{short(part.value)}</span>
            </span>
          </li>
        ))}
      </ul>
      {!all && sorted.length > MANY && (
        <button type="button" className="link" onClick={() => setAll(true)}>
          {sorted.length - MANY} more
        </button>
      )}
    </>
  );
}

const short = (text: string) => (text.length > 400 ? `${text.slice(0, 400)}…` : text);
