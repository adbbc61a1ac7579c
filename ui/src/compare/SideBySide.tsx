import { useState } from "react";
import { Link } from "wouter";
import type { ComparedTask, Comparison, TaskSide } from "../api/generated.ts";
import { duration } from "../lib/time.ts";
import { State } from "../parts/State.tsx";
import { look } from "../parts/states.ts";

const CHUNK = 200;

/** The tasks of both runs in one table, with bars on one scale. */
export function SideBySide({ found }: { found: Comparison }) {
  const [only, setOnly] = useState(false);
  const [all, setAll] = useState(false);
  const fitting = only ? found.tasks.filter(isOther) : found.tasks;
  const rows = all ? fitting : fitting.slice(0, CHUNK);
  const most = (name: "duration" | "queue_wait") => Math.max(0.001, ...found.tasks.flatMap((task) => [task.run?.[name] ?? 0, task.other?.[name] ?? 0]));
  const scale = { duration: most("duration"), queue_wait: most("queue_wait") };
  const different = found.tasks.filter(isOther).length;
  return (
    <section className="card" aria-label="Tasks">
      <div className="tasks-head">
        <h2>Tasks</h2>
        <span className="muted">above: this run, below: the other</span>
        <label className="only">
          <input type="checkbox" checked={only} onChange={(event) => setOnly(event.target.checked)} /> Only what differs ({different})
        </label>
      </div>
      <div className="scroll-x" tabIndex={0} role="group" aria-label="Tasks side by side">
        <table className="table side-by-side">
          <thead>
            <tr>
              <th>Task</th>
              <th>State</th>
              <th>Duration</th>
              <th>In queue</th>
              <th className="right">Attempts</th>
              <th>Worker</th>
              <th>Differs</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((task) => (
              <tr key={task.key} data-task={task.key} className={task.key === found.first_difference ? "chosen" : undefined}>
                <td className="wrap">
                  <Link href={`/runs/${task.run ? found.run.id : found.other.id}?task=${encodeURIComponent(task.key)}`}>{task.key}</Link>
                  {task.run?.error && <div className="brief bad">{task.run.error}</div>}
                </td>
                <td>
                  <Both task={task}>{(side) => <State state={side.state} size={14} />}</Both>
                </td>
                <td>
                  <Both task={task}>{(side) => <Bar side={side} value={side.duration} scale={scale.duration} />}</Both>
                </td>
                <td>
                  <Both task={task}>{(side) => <Bar side={null} value={side.queue_wait} scale={scale.queue_wait} />}</Both>
                </td>
                <td className="right number">
                  <Both task={task}>{(side) => side.attempts || "–"}</Both>
                </td>
                <td className="muted">
                  <Both task={task}>{(side) => side.worker ?? "–"}</Both>
                </td>
                <td>{task.run && task.other ? task.differs.join(", ") || <span className="muted">–</span> : task.run ? "only here" : "only there"}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p className="muted">All tasks ended alike.</p>}
      </div>
      {rows.length < fitting.length && (
        <button type="button" className="button" onClick={() => setAll(true)}>
          Show all {fitting.length} tasks
        </button>
      )}
    </section>
  );
}

const isOther = (task: ComparedTask) => task.differs.length > 0 || !task.run || !task.other;

function Both({ task, children }: { task: ComparedTask; children: (side: TaskSide) => React.ReactNode }) {
  return (
    <>
      <div className="side">{task.run ? children(task.run) : <span className="muted">–</span>}</div>
      <div className="side there">{task.other ? children(task.other) : <span className="muted">–</span>}</div>
    </>
  );
}

/** Seconds as a bar and a number. */
function Bar({ side, value, scale }: { side: TaskSide | null; value: number | null; scale: number }) {
  if (value === null) return <span className="muted">–</span>;
  return (
    <span className="compare-bar">
      <span className="compare-track" aria-hidden="true">
        <span className={`fill-${side ? look(side.state).tone : "queued"}`} style={{ width: `${Math.max(1, (value / scale) * 100)}%` }} />
      </span>
      <span className="number">{duration(value * 1000)}</span>
    </span>
  );
}
