// The runs of a lesson's steps: started one at a time, followed to their ends, and found again after a reload.
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, call } from "../api/client.ts";
import type { StepRun } from "../api/generated.ts";
import { note } from "./progress.ts";

const RHYTHM_MS = 400;

export interface Standing {
  run: StepRun | null;
  /** Why it could not be started or followed. */
  error: unknown;
}

export interface Runs {
  of: Readonly<Record<string, Standing>>;
  /** The step that is being run. */
  busy: string | null;
  /** Runs steps one after the other: side by side they would be in each other's way. */
  run: (steps: readonly string[], text?: string) => Promise<void>;
  /** Looks again at a run that something was done to. */
  look: (step: string) => Promise<void>;
}

const pause = (signal: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, RHYTHM_MS);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });

/** @param kept ids of the last run of each step, from before this page was loaded */
export function useRuns(slug: string, kept: Readonly<Record<string, string>>): Runs {
  const [of, setOf] = useState<Record<string, Standing>>({});
  const [busy, setBusy] = useState<string | null>(null);
  const stop = useRef(new AbortController());
  const put = useCallback((step: string, standing: Standing) => setOf((now) => ({ ...now, [step]: standing })), []);

  const follow = useCallback(
    async (step: string, id: string, once = false) => {
      const { signal } = stop.current;
      while (!signal.aborted) {
        try {
          const run = await call("get_step_run", { path: { slug, step, run_id: id } }, signal);
          put(step, { run, error: null });
          if (run.over || once) return;
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof ApiError && error.status < 500) throw error;
          // The server may be away: some lessons kill things. It comes back.
        }
        await pause(signal);
      }
    },
    [slug, put],
  );

  const first = useRef(kept);
  useEffect(() => {
    stop.current = new AbortController();
    for (const [step, id] of Object.entries(first.current)) {
      // A run that the server has forgotten is none.
      follow(step, id).catch(() => note(slug, ({ runs: { [step]: _, ...runs } }) => ({ runs })));
    }
    return () => stop.current.abort();
  }, [slug, follow]);

  const run = useCallback(
    async (steps: readonly string[], text?: string) => {
      const { signal } = stop.current;
      for (const step of steps) {
        if (signal.aborted) return;
        setBusy(step);
        put(step, { run: null, error: null });
        try {
          const started = await call("run_step", { path: { slug, step }, body: text === undefined ? {} : { text } }, signal);
          note(slug, ({ runs }) => ({ runs: { ...runs, [step]: started.run_id } }));
          put(step, { run: started, error: null });
          await follow(step, started.run_id);
        } catch (error) {
          if (signal.aborted) return;
          put(step, { run: null, error });
        }
      }
      setBusy(null);
    },
    [slug, put, follow],
  );

  const look = useCallback(
    async (step: string) => {
      const id = of[step]?.run?.run_id;
      if (id) await follow(step, id, true).catch((error: unknown) => put(step, { run: null, error }));
    },
    [of, follow, put],
  );
  return { of, busy, run, look };
}
