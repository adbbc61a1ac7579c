// The items of a map task, folded into it: one node with a count instead of thousands.
import type { TaskView } from "../api/generated.ts";

const ITEM = /^(.+)\[(\d+)\]$/;

export interface Folded {
  task: TaskView;
  /** Its items, if it is a map task that has been expanded. */
  items: readonly TaskView[];
}

/** The tasks with the items of each map task beside it. A key like `a[0]` is an item only if there is a task `a`. */
export function fold(tasks: readonly TaskView[]): Folded[] {
  const keys = new Set(tasks.map((task) => task.key));
  const items = new Map<string, TaskView[]>();
  const own: TaskView[] = [];
  for (const task of tasks) {
    const parent = ITEM.exec(task.key)?.[1];
    if (parent && keys.has(parent)) items.set(parent, [...(items.get(parent) ?? []), task]);
    else own.push(task);
  }
  return own.map((task) => ({ task, items: items.get(task.key) ?? [] }));
}
