// What may stand where the cursor is in a canvas as Python text. Pure.
import type { Offer } from "./places.ts";

const CALLS: readonly Offer[] = [
  { label: "chain", kind: "value", detail: "one after another" },
  { label: "group", kind: "value", detail: "side by side" },
  { label: "chord", kind: "value", detail: "a group, then a task with all results" },
  { label: "signature", kind: "value", detail: "a task by its name" },
];

const METHODS: readonly Offer[] = [
  { label: "s", kind: "value", detail: "a signature" },
  { label: "si", kind: "value", detail: "one that takes no result" },
  { label: "set", kind: "value", detail: "options: queue, countdown, priority" },
  { label: "on_error", kind: "value", detail: "call this if it fails" },
  { label: "map", kind: "value", detail: "one message, each item in turn" },
  { label: "starmap", kind: "value", detail: "map with several arguments" },
  { label: "chunks", kind: "value", detail: "a list in parts" },
  { label: "clone", kind: "value", detail: "with further arguments" },
];

/** What may stand at the end of a text that is cut off at the cursor: names of tasks and Celery's words, or after a dot
 * the rest of a task's name, or methods. Inside a text or a comment there is nothing to offer. */
export function canvasOffers(before: string, tasks: readonly string[]): { word: string; offers: Offer[] } | null {
  const line = before.slice(before.lastIndexOf("\n") + 1);
  if (/^[^'"#]*#/.test(line) || quoted(line)) return null;
  const path = /(?:[A-Za-z_]\w*\.)*\w*$/.exec(line)?.[0] ?? "";
  if (/^\d/.test(path)) return null;
  const dot = path.lastIndexOf(".");
  const word = path.slice(dot + 1);
  const named = (found: readonly string[]): Offer[] => found.map((label) => ({ label, kind: "task", detail: "task" }));
  if (dot < 0 && !line.slice(0, line.length - path.length).endsWith(".")) return { word, offers: [...CALLS, ...named(tasks)] };
  const start = path.slice(0, dot + 1);
  const rest = dot < 0 ? [] : tasks.filter((task) => task.startsWith(start)).map((task) => task.slice(start.length));
  return { word, offers: [...named(rest), ...METHODS] };
}

/** Whether a line ends inside a text. */
function quoted(line: string): boolean {
  let open = "";
  for (let place = 0; place < line.length; place++) {
    const letter = line[place] ?? "";
    if (letter === "\\") place++;
    else if (open) open = letter === open ? "" : open;
    else if (letter === "'" || letter === '"') open = letter;
  }
  return open !== "";
}

const HEAD = "# Paste a canvas of yours: it is read, and never evaluated.\n";

/** A canvas to begin with, of tasks that there are; in the demo, of those that take what a canvas gives. */
export function canvasExample(tasks: readonly string[]): string {
  if (["ADD", "DOUBLE", "TOTAL"].every((name) => tasks.includes(name))) return `${HEAD}chain(\n    ADD.s(1, 2),\n    group(DOUBLE.s(), ADD.s(10)),\n    TOTAL.s(),\n)\n`;
  const task = (place: number, argument = "") => {
    const name = tasks[place % Math.max(1, tasks.length)] ?? "my_task";
    return /^[A-Za-z_][\w.]*$/.test(name) ? `${name}.s(${argument}` : `signature(${JSON.stringify(name)}${argument && `, (${argument},)`}`;
  };
  return `${HEAD}chain(
    ${task(0, "1")}),
    group(${task(1)}), ${task(2)})),
    ${task(3)}),
)
`;
}
