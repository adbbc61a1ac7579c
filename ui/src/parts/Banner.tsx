import { useEffect, useState, useSyncExternalStore } from "react";
import { connection } from "../live/connection.ts";

const BACK_MS = 3000;

/** Says that the server cannot be reached, and for a moment that it can again. */
export function Banner() {
  const { lost, backAt } = useSyncExternalStore(connection.subscribe, connection.get);
  const [shown, setShown] = useState(0);
  useEffect(() => {
    if (!backAt) return;
    setShown(backAt);
    const timer = setTimeout(() => setShown(0), BACK_MS);
    return () => clearTimeout(timer);
  }, [backAt]);
  return (
    <div className="banner-place" role="status" aria-live="polite">
      {lost ? (
        <div className="banner lost">The server does not answer. What you see may be old; the page catches up by itself.</div>
      ) : (
        shown > 0 && <div className="banner back">Connected again.</div>
      )}
    </div>
  );
}
