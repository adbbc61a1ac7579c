// Which step is shown, and its going on by itself.
import { useEffect, useEffectEvent, useState } from "react";

export const SPEEDS = [0.5, 1, 2, 5, 20] as const;
const STEP_MS = 1100;

export interface Player {
  playing: boolean;
  speed: number;
  setSpeed: (speed: number) => void;
  toggle: () => void;
  pause: () => void;
  /** Moves by so many steps; from before the first if none is shown. */
  by: (count: number) => void;
}

/**
 * @param steps numbers of the steps that can be shown, in order
 * @param at the one that is shown; null before the first
 */
export function usePlayer(steps: readonly number[], at: number | null, go: (n: number) => void): Player {
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const place = at === null ? -1 : nearest(steps, at);
  const last = steps.length - 1;
  const tick = useEffectEvent(() => {
    const next = steps[place + 1];
    if (next === undefined) return setPlaying(false);
    go(next);
    if (place + 1 === last) setPlaying(false);
  });
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => tick(), STEP_MS / speed);
    return () => clearInterval(timer);
  }, [playing, speed]);
  return {
    playing,
    speed,
    setSpeed,
    pause: () => setPlaying(false),
    toggle() {
      if (playing) return setPlaying(false);
      if (last < 0) return;
      // At the end it begins anew; the first step is there at once.
      const next = place >= last ? steps[0] : steps[place + 1];
      if (next !== undefined) go(next);
      setPlaying(last > 0);
    },
    by(count) {
      setPlaying(false);
      const next = steps[Math.max(0, Math.min(last, (at === null && count < 0 ? last + 1 : place) + count))];
      if (next !== undefined) go(next);
    },
  };
}

/** Place of the last step up to `n`; of the first if all are behind it. */
export function nearest(steps: readonly number[], n: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    (steps[middle] ?? 0) <= n ? (low = middle + 1) : (high = middle);
  }
  return Math.max(0, low - 1);
}
