// What an event says, in few words.
import type { Event as Told } from "../api/generated.ts";
import { brief } from "../lib/json.ts";

const LISTS = { released: "queues", scheduled: "schedules", blocked: "blocks", skipped: "skips", reset: "resets", again: "runs again" } as const;

/** The tasks that an event speaks of: its own first. */
export function about(event: Told): string[] {
  const data = event.data ?? {};
  const listed = Object.keys(LISTS).flatMap((name) => (Array.isArray(data[name]) ? (data[name] as unknown[]) : []));
  const named = typeof data.task === "string" ? [data.task] : [];
  return [...new Set([...(event.task ? [event.task] : []), ...named, ...listed.filter((each): each is string => typeof each === "string")])];
}

/** The details of an event in one line. */
export function words(event: Told): string {
  const { ...data } = event.data ?? {};
  const found: string[] = [];
  const take = (name: string) => {
    const value = data[name];
    delete data[name];
    return value;
  };
  const exception = take("exception");
  const type = take("type");
  if (exception !== undefined) found.push(`${typeof type === "string" ? `${type}: ` : ""}${String(exception)}`);
  const worker = take("worker");
  const pid = take("pid");
  if (worker !== undefined) found.push(`${String(worker)}${pid === undefined ? "" : `, process ${String(pid)}`}`);
  const countdown = take("countdown");
  if (countdown !== undefined) found.push(`again in ${String(countdown)} s`);
  for (const [name, verb] of Object.entries(LISTS)) {
    const keys = take(name);
    if (Array.isArray(keys) && keys.length) found.push(`${verb} ${keys.slice(0, 4).join(", ")}${keys.length > 4 ? ` and ${keys.length - 4} more` : ""}`);
  }
  const count = take("count");
  if (typeof count === "number" && event.type === "task.log") found.push(`${count} ${count === 1 ? "line" : "lines"}`);
  else if (count !== undefined) data.count = count;
  for (const name of ["queued_at", "due", "epoch", "seq", "plan"]) delete data[name];
  if (Object.keys(data).length) found.push(brief(data, 120));
  return found.join(" · ");
}
