import { useState } from "react";
import type { RunDetail, TaskView } from "../api/generated.ts";
import { duration, useNow } from "../lib/time.ts";
import { isOver } from "../live/apply.ts";
import { State } from "../parts/State.tsx";
import { lasted, queued } from "./facts.ts";

type Column = "index" | "key" | "state" | "queue" | "duration" | "attempts";
const CHUNK = 300;

export function TaskTable({ run, selected, onSelect }: { run: RunDetail; selected: string | null; onSelect: (key: string) => void }) {
  const now = useNow(isOver(run.state) ? 0 : 500);
  const [sort, setSort] = useState<{ by: Column; down: boolean }>({ by: "index", down: false });
  const [shown, setShown] = useState(CHUNK);
  const first = (task: TaskView) => (task.attempts[0] ? queued(task.attempts[0]) : null);
  const value: Record<Column, (task: TaskView) => number | string> = {
    index: (task) => task.index,
    key: (task) => task.key,
    state: (task) => task.state,
    queue: (task) => first(task) ?? -1,
    duration: (task) => lasted(task, now) ?? -1,
    attempts: (task) => task.attempts.length,
  };
  const rows = run.tasks.toSorted((one, two) => {
    const [a, b] = [value[sort.by](one), value[sort.by](two)];
    return (a < b ? -1 : a > b ? 1 : one.index - two.index) * (sort.down ? -1 : 1);
  });
  const head = (by: Column, text: string, className?: string) => (
    <th aria-sort={sort.by === by ? (sort.down ? "descending" : "ascending") : "none"} className={className}>
      <button type="button" onClick={() => setSort({ by, down: sort.by === by ? !sort.down : by !== "key" && by !== "state" })}>
        {text}
        <span aria-hidden="true">{sort.by === by ? (sort.down ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label="Tasks">
      <table className="table">
        <thead>
          <tr>
            {head("state", "State")}
            {head("key", "Task")}
            {head("queue", "In queue", "right")}
            {head("duration", "Duration", "right")}
            {head("attempts", "Attempts", "right")}
            <th>Worker</th>
            <th>Needs</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shown).map((task) => {
            const length = lasted(task, now);
            const waited = first(task);
            const last = task.attempts[task.attempts.length - 1];
            return (
              <tr key={task.id} data-state={task.state} className={task.key === selected ? "chosen" : undefined} onClick={() => onSelect(task.key)}>
                <td>
                  <State state={task.state} />
                </td>
                <td>
                  <button type="button" className="link strong" aria-pressed={task.key === selected} onClick={(event) => { event.stopPropagation(); onSelect(task.key); }}>
                    {task.key}
                  </button>
                  {task.task !== task.key && <span className="muted"> {task.task}</span>}
                  {task.hook && <span className="tag">{task.hook} hook</span>}
                  {task.error && <div className="brief bad">{task.error.message}</div>}
                </td>
                <td className="right number muted">{waited === null ? "–" : duration(waited)}</td>
                <td className="right number">{length === null ? "–" : duration(length)}</td>
                <td className="right number">{task.attempts.length || "–"}</td>
                <td className="muted">{last?.worker ?? "–"}</td>
                <td className="muted">{task.needs.join(", ") || "–"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length > shown && (
        <button type="button" className="button" onClick={() => setShown(rows.length)}>
          Show all {rows.length} tasks
        </button>
      )}
    </div>
  );
}
