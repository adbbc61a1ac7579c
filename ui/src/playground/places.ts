// Where in a YAML text the cursor stands, and what may stand there by the JSON Schema of definition files. Pure.

export type JsonSchema = { [word: string]: unknown };

export interface Place {
  /** Keys from the top, "[]" for an item of a list; the last is the key whose value is written, if it is a value. */
  path: string[];
  /** A key, or a value, is being written. */
  at: "key" | "value";
  /** What of it is there already. */
  word: string;
}

export interface Offer {
  label: string;
  detail?: string;
  kind: "key" | "value" | "task" | "queue";
}

interface Level {
  column: number;
  name: string;
}

const KEY = /^("[^"]*"|'[^']*'|[^\s#'"[\]{},:&*!|>%@`-](?:[^:#]|:(?=\S)|(?<=\S)#)*?)\s*:(?=\s|$)/;

/** The levels that a line opens, on top of those around it; and where its value begins. */
function enter(around: readonly Level[], line: string): { levels: Level[]; rest: string } {
  const levels = [...around];
  let column = line.search(/\S|$/);
  const leave = (dash: boolean) => {
    let last = levels.at(-1);
    // The items of a list may stand as far left as the key that it belongs to.
    while (last && (dash && last.name !== "[]" ? last.column > column : last.column >= column)) {
      levels.pop();
      last = levels.at(-1);
    }
  };
  let rest = line.slice(column);
  while (/^-(\s|$)/.test(rest)) {
    leave(true);
    levels.push({ column, name: "[]" });
    const pad = rest.length - rest.slice(1).trimStart().length;
    column += pad;
    rest = rest.slice(pad);
  }
  leave(false);
  const key = KEY.exec(rest);
  if (key?.[1]) {
    levels.push({ column, name: key[1].replace(/^["']|["']$/g, "") });
    rest = rest.slice(key[0].length);
  }
  return { levels, rest };
}

const blank = (line: string) => /^\s*(#.*)?$/.test(line);

/** The place at the end of `before`, which is a text up to the cursor. */
export function placeOf(before: string): Place | null {
  const lines = before.split("\n");
  const last = lines.pop() ?? "";
  let around: Level[] = [];
  for (const line of lines) if (!blank(line)) around = enter(around, line).levels;
  const { levels, rest } = enter(around, last);
  if (/(^|\s)#/.test(rest)) return null;
  const path = levels.map((level) => level.name);
  const hasKey = path.length > 0 && path.at(-1) !== "[]" && KEY.test(last.trimStart().replace(/^(-\s+)+/, ""));
  return flow(path, rest, hasKey);
}

/** Goes on in what stands on one line: `{task: A, needs: [x, `. */
function flow(path: string[], rest: string, isValue: boolean): Place | null {
  const open: { list: boolean; key: string | null }[] = [];
  let word = "";
  for (let place = 0; place < rest.length; place++) {
    const letter = rest[place] ?? "";
    const top = open.at(-1);
    if (letter === '"' || letter === "'") {
      const end = rest.indexOf(letter, place + 1);
      if (end < 0) return null; // in a text
      word = rest.slice(place + 1, end);
      place = end;
    } else if (letter === "{" || letter === "[") {
      open.push({ list: letter === "[", key: null });
      word = "";
    } else if (letter === "}" || letter === "]") {
      open.pop();
      word = "";
    } else if (letter === "," && top) {
      top.key = null;
      word = "";
    } else if (letter === ":" && top && !top.list && /\s|^$/.test(rest[place + 1] ?? "")) {
      top.key = word;
      word = "";
    } else if (!/\s/.test(letter)) word += letter;
    else if (!top && word) word += letter;
  }
  const found = [...path];
  for (const each of open) {
    if (each.list) found.push("[]");
    else if (each.key !== null) found.push(each.key);
  }
  const inner = open.at(-1);
  const value = inner ? inner.list || inner.key !== null : isValue || path.at(-1) === "[]";
  return { path: found, at: value ? "value" : "key", word };
}

/** Keys of the tasks of the definition that the line (from 0) stands in. */
export function taskKeys(text: string, line: number): string[] {
  let around: Level[] = [];
  const found = new Map<string, Set<string>>();
  let own = "";
  text.split("\n").forEach((each, number) => {
    if (!blank(each)) {
      const { levels, rest } = enter(around, each);
      around = levels;
      const [top, tasks, key] = levels.map((level) => level.name);
      if (top && tasks === "tasks" && key && key !== "[]") {
        const keys = found.get(top) ?? new Set();
        keys.add(key);
        found.set(top, keys);
      } else if (top && tasks === "tasks" && !key) {
        // All of them on one line.
        const keys = found.get(top) ?? new Set();
        for (const match of rest.matchAll(/(?:^\s*\{|\},)\s*([\w.-]+):\s/g)) if (match[1]) keys.add(match[1]);
        found.set(top, keys);
      }
    }
    if (number <= line && around[0]) own = around[0].name;
  });
  return [...(found.get(own) ?? [])];
}

/** The schema and everything that it is made of, with the names of the parts that it refers to. */
function expand(root: JsonSchema, schema: unknown, parts: Set<string>, into: JsonSchema[] = []): JsonSchema[] {
  if (schema === null || typeof schema !== "object" || into.includes(schema as JsonSchema)) return into;
  const each = schema as JsonSchema;
  into.push(each);
  if (typeof each.$ref === "string") {
    const name = each.$ref.replace("#/definitions/", "");
    parts.add(name);
    expand(root, (root.definitions as JsonSchema | undefined)?.[name], parts, into);
  }
  for (const word of ["allOf", "anyOf", "oneOf"]) for (const one of (each[word] as unknown[] | undefined) ?? []) expand(root, one, parts, into);
  for (const word of ["then", "else"]) expand(root, each[word], parts, into);
  return into;
}

function below(schema: JsonSchema, name: string): unknown[] {
  if (name === "[]") return [schema.items];
  const own = (schema.properties as JsonSchema | undefined)?.[name];
  if (own !== undefined) return [own];
  const patterns = Object.entries((schema.patternProperties as JsonSchema | undefined) ?? {});
  const fitting = patterns.filter(([pattern]) => new RegExp(pattern, "u").test(name)).map(([, each]) => each);
  return fitting.length ? fitting : [schema.additionalProperties];
}

export interface Known {
  tasks: readonly string[];
  queues: readonly string[];
  /** Keys of the tasks of this definition. */
  keys: readonly string[];
}

/** What may stand at a place. */
export function offers(root: JsonSchema, place: Place, known: Known): Offer[] {
  const parts = new Set<string>();
  let schemas = expand(root, root, parts);
  for (const name of place.path) {
    parts.clear();
    schemas = schemas.flatMap((schema) => below(schema, name)).flatMap((schema) => expand(root, schema, parts));
  }
  const found = new Map<string, Offer>();
  const add = (offer: Offer) => found.has(offer.label) || found.set(offer.label, offer);
  if (place.at === "key" || place.path.at(-1) === "[]") {
    for (const schema of schemas) {
      for (const [label, about] of Object.entries((schema.properties as JsonSchema | undefined) ?? {})) {
        const detail = (about as JsonSchema | null)?.description;
        add({ label, kind: "key", ...(typeof detail === "string" ? { detail } : {}) });
      }
    }
  }
  if (place.at === "value") {
    const needs = place.path.at(-1) === "needs" || place.path.at(-2) === "needs";
    if (needs) for (const label of known.keys) add({ label, kind: "value", detail: "task of this definition" });
    if (parts.has("taskName") || parts.has("step")) for (const label of known.tasks) add({ label, kind: "task", detail: "task" });
    if (parts.has("queueName")) for (const label of known.queues) add({ label, kind: "queue", detail: "queue" });
    for (const schema of schemas) {
      for (const each of (schema.enum as unknown[] | undefined) ?? []) add({ label: String(each), kind: "value" });
      if (schema.const !== undefined) add({ label: String(schema.const), kind: "value" });
      if (schema.type === "boolean") for (const label of ["true", "false"]) add({ label, kind: "value" });
    }
  }
  return [...found.values()];
}
