// What travels inside a message: its arguments, and in the third part of its body what Celery is to do afterwards.
// Form of a signature: celery/canvas.py, Signature; of the body: celery/app/amqp.py, as_task_v2.
import { brief } from "../lib/json.ts";

/** One task that is to run later, or a group or chord of them, as it stands in the message. */
export interface Later {
  /** `task`, `group`, `chord`, `chain`. */
  form: string;
  name: string;
  id: string | null;
  args: string;
  immutable: boolean;
  /** Bytes of it as JSON. */
  bytes: number;
  /** What it holds: members, header, body; and its own callbacks. */
  parts: { role: string; what: Later[] }[];
}

export interface Carried {
  args: unknown;
  kwargs: unknown;
  /** In the order in which it will run: a message has its chain last first. */
  chain: Later[];
  chord: Later[];
  callbacks: Later[];
  errbacks: Later[];
}

type Obj = Record<string, unknown>;
const isObj = (value: unknown): value is Obj => value !== null && typeof value === "object" && !Array.isArray(value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === null || value === undefined ? [] : [value]);
const encoder = new TextEncoder();

/** Bytes of a text, or of a value as JSON the way Python writes it: a blank behind each comma and colon. */
export function bytesOf(value: unknown): number {
  if (typeof value === "string") return encoder.encode(value).length;
  return encoder.encode(pythonJson(value)).length;
}

function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (isObj(value)) return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${pythonJson(each)}`).join(", ")}}`;
  return JSON.stringify(value) ?? "null";
}

function later(value: unknown): Later | null {
  if (!isObj(value)) return null;
  const kwargs = isObj(value.kwargs) ? value.kwargs : {};
  const options = isObj(value.options) ? value.options : {};
  const kind = typeof value.subtask_type === "string" ? value.subtask_type : null;
  const task = typeof value.task === "string" ? value.task : "?";
  const form = kind ?? (/^celery\.(group|chord|chain)$/.exec(task)?.[1] || "task");
  const inner = { group: ["tasks"], chain: ["tasks"], chord: ["header", "body"] }[form] ?? [];
  const roles: Record<string, string> = { tasks: form === "group" ? "members" : "steps", header: "all of", body: "then, with their results" };
  const parts = [
    ...inner.map((name) => ({ role: roles[name] ?? name, what: laters(kwargs[name]) })),
    { role: "chord: when all members are done", what: laters(options.chord) },
    { role: "chain: afterwards", what: laters(options.chain).reverse() },
    { role: "on success", what: laters(options.link) },
    { role: "on error", what: laters(options.link_error) },
  ].filter((part) => part.what.length > 0);
  const shown = form === "task" ? [...list(value.args).map((each) => brief(each, 60)), ...Object.entries(kwargs).map(([name, each]) => `${name}=${brief(each, 60)}`)].join(", ") : "";
  return { form, name: task, id: typeof options.task_id === "string" ? options.task_id : null, args: shown, immutable: value.immutable === true, bytes: bytesOf(value), parts };
}

const laters = (value: unknown): Later[] => list(value).map(later).filter((each) => each !== null);

/** The body of a message of Celery's protocol 2; null if it is none. */
export function carried(body: unknown): Carried | null {
  if (!Array.isArray(body) || body.length !== 3) return null;
  const embed = isObj(body[2]) ? body[2] : {};
  return {
    args: body[0],
    kwargs: body[1],
    chain: laters(embed.chain).reverse(),
    chord: laters(embed.chord),
    callbacks: laters(embed.callbacks),
    errbacks: laters(embed.errbacks),
  };
}

/** How many tasks are inside. */
export function countLater(what: readonly Later[]): number {
  return what.reduce((sum, each) => sum + (each.form === "task" ? 1 : 0) + each.parts.reduce((inner, part) => inner + countLater(part.what), 0), 0);
}

export interface Share {
  name: string;
  bytes: number;
  tone: "args" | "embed" | "headers" | "properties" | "base64" | "rest";
}

/** Where the bytes of a message go. They add up to `message.bytes`. */
export function shares(message: { bytes: number; body_bytes: number; headers: unknown; properties: Obj; body: unknown }): Share[] {
  const whole = Array.isArray(message.body) && message.body.length === 3 ? message.body : null;
  // What stands in the envelope is the body as base64, which takes four bytes for three.
  const plain = whole ? bytesOf(whole) : message.properties.body_encoding === "base64" ? Math.floor((message.body_bytes * 3) / 4) : message.body_bytes;
  const args = whole ? bytesOf(whole[0]) + bytesOf(whole[1]) : plain;
  const found: Share[] = [
    { name: whole ? "args and kwargs" : "body", bytes: args, tone: "args" },
    { name: "embed: what comes next", bytes: plain - args, tone: "embed" },
    { name: "base64 around the body", bytes: message.body_bytes - plain, tone: "base64" },
    { name: "headers", bytes: bytesOf(message.headers), tone: "headers" },
    { name: "properties", bytes: bytesOf(message.properties), tone: "properties" },
  ];
  let left = message.bytes;
  for (const share of found) left -= share.bytes = Math.max(0, Math.min(left, share.bytes));
  found.push({ name: "names and quotes of the envelope", bytes: left, tone: "rest" });
  return found.filter((share) => share.bytes > 0);
}

/** Bytes as people read them. */
export function sized(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(bytes < 10_000 ? 2 : 1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Microseconds since the beginning, as people read them. */
export function since(us: number): string {
  if (us < 1000) return `${us} µs`;
  if (us < 1e6) return `${(us / 1000).toFixed(us < 100_000 ? 1 : 0)} ms`;
  return us < 60e6 ? `${(us / 1e6).toFixed(2)} s` : `${Math.floor(us / 60e6)} min ${Math.floor((us % 60e6) / 1e6)} s`;
}
