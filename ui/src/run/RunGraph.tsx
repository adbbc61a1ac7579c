import { useMemo, useRef, useState } from "react";
import type { RunDetail, TaskView } from "../api/generated.ts";
import { Graph, type GraphNode } from "../graph/Graph.tsx";
import { duration, useNow } from "../lib/time.ts";
import { isDone, isOver } from "../live/apply.ts";
import { StateIcon } from "../parts/State.tsx";
import { look } from "../parts/states.ts";
import { Countdown } from "../parts/Time.tsx";
import { lasted } from "./facts.ts";

/** The tasks of a run as a graph. Each node changes only when its task does. */
export function RunGraph({ run, selected, onSelect }: { run: RunDetail; selected: string | null; onSelect: (key: string) => void }) {
  const [follow, setFollow] = useState(false);
  const kept = useRef(new Map<string, { task: TaskView; node: GraphNode }>());
  const nodes = useMemo(() => {
    const needed = new Set(run.tasks.flatMap((task) => task.needs));
    const ends = run.tasks.filter((task) => !task.hook && !needed.has(task.key)).map((task) => task.key);
    return run.tasks.map((task) => {
      const before = kept.current.get(task.key);
      if (before?.task === task) return before.node;
      const node = nodeOf(task, ends);
      kept.current.set(task.key, { task, node });
      return node;
    });
  }, [run.tasks]);
  const chosen = selected && !nodes.some((node) => node.id === selected) ? selected.replace(/\[\d+\]$/, "") : selected;
  const running = run.tasks.find((task) => task.state === "running") ?? run.tasks.find((task) => !isDone(task.state) && task.state !== "waiting");
  const stable = useRef(onSelect);
  stable.current = onSelect;
  const [select] = useState(() => (key: string) => stable.current(key));
  return (
    <>
      <Graph nodes={nodes} selected={chosen} onSelect={select} follow={follow ? (running?.key ?? null) : null} />
      <div className="graph-foot">
        <Legend nodes={nodes} />
        {!isOver(run.state) && (
          <label className="check">
            <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} /> follow what runs
          </label>
        )}
      </div>
    </>
  );
}

function nodeOf(task: TaskView, ends: string[]): GraphNode {
  return { id: task.key, needs: task.hook ? ends : task.needs, state: task.state, aside: task.hook !== null, body: <Body task={task} /> };
}

/** How many items of a map have ended. */
export function itemsDone(task: TaskView): number {
  return Object.entries(task.items?.states ?? {}).reduce((sum, [state, count]) => sum + (isDone(state as TaskView["state"]) ? count : 0), 0);
}

function Body({ task }: { task: TaskView }) {
  const failed = task.items?.states.error ?? 0;
  return (
    <>
      <StateIcon state={task.state} size={20} />
      <span className="node-text">
        <span className="node-key" title={task.key}>
          {task.key}
        </span>
        <span className="node-facts">
          {task.items && !isDone(task.state) ? (
            <span>
              {itemsDone(task)} of {task.items.total} items{failed > 0 && `, ${failed} failed`}
            </span>
          ) : (
            <Facts task={task} />
          )}
          {task.items && isDone(task.state) && <span>{task.items.total} items</span>}
          {task.kind === "task" && task.attempts.length > 1 && <span className="node-attempts">attempt {task.attempts.length}</span>}
          {task.kind === "workflow" && <span>workflow</span>}
          {task.hook && <span>{task.hook} hook</span>}
        </span>
      </span>
    </>
  );
}

function Facts({ task }: { task: TaskView }) {
  if (task.state === "retrying" && task.due_at) {
    return (
      <span className="node-retry">
        retry in <Countdown to={task.due_at} />
      </span>
    );
  }
  if (task.state === "scheduled" && task.due_at) {
    return (
      <span>
        due in <Countdown to={task.due_at} />
      </span>
    );
  }
  if (task.state === "running") return <Running task={task} />;
  const length = lasted(task, 0);
  if (isDone(task.state) && length !== null) {
    const word = look(task.state).word;
    if (task.state !== "success") return <span>{`${word}, ${duration(length)}`}</span>;
    return (
      <span>
        {duration(length)}
        <span className="hidden">, {word}</span>
      </span>
    );
  }
  return <span>{look(task.state).word}</span>;
}

function Running({ task }: { task: TaskView }) {
  const now = useNow(200);
  const attempt = task.attempts[task.attempts.length - 1];
  const start = attempt?.started_at ?? task.started_at;
  return <span>running {start ? duration(now - Date.parse(start)) : ""}</span>;
}

const ORDER = ["error", "upstream_failed", "awaiting_input", "running", "expanded", "retrying", "queued", "scheduled", "waiting", "success", "skipped", "canceled"];

/** How many tasks are in which state. */
function Legend({ nodes }: { nodes: readonly GraphNode[] }) {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(node.state, (counts.get(node.state) ?? 0) + 1);
  return (
    <ul className="legend" aria-label="Tasks by state">
      {ORDER.filter((state) => counts.has(state)).map((state) => (
        <li key={state} className={`tone-${look(state).tone}`}>
          <StateIcon state={state} size={14} /> {counts.get(state)} {look(state).word}
        </li>
      ))}
    </ul>
  );
}
