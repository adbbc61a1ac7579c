import { type Film, phaseSums, total } from "./film.ts";
import { since, sized } from "./embed.ts";
import type { Trace } from "./types.ts";

/** What the run cost, in all and by phase: what is shown before the first step. */
export function Totals({ film, trace, go }: { film: Film; trace: Trace; go: (n: number) => void }) {
  const sums = total(film);
  const phases = phaseSums(film);
  const all = trace.recording === "commands";
  const last = film.records.at(-1);
  const found: [string, string, string][] = [
    ["messages", String(sums.messages), "published"],
    ["through the broker", sized(sums.bytes), "as it stores them"],
    ...(all ? ([["commands", String(sums.commands), "sent by clients"]] as [string, string, string][]) : []),
    ...(all && sums.inner ? ([["within scripts", String(sums.inner), "commands more"]] as [string, string, string][]) : []),
    ...(sums.events ? ([["state changes", String(sums.events), "by the engine"]] as [string, string, string][]) : []),
    ...(sums.calls ? ([["model calls", String(sums.calls), ""]] as [string, string, string][]) : []),
    ["from first to last", last ? since(last.us) : "–", ""],
  ];
  return (
    <>
      <ul className="sums">
        {found.map(([name, value, more]) => (
          <li key={name}>
            <b className="number">{value}</b>
            <span>{name}</span>
            {more && <span className="muted">{more}</span>}
          </li>
        ))}
      </ul>
      {phases.length > 1 && (
        <div className="scroll-x" tabIndex={0} role="group" aria-label="By phase">
          <table className="table phases">
            <thead>
              <tr>
                <th>Phase</th>
                <th className="right">Messages</th>
                <th className="right">Bytes</th>
                {all && <th className="right">Commands</th>}
              </tr>
            </thead>
            <tbody>
              {phases.map((phase) => (
                <tr key={phase.phase}>
                  <td>
                    <button type="button" className="link" onClick={() => go(phase.first)}>
                      {phase.phase}
                    </button>
                  </td>
                  <td className="right number">{phase.messages}</td>
                  <td className="right number">{phase.bytes ? sized(phase.bytes) : "–"}</td>
                  {all && <td className="right number">{phase.commands + phase.inner}</td>}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {trace.left_out > 0 && <p className="muted">{trace.left_out} records did not fit into what is kept of one run: the sums are of those that did.</p>}
      {trace.hint && <p className="why">{trace.hint}</p>}
      {!all && !trace.hint && <p className="muted">Messages were recorded, the store's commands were not.</p>}
    </>
  );
}
