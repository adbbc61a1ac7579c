// Runs counted by time and state, for the strip.
import type { Run, RunState } from "../api/generated.ts";

export interface Bin {
  from: number;
  to: number;
  counts: Record<RunState, number>;
  total: number;
}

/** `count` equal bins over [from, to). */
export function bins(runs: readonly Run[], from: number, to: number, count: number): Bin[] {
  const width = Math.max(1, (to - from) / count);
  const found: Bin[] = Array.from({ length: count }, (_, index) => ({
    from: from + index * width,
    to: from + (index + 1) * width,
    counts: { pending: 0, running: 0, success: 0, error: 0, canceled: 0 },
    total: 0,
  }));
  for (const run of runs) {
    const bin = found[Math.min(count - 1, Math.floor((Date.parse(run.created_at) - from) / width))];
    if (bin) {
      bin.counts[run.state] += 1;
      bin.total += 1;
    }
  }
  return found;
}
