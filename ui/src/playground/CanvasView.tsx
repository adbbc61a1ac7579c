import type { CanvasExplanation, CanvasMessage } from "../api/generated.ts";
import { Copy } from "../parts/basics.tsx";

type Go = (line: number, column: number) => void;

/** The form that Celery sends, what it changed by itself, and what it publishes first. */
export function Sent({ canvas, go }: { canvas: CanvasExplanation; go: Go }) {
  return (
    <div className="outcome-text canvas-sent">
      <Code text={canvas.sent} label="What Celery sends" />
      {canvas.changes.length > 0 && (
        <>
          <h3>What Celery changes by itself</h3>
          <ul className="plain">
            {canvas.changes.map((each) => (
              <li key={`${each.line}:${each.column} ${each.text}`}>
                <Place line={each.line} column={each.column} go={go} /> <Words text={each.text} />
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>The first messages</h3>
      {canvas.messages.length > 0 && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label="The first messages">
          <table className="table">
            <thead>
              <tr>
                <th>Task</th>
                <th>Messages</th>
                <th>Bytes of each</th>
                <th>Carries</th>
              </tr>
            </thead>
            <tbody>
              {canvas.messages.map((each) => (
                <tr key={JSON.stringify(each)}>
                  <td className="mono">{each.task}</td>
                  <td>{each.count.toLocaleString("en")}</td>
                  <td className="nowrap">about {each.bytes.toLocaleString("en")}</td>
                  <td>{carried(each)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {canvas.unsent && <p className="muted">{canvas.unsent}</p>}
    </div>
  );
}

function carried({ chain, chord, carried: all }: CanvasMessage): string {
  if (all === 0) return "nothing else";
  const parts = [];
  if (chain.length > 0) parts.push(`later steps: ${chain.join(", ")}`);
  if (chord) parts.push(`the body: ${chord}`);
  return `${parts.join("; ")} (${all.toLocaleString("en")} ${all === 1 ? "signature" : "signatures"})`;
}

/** The definition with the same plan, or why there is none. */
export function AsYaml({ canvas }: { canvas: CanvasExplanation }) {
  if (canvas.yaml === null) return <p className="muted outcome-text">{canvas.no_yaml}</p>;
  return (
    <div className="outcome-text">
      <Code text={canvas.yaml} label="The same as YAML" />
    </div>
  );
}

function Code({ text, label }: { text: string; label: string }) {
  return (
    <div className="canvas-code">
      <Copy text={text} label="Copy" />
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
    </div>
  );
}

/** What is to be known before one relies on a canvas. */
export function Hazards({ canvas, go }: { canvas: CanvasExplanation; go: Go }) {
  if (canvas.hazards.length === 0) return null;
  return (
    <section className="card" aria-label="What to know">
      <h2>What to know about it on Celery</h2>
      <ul className="plain hazards">
        {canvas.hazards.map((each) => (
          <li key={each.code}>
            <h3>
              <Words text={each.title} /> {each.line > 0 && <Place line={each.line} column={each.column} go={go} />}
            </h3>
            <p>
              <Words text={each.text} />
            </p>
            <p className="muted">
              <Words text={each.source} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A sentence, in which backticks stand around code. */
function Words({ text }: { text: string }) {
  return text.split("`").map((part, place) => (place % 2 ? <code key={`${place} ${part}`}>{part}</code> : part));
}

function Place({ line, column, go }: { line: number; column: number; go: Go }) {
  return (
    <button type="button" className="place mono" title={`Go to line ${line}, column ${column}`} onClick={() => go(line, column)}>
      {line}:{column}
    </button>
  );
}
