// The stretches of time of the strip of runs.
import type { RunCounts, RunState } from "../api/generated.ts";
import { exact } from "../lib/time.ts";
import { look } from "../parts/states.ts";

export const ORDER: readonly RunState[] = ["error", "canceled", "success", "running", "pending"];

export interface Bin {
  from: number;
  to: number;
  counts: Partial<Record<RunState, number>>;
  total: number;
}

/** All bins of an answer, in order, also those without runs, which it leaves out. */
export function bins({ since, until, step, bins }: Pick<RunCounts, "since" | "until" | "step" | "bins">): Bin[] {
  const width = step * 1000;
  const counted = new Map(bins.map((bin) => [Date.parse(bin.since), bin.counts]));
  const found: Bin[] = [];
  const end = Date.parse(until);
  for (let from = Math.floor(Date.parse(since) / width) * width; from < end && found.length < 1000; from += width) {
    const counts = counted.get(from) ?? {};
    found.push({ from, to: from + width, counts, total: Object.values(counts).reduce((sum, each) => sum + each, 0) });
  }
  return found;
}

/** What some neighbouring bins hold, in words. */
export function told(some: readonly Bin[]): string {
  const [first, last] = [some[0], some[some.length - 1]];
  if (!first || !last) return "";
  const sums = ORDER.map((state) => [state, some.reduce((sum, bin) => sum + (bin.counts[state] ?? 0), 0)] as const).filter(([, sum]) => sum);
  const [from, to] = [exact(first.from).slice(0, 19), exact(last.to).slice(0, 19)];
  const until = from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to;
  return `${from} to ${until}: ${sums.map(([state, sum]) => `${sum.toLocaleString()} ${look(state).word}`).join(", ") || "none"}`;
}
