import { Copy } from "../parts/basics.tsx";
import { Json } from "../parts/Json.tsx";
import { diff } from "./diff.ts";
import { sized } from "./embed.ts";
import { type Film, isInner, LANES, turnAt } from "./film.ts";
import { Parts } from "./KeysView.tsx";
import { LaneMark } from "./marks.tsx";
import { Cut, MessageView } from "./MessageView.tsx";
import type { Lane, TraceMessage, TraceRecord } from "./types.ts";

interface Given {
  film: Film;
  record: TraceRecord;
  openKey: (key: string) => void;
  go: (n: number) => void;
}

export const laneName = (lane: Lane) => LANES.find((each) => each.id === lane)?.name ?? lane;

/** One step: who did what, and all there is to see of it. */
export function StepView({ film, record, openKey, go }: Given) {
  return (
    <>
      <p className="step-way">
        <LaneMark lane={record.source} /> {laneName(record.source)}
        {record.source !== record.target && (
          <>
            <span aria-label="to">→</span> <LaneMark lane={record.target} /> {laneName(record.target)}
          </>
        )}
        <span className="muted">{record.who}</span>
      </p>
      {record.message && <Message film={film} message={record.message} go={go} />}
      {record.command && <Command film={film} record={record} openKey={openKey} go={go} />}
      {record.event && (
        <>
          <dl className="facts">
            <div>
              <dt>Event</dt>
              <dd className="mono">{String(record.event.type ?? "")}</dd>
            </div>
            {record.task && (
              <div>
                <dt>Task</dt>
                <dd>{record.task}</dd>
              </div>
            )}
            {record.event.state !== null && record.event.state !== undefined && (
              <div>
                <dt>State</dt>
                <dd>{String(record.event.state)}</dd>
              </div>
            )}
          </dl>
          <Json title="The engine's event" name={`step-${record.n}`} value={record.event} />
        </>
      )}
      {record.call && <Json title="The call" name={`step-${record.n}`} value={record.call} />}
      {record.keys.length > 0 && <Changes film={film} record={record} openKey={openKey} />}
    </>
  );
}

/** The message; a step that only hands it on leaves it to the one that published it. */
function Message({ film, message, go }: { film: Film; message: TraceMessage; go: (n: number) => void }) {
  const sent = message.published === null ? undefined : film.records[film.places.get(message.published) ?? -1];
  return (
    <>
      {sent && (
        <p>
          It is the message that{" "}
          <button type="button" className="link" onClick={() => go(sent.n)}>
            step {sent.n}
          </button>{" "}
          published.
        </p>
      )}
      <MessageView message={sent?.message ?? message} />
    </>
  );
}

function Command({ film, record, openKey, go }: Given) {
  const command = record.command;
  if (!command) return null;
  const inside = film.inside.get(record.n) ?? [];
  const outer = film.outer.get(record.n);
  return (
    <>
      {command.means && <p className="means-line">{command.means}</p>}
      <div className="command">
        <Copy text={() => [command.name, ...command.args].join(" ")} label="Copy the command" />
        <b>{command.name}</b>
        <ol className="command-args" aria-label="Arguments">
          {command.args.map((arg, place) => (
            <li key={place}>
              {film.turns.has(arg) ? (
                <button type="button" className="link mono" onClick={() => openKey(arg)}>
                  {arg}
                </button>
              ) : (
                <Cut value={arg} />
              )}
            </li>
          ))}
        </ol>
      </div>
      <p className="muted">
        database {command.db}, {isInner(record) ? "done by a script within the store" : `connection ${command.client}`}, {sized(command.args.reduce((sum, arg) => sum + arg.length, command.name.length))}
      </p>
      {outer !== undefined && (
        <p>
          Part of the script <b>{command.script}</b>, which{" "}
          <button type="button" className="link" onClick={() => go(outer)}>
            step {outer}
          </button>{" "}
          ran.
        </p>
      )}
      {inside.length > 0 && (
        <>
          <h3>
            The script {command.script && <code>{command.script}</code>} did {inside.length === 1 ? "1 command" : `${inside.length} commands`}, all at once
          </h3>
          <ol className="script">
            {inside.map((n) => {
              const each = film.records[film.places.get(n) ?? -1];
              return (
                each && (
                  <li key={n}>
                    <button type="button" className="link mono" onClick={() => go(n)}>
                      {each.command?.name} {each.command?.args.slice(0, 3).join(" ").slice(0, 90)}
                    </button>
                    <div className="muted">{each.says}</div>
                  </li>
                )
              );
            })}
          </ol>
        </>
      )}
    </>
  );
}

function Changes({ film, record, openKey }: { film: Film; record: TraceRecord; openKey: (key: string) => void }) {
  return (
    <>
      <h3>{record.keys.length === 1 ? "The key after it" : "The keys after it"}</h3>
      {record.keys.map((change) => {
        const turns = film.turns.get(change.key) ?? [];
        const before = turns[turnAt(turns, record.n - 1)]?.change ?? null;
        return (
          <div key={change.key} className="key-change">
            <button type="button" className="link mono" onClick={() => openKey(change.key)}>
              {change.key}
            </button>
            <span className="muted">
              {change.whose} · {change.type === "none" ? "gone" : change.type}
            </span>
            <Parts parts={diff(before, change)} marked />
          </div>
        );
      })}
    </>
  );
}
