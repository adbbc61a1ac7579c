import { useMemo } from "react";
import { since, sized } from "./embed.ts";
import { type Counts, film, phaseSums, total } from "./film.ts";
import type { Trace } from "./types.ts";

interface Row {
  name: string;
  left: number;
  right: number;
  text: (value: number) => string;
}

/** Two runs of one plan in numbers: in all, and by phase. */
export function Beside({ left, right, jump }: { left: Trace; right: Trace; jump: (left: number | null, right: number | null) => void }) {
  const here = useMemo(() => film(left.records), [left.records]);
  const there = useMemo(() => film(right.records), [right.records]);
  const rows = useMemo(() => {
    const of = (one: Counts, two: Counts, name: string, pick: (counts: Counts) => number, text = String as (value: number) => string): Row => ({ name, left: pick(one), right: pick(two), text });
    const largest = (trace: Trace) => Math.max(0, ...trace.records.map((record) => (record.kind === "published" ? (record.message?.bytes ?? 0) : 0)));
    const [one, two] = [total(here), total(there)];
    return [
      of(one, two, "Messages", (each) => each.messages),
      of(one, two, "Bytes through the broker", (each) => each.bytes, sized),
      { name: "Largest message", left: largest(left), right: largest(right), text: sized },
      of(one, two, "Commands sent by clients", (each) => each.commands),
      of(one, two, "Commands within scripts", (each) => each.inner),
      of(one, two, "State changes", (each) => each.events),
      { name: "From first to last record", left: here.records.at(-1)?.us ?? 0, right: there.records.at(-1)?.us ?? 0, text: since },
    ].filter((row) => row.left > 0 || row.right > 0);
  }, [here, there, left, right]);
  const phases = useMemo(() => {
    const [one, two] = [phaseSums(here), phaseSums(there)];
    const names = [...new Set([...one, ...two].map((each) => each.phase))];
    return names.map((name) => ({ name, left: one.find((each) => each.phase === name), right: two.find((each) => each.phase === name) }));
  }, [here, there]);
  const most = (pick: "bytes" | "commands") => Math.max(1, ...phases.flatMap((phase) => [phase.left?.[pick] ?? 0, phase.right?.[pick] ?? 0]));
  const scale = { bytes: most("bytes"), commands: most("commands") };
  return (
    <section className="card beside" aria-label="In numbers">
      <div className="scroll-x" tabIndex={0} role="group" aria-label="Totals">
        <table className="table">
          <thead>
            <tr>
              <th>In all</th>
              <th>{left.engine}</th>
              <th>{right.engine === left.engine ? `${right.engine}, the other` : right.engine}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <td>{row.name}</td>
                <td>
                  <Bar value={row.left} most={Math.max(row.left, row.right)} text={row.text(row.left)} />
                </td>
                <td>
                  <Bar value={row.right} most={Math.max(row.left, row.right)} text={row.text(row.right)} other />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="scroll-x" tabIndex={0} role="group" aria-label="By phase">
        <table className="table">
          <thead>
            <tr>
              <th>By phase</th>
              <th colSpan={2}>Bytes published</th>
              <th colSpan={2}>Commands sent</th>
            </tr>
          </thead>
          <tbody>
            {phases.map((phase) => (
              <tr key={phase.name}>
                <td>
                  <button type="button" className="link" title="Show it in both" onClick={() => jump(phase.left?.first ?? null, phase.right?.first ?? null)}>
                    {phase.name}
                  </button>
                </td>
                <td>
                  <Bar value={phase.left?.bytes ?? 0} most={scale.bytes} text={phase.left?.bytes ? sized(phase.left.bytes) : "–"} />
                </td>
                <td>
                  <Bar value={phase.right?.bytes ?? 0} most={scale.bytes} text={phase.right?.bytes ? sized(phase.right.bytes) : "–"} other />
                </td>
                <td>
                  <Bar value={phase.left?.commands ?? 0} most={scale.commands} text={String(phase.left?.commands ?? 0)} />
                </td>
                <td>
                  <Bar value={phase.right?.commands ?? 0} most={scale.commands} text={String(phase.right?.commands ?? 0)} other />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Bar({ value, most, text, other }: { value: number; most: number; text: string; other?: boolean }) {
  return (
    <span className="compare-bar">
      <span className="compare-track" aria-hidden="true">
        {value > 0 && <span className={other ? "bar-right" : "bar-left"} style={{ width: `${Math.max(2, (value / most) * 100)}%` }} />}
      </span>
      <span className="number">{text}</span>
    </span>
  );
}
