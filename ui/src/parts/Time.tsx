import { duration, exact, ms, relative, useNow } from "../lib/time.ts";

/** How long ago; the exact instant when pointed at. */
export function Ago({ at }: { at: string | null }) {
  const value = ms(at);
  const fresh = value !== null && Math.abs(Date.now() - value) < 120_000;
  const now = useNow(fresh ? 1000 : 20_000);
  if (value === null) return <span className="muted">–</span>;
  return (
    <time dateTime={at ?? undefined} title={exact(value)}>
      {relative(value, Math.max(now, Date.now() - 20_000))}
    </time>
  );
}

/** From one instant to another, or to now while it goes on. */
export function Lasting({ from, to, going }: { from: string | null; to: string | null; going: boolean }) {
  const now = useNow(going ? 200 : 0);
  const start = ms(from);
  if (start === null) return <span className="muted">–</span>;
  const end = ms(to) ?? (going ? now : null);
  if (end === null) return <span className="muted">–</span>;
  return (
    <span className="number" title={`${exact(start)}${to ? ` to ${exact(end)}` : ""}`}>
      {duration(end - start)}
    </span>
  );
}

/** How long until an instant, counted down. */
export function Countdown({ to }: { to: string }) {
  const now = useNow(200);
  const left = Date.parse(to) - now;
  // Below a second, too, in tenths: milliseconds would flicker.
  return <span className="number">{left <= 0 ? "now" : left < 1000 ? `${(left / 1000).toFixed(1)} s` : duration(left)}</span>;
}
