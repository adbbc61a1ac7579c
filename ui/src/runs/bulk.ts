// Doing the same to several runs.
import { call, sentence } from "../api/client.ts";
import type { Run, RunState } from "../api/generated.ts";
import type { RunsAsked } from "../api/queries.ts";

const AT_ONCE = 4;

/** The runs in one of these states that fit a filter, about `limit` at most. */
export async function matching(query: RunsAsked, states: readonly RunState[], limit: number): Promise<Run[]> {
  const found: Run[] = [];
  const wanted = (query.status ?? states).filter((state) => states.includes(state));
  if (!wanted.length) return found;
  let cursor: string | null = null;
  do {
    const page: { items: Run[]; next_cursor: string | null } = await call("list_runs", { query: { ...query, status: wanted, limit: Math.min(500, limit), cursor } });
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && found.length < limit);
  return found;
}

/** Does something to each of the runs, a few at a time; what the server refused, in its words, by run. */
export async function each(runs: readonly Run[], work: (run: Run) => Promise<unknown>, step: () => void): Promise<Map<string, string>> {
  const left = [...runs];
  const refused = new Map<string, string>();
  async function some() {
    for (let run = left.shift(); run; run = left.shift()) {
      try {
        await work(run);
      } catch (reason) {
        refused.set(run.id, sentence(reason));
      }
      step();
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  return refused;
}

/** By definition, in the order in which they come. */
export function byDefinition(runs: readonly Run[]): Map<string, Run[]> {
  const kinds = new Map<string, Run[]>();
  for (const run of runs) kinds.set(run.definition, [...(kinds.get(run.definition) ?? []), run]);
  return kinds;
}
