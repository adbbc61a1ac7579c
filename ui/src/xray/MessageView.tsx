import { useState } from "react";
import { brief } from "../lib/json.ts";
import { Copy } from "../parts/basics.tsx";
import { Json } from "../parts/Json.tsx";
import { carried, countLater, type Later, shares, sized } from "./embed.ts";
import type { TraceField, TraceMessage } from "./types.ts";

/** A message: where its bytes go, what it carries, and each of its fields in a sentence. */
export function MessageView({ message }: { message: TraceMessage }) {
  const inside = carried(message.body);
  return (
    <>
      <dl className="facts">
        <div>
          <dt>Task</dt>
          <dd className="mono wrap">{message.name}</dd>
        </div>
        <div>
          <dt>Queue</dt>
          <dd className="mono wrap">{message.queue}</dd>
        </div>
        <div>
          <dt>Size</dt>
          <dd className="number">{sized(message.bytes)}</dd>
        </div>
      </dl>
      <Sizes message={message} />
      {inside ? (
        <>
          <h3>What it carries</h3>
          <dl className="carried">
            <dt>args</dt>
            <dd className="mono">{brief(inside.args, 1200)}</dd>
            <dt>kwargs</dt>
            <dd className="mono">{brief(inside.kwargs, 1200)}</dd>
          </dl>
          <Embed inside={inside} />
        </>
      ) : (
        message.body !== null && <Json title="Body" name={`${message.id}-body`} value={message.body} />
      )}
      <Fields message={message} />
      <details className="raw">
        <summary>
          <h3>The envelope as the broker holds it</h3>
        </summary>
        <div className="raw-head">
          <span className="muted">
            {sized(message.bytes)}
            {message.raw.length < message.bytes && ", cut"}
          </span>
          <Copy text={message.raw} label="Copy the envelope" />
        </div>
        <pre tabIndex={0} aria-label="Envelope">
          {message.raw}
        </pre>
      </details>
    </>
  );
}

function Sizes({ message }: { message: TraceMessage }) {
  const found = shares(message);
  return (
    <figure className="sizes">
      <figcaption>
        <h3>Where its {sized(message.bytes)} go</h3>
      </figcaption>
      <div className="sizes-bar" aria-hidden="true">
        {found.map((share) => (
          <span key={share.tone} className={`size-${share.tone}`} style={{ width: `${(share.bytes / Math.max(1, message.bytes)) * 100}%` }} />
        ))}
      </div>
      <ul className="sizes-legend">
        {found.map((share) => (
          <li key={share.tone}>
            <span className={`swatch size-${share.tone}`} aria-hidden="true" />
            <span className="number">{sized(share.bytes)}</span> <span className="muted">{share.name}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function Embed({ inside }: { inside: NonNullable<ReturnType<typeof carried>> }) {
  const parts = [
    { role: "chain", says: "runs next, in this order", what: inside.chain },
    { role: "chord", says: "runs when all members of the group are done", what: inside.chord },
    { role: "callbacks", says: "on success", what: inside.callbacks },
    { role: "errbacks", says: "on error", what: inside.errbacks },
  ];
  const full = parts.filter((part) => part.what.length > 0);
  const empty = parts.filter((part) => part.what.length === 0).map((part) => part.role);
  return (
    <>
      <h3>What comes next: the embed</h3>
      {full.length === 0 && <p className="muted">Nothing: callbacks, errbacks, chain and chord are empty. This message knows only its own task.</p>}
      {full.map((part) => (
        <div key={part.role} className="embed">
          <p>
            <code>{part.role}</code> <span className="muted">{part.says}{part.role === "chain" && part.what.length > 1 ? " (the message has it last first)" : ""}; {many(countLater(part.what))} inside</span>
          </p>
          <Laters what={part.what} />
        </div>
      ))}
      {full.length > 0 && empty.length > 0 && (
        <p className="muted">
          Empty: {empty.join(", ")}.
        </p>
      )}
    </>
  );
}

const many = (count: number) => (count === 1 ? "1 task" : `${count} tasks`);
const SOME = 25;

function Laters({ what }: { what: readonly Later[] }) {
  const [all, setAll] = useState(false);
  return (
    <ul className="laters">
      {(all ? what : what.slice(0, SOME)).map((each, place) => (
        <li key={each.id ?? place}>
          <span className={`embed-task form-${each.form}`} title={each.id ?? undefined}>
            {each.form === "task" ? (
              <>
                <b>{each.name}</b>
                <span className="mono muted">({each.args})</span>
              </>
            ) : (
              <b>{each.form}</b>
            )}
            {each.immutable && <span className="tag">immutable</span>}
            <span className="muted number">{sized(each.bytes)}</span>
          </span>
          {each.parts.map((part) => (
            <div key={part.role} className="later-part">
              <span className="muted">{part.role}</span>
              <Laters what={part.what} />
            </div>
          ))}
        </li>
      ))}
      {!all && what.length > SOME && (
        <li>
          <button type="button" className="link" onClick={() => setAll(true)}>
            {what.length - SOME} more
          </button>
        </li>
      )}
    </ul>
  );
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === "" || (typeof value === "object" && Object.values(value).every((each) => each === null));

function Fields({ message }: { message: TraceMessage }) {
  const known = message.fields.length ? message.fields : plain(message);
  const full = known.filter((field) => !isEmpty(field.value));
  const empty = known.filter((field) => isEmpty(field.value));
  return (
    <>
      <h3>Field by field</h3>
      <FieldTable fields={full} />
      {empty.length > 0 && (
        <details className="raw">
          <summary>{empty.length === 1 ? "1 field is empty" : `${empty.length} fields are empty`}</summary>
          <FieldTable fields={empty} />
        </details>
      )}
    </>
  );
}

function plain(message: TraceMessage): TraceField[] {
  return (["headers", "properties"] as const).flatMap((part) => Object.entries(message[part]).map(([name, value]) => ({ path: `${part}.${name}`, value, means: "", source: "" })));
}

function FieldTable({ fields }: { fields: readonly TraceField[] }) {
  return (
    <dl className="fields">
      {fields.map((field) => (
        <div key={field.path}>
          <dt className="mono">{field.path}</dt>
          <dd>
            <Cut value={field.value} />
            {field.means && (
              <span className="means" title={field.source || undefined}>
                {field.means}
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const LONG = 140;

/** A value in one line; all of it if asked for. */
export function Cut({ value }: { value: unknown }) {
  const [all, setAll] = useState(false);
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "null");
  const long = text.length > LONG;
  return (
    <span className="mono cut">
      {long && !all ? `${text.slice(0, LONG)}…` : text}
      {long && (
        <>
          {" "}
          <button type="button" className="link" onClick={() => setAll(!all)}>
            {all ? "less" : `all ${text.length} characters`}
          </button>
        </>
      )}
    </span>
  );
}
