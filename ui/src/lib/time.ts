// Times and durations as people read them.
import { useSyncExternalStore } from "react";

/** Milliseconds of an instant of the API; null for none. */
export function ms(instant: string | null | undefined): number | null {
  return instant ? Date.parse(instant) : null;
}

/** A length of time: two units at most. */
export function duration(length: number | null): string {
  if (length === null) return "";
  const value = Math.max(0, length);
  if (value < 1000) return `${Math.round(value)} ms`;
  const seconds = value / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Where an instant stands as seen from `now`: "12 s ago", "in 3 min". */
export function relative(at: number, now: number): string {
  const ago = now - at;
  const away = Math.abs(ago) / 1000;
  if (away < 1.5) return "just now";
  const [value, unit] =
    away < 60 ? [away, "s"] : away < 3600 ? [away / 60, "min"] : away < 86_400 ? [away / 3600, "h"] : [away / 86_400, "d"];
  if (unit === "d" && value > 13) return new Date(at).toLocaleDateString(undefined, { dateStyle: "medium" });
  const text = `${Math.floor(value)} ${unit}`;
  return ago >= 0 ? `${text} ago` : `in ${text}`;
}

/** Made once: it costs more than all the rest of a row of a list. */
const ZONE = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });

/** The exact instant, in the reader's time zone, with milliseconds. */
export function exact(at: number): string {
  const zone = ZONE.formatToParts(at).find((part) => part.type === "timeZoneName")?.value ?? "";
  const date = new Date(at);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)} ${zone}`;
}

/** A clock for the whole page: it ticks only while somebody listens and looks. */
class Clock {
  #now = Date.now();
  #every: number;
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(every: number) {
    this.#every = every;
  }

  get = (): number => this.#now;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#every && !this.#timer) this.#timer = setInterval(() => this.#tick(), this.#every);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  };

  #tick(): void {
    if (document.hidden) return;
    this.#now = Date.now();
    for (const each of this.#listeners) each();
  }

  /** A clock that stood still is put right for who asks first. */
  wake(): void {
    if (!this.#timer && this.#every && Date.now() - this.#now > this.#every) this.#now = Date.now();
  }
}

const clocks = new Map<number, Clock>();

/** The time, renewed every `every` ms; 0 stands still. */
export function useNow(every: number): number {
  let clock = clocks.get(every);
  if (!clock) clocks.set(every, (clock = new Clock(every)));
  clock.wake();
  return useSyncExternalStore(clock.subscribe, clock.get);
}
