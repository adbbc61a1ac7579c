// Calls the server's operations; every name, field and answer is typed by generated.ts.
import { type Operations, type Problem, ROUTES } from "./generated.ts";
import { connection } from "../live/connection.ts";
import { signed } from "./session.ts";

/** Code of the error for a change without the session's own X-CSRF-Token. */
const FOREIGN = "UMB-047";

export type Name = keyof Operations;
export type Answer<K extends Name> = Operations[K]["answer"];
type Given<K extends Name> = Omit<Operations[K], "answer">;

/** What the server refused, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly hint: string | null;
  readonly errors: { pointer: string; detail: string }[];

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.hint = problem.hint ?? null;
    this.errors = problem.errors ?? [];
  }
}

/** The address of an operation with its path and query filled in. */
export function address(name: Name, path: Record<string, string> = {}, query: Record<string, unknown> = {}): string {
  const route = ROUTES[name].path.replace(/{(\w+)}/g, (_, field: string) => encodeURIComponent(path[field] ?? ""));
  const search = new URLSearchParams();
  for (const [field, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(field, String(value));
  }
  const text = search.toString();
  return text ? `${route}?${text}` : route;
}

/** Does one operation. Throws ApiError for what the server refuses, TypeError if it does not answer. */
export async function call<K extends Name>(name: K, given: Given<K>, signal?: AbortSignal): Promise<Answer<K>> {
  const { path, query, header, body } = given as Record<string, Record<string, string> | undefined>;
  return request<Answer<K>>(ROUTES[name].method, address(name, path, query), body, header, signal);
}

/** The same for a path that is no operation's. */
export async function request<T>(method: string, path: string, body?: unknown, header?: Record<string, string>, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { method, headers: { Accept: "application/json", "X-CSRF-Token": signed.csrf, ...header } };
  if (signal) init.signal = signal;
  if (body) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, "Content-Type": "application/json" };
  }
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    if (!signal?.aborted) connection.failed("request");
    throw error;
  }
  connection.works("request");
  if (!answer.ok) {
    const text = await answer.text();
    let problem: Partial<Problem> = {};
    try {
      problem = JSON.parse(text) as Partial<Problem>;
    } catch {
      // A proxy's own page.
    }
    if (answer.status === 401) signed.lost();
    if (problem.code === FOREIGN) void signed.check(); // another window may have signed in anew
    throw new ApiError(answer.status, problem);
  }
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

/** One sentence about an error, for people. */
export function sentence(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return "The server does not answer.";
}
