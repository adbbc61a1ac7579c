import { useId, useState } from "react";
import { examplesOf, fieldsOf, isSecret, kindOf, mistake, type Schema } from "../lib/schema.ts";

interface Given {
  schema: Record<string, unknown> | null;
  defaults: Record<string, unknown>;
  initial: Record<string, unknown>;
  comment: string;
  busy: boolean;
  verb: string;
  onSubmit: (payload: Record<string, unknown>, comment: string) => void;
}

/** The input of a run: fields made from the JSON Schema, or the JSON itself. What is left empty takes its default. */
export function PayloadForm({ schema, defaults, initial, comment: before, busy, verb, onSubmit }: Given) {
  const fields = fieldsOf(schema as Schema | null);
  const [payload, setPayload] = useState<Record<string, unknown>>(initial);
  const [text, setText] = useState(() => JSON.stringify(initial, null, 2));
  const [raw, setRaw] = useState(fields === null);
  const [comment, setComment] = useState(before);
  const [broken, setBroken] = useState<Record<string, string>>({});
  const [tried, setTried] = useState(false);
  const [filled, setFilled] = useState(0);
  const examples = examplesOf(schema as Schema | null);
  const id = useId();

  const problems: Record<string, string> = { ...broken };
  if (raw) {
    const said = problemOf(text);
    if (said) problems.json = said;
  } else {
    for (const field of fields ?? []) {
      const said = problems[field.name] ?? mistake(payload[field.name], field.schema, field.required && defaults[field.name] === undefined);
      if (said) problems[field.name] = said;
    }
  }

  function put(name: string, value: unknown) {
    const next = { ...payload };
    if (value === undefined) delete next[name];
    else next[name] = value;
    setPayload(next);
  }

  function fillIn(example: Record<string, unknown>) {
    setPayload(example);
    setText(JSON.stringify(example, null, 2));
    setBroken({});
    setFilled(filled + 1);
  }

  function turn() {
    if (raw) {
      if (problems.json) return setTried(true);
      setPayload(JSON.parse(text) as Record<string, unknown>);
    } else setText(JSON.stringify(payload, null, 2));
    setBroken({});
    setRaw(!raw);
  }

  return (
    <form
      className="payload-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (Object.keys(problems).length) {
          const first = Object.keys(problems)[0];
          document.getElementById(`${id}-${first}`)?.focus();
          return;
        }
        onSubmit(raw ? (JSON.parse(text) as Record<string, unknown>) : payload, comment.trim());
      }}
    >
      {raw ? (
        <div className="field">
          <label htmlFor={`${id}-json`}>Payload (JSON)</label>
          <textarea id={`${id}-json`} rows={Math.min(16, Math.max(5, text.split("\n").length + 1))} spellCheck={false} value={text} aria-invalid={Boolean(problems.json)} aria-describedby={`${id}-json-said`} onChange={(event) => setText(event.target.value)} />
          <p id={`${id}-json-said`} className={problems.json ? "said bad" : "said"}>
            {problems.json ?? ""}
          </p>
        </div>
      ) : (
        fields?.map((field) => {
          const shown = tried || payload[field.name] !== undefined || broken[field.name];
          return (
            <Field
              key={`${field.name} ${filled}`}
              id={`${id}-${field.name}`}
              name={field.name}
              schema={field.schema}
              required={field.required}
              value={payload[field.name]}
              fallback={defaults[field.name]}
              said={shown ? (problems[field.name] ?? null) : null}
              put={(value) => put(field.name, value)}
              setBroken={(why) =>
                setBroken((now) => {
                  const { [field.name]: _, ...rest } = now;
                  return why ? { ...rest, [field.name]: why } : rest;
                })
              }
            />
          );
        })
      )}
      <div className="field">
        <label htmlFor={`${id}-comment`}>Comment</label>
        <input id={`${id}-comment`} maxLength={255} value={comment} placeholder="a note, shown with the run" onChange={(event) => setComment(event.target.value)} />
      </div>
      <footer>
        {examples.slice(0, 3).map((each, place) => (
          <button key={place} type="button" className="button quiet" onClick={() => fillIn(each)}>
            {examples.length === 1 ? "Fill in the example" : `Fill in example ${place + 1}`}
          </button>
        ))}
        {fields && (
          <button type="button" className="button quiet" onClick={turn}>
            {raw ? "Fill in a form" : "Edit as JSON"}
          </button>
        )}
        <button type="submit" className="button primary" disabled={busy}>
          {verb}
        </button>
      </footer>
    </form>
  );
}

function problemOf(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? null : "must be a JSON object";
  } catch (error) {
    return `is not JSON: ${error instanceof Error ? error.message : ""}`;
  }
}

interface FieldGiven {
  id: string;
  name: string;
  schema: Schema;
  required: boolean;
  value: unknown;
  fallback: unknown;
  said: string | null;
  put: (value: unknown) => void;
  setBroken: (why: string | null) => void;
}

function Field({ id, name, schema, required, value, fallback, said, put, setBroken }: FieldGiven) {
  const kind = kindOf(schema);
  const [json, setJson] = useState(() => (value === undefined ? "" : JSON.stringify(value, null, 2)));
  const hint = fallback !== undefined ? `${JSON.stringify(fallback)} if left empty` : schema.examples?.length ? `such as ${JSON.stringify(schema.examples[0])}` : "";
  const common = { id, "aria-invalid": said !== null, "aria-describedby": `${id}-said`, "aria-required": required };
  const choices = kind === "text" && !isSecret(schema) ? (schema.examples ?? []).filter((each) => typeof each === "string") : [];
  let input: React.ReactNode;
  if (kind === "choice") {
    input = (
      <select {...common} value={value === undefined ? "" : JSON.stringify(value)} onChange={(event) => put(event.target.value === "" ? undefined : JSON.parse(event.target.value))}>
        <option value="">{fallback !== undefined ? `${String(fallback)} (default)` : "choose"}</option>
        {schema.enum?.map((each) => (
          <option key={JSON.stringify(each)} value={JSON.stringify(each)}>
            {String(each)}
          </option>
        ))}
      </select>
    );
  } else if (kind === "boolean") {
    input = (
      <select {...common} value={value === undefined ? "" : String(value)} onChange={(event) => put(event.target.value === "" ? undefined : event.target.value === "true")}>
        <option value="">{fallback !== undefined ? `${String(fallback)} (default)` : "not given"}</option>
        <option value="true">true</option>
        <option value="false">false</option>
      </select>
    );
  } else if (kind === "number") {
    input = <input {...common} type="number" step="any" placeholder={hint} value={typeof value === "number" ? value : ""} onChange={(event) => put(event.target.value === "" ? undefined : Number(event.target.value))} />;
  } else if (kind === "text" || kind === "long") {
    const text = value === undefined ? "" : String(value);
    const change = (wanted: string) => put(wanted === "" ? undefined : wanted);
    input = kind === "long" ? <textarea {...common} rows={4} placeholder={hint} value={text} onChange={(event) => change(event.target.value)} /> : <input {...common} type={isSecret(schema) ? "password" : schema.format === "date" ? "date" : "text"} list={choices.length ? `${id}-list` : undefined} autoComplete={isSecret(schema) ? "new-password" : undefined} placeholder={hint} value={text} onChange={(event) => change(event.target.value)} />;
  } else {
    input = (
      <textarea
        {...common}
        rows={3}
        spellCheck={false}
        placeholder={hint || "JSON"}
        value={json}
        onChange={(event) => {
          setJson(event.target.value);
          if (event.target.value.trim() === "") {
            setBroken(null);
            return put(undefined);
          }
          try {
            put(JSON.parse(event.target.value));
            setBroken(null);
          } catch {
            setBroken("is not JSON yet");
          }
        }}
      />
    );
  }
  return (
    <div className="field">
      <label htmlFor={id}>
        {name}
        {required && <span className="muted"> required</span>}
      </label>
      {input}
      {choices.length > 0 && (
        <datalist id={`${id}-list`}>
          {choices.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
      <p id={`${id}-said`} className={said ? "said bad" : "said"}>
        {said ?? schema.description ?? ""}
      </p>
    </div>
  );
}
