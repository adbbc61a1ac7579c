import type { TaskDefinition } from "../api/generated.ts";
import type { GraphNode } from "../graph/Graph.tsx";

/** A task of a definition in its graph. */
export function nodeOf(task: TaskDefinition): GraphNode {
  return {
    id: task.key,
    needs: task.needs,
    state: "",
    body: (
      <span className="node-text">
        <span className="node-key" title={task.key}>
          {task.key}
        </span>
        <span className="node-facts">{task.task === task.key ? `queue ${task.queue}` : task.task}</span>
      </span>
    ),
  };
}
