import { useEffect, useState } from "react";
import { Empty, Failure, Loading } from "../parts/basics.tsx";
import { useTrace } from "./useTrace.ts";
import { NO_VIEW, type View, Viewer } from "./Viewer.tsx";

/** The X-ray of a run, for a page that shows more than it: it keeps what is shown to itself. A new `look` shows that step. */
export function XRay({ runId, compact = true, keys = false, look = null }: { runId: string; compact?: boolean; keys?: boolean; look?: { n: number } | null }) {
  const { trace, error, live, again } = useTrace(runId);
  const [view, setView] = useState<View>(NO_VIEW);
  useEffect(() => {
    if (look) setView((now) => ({ ...now, at: look.n, sort: null, task: null, tab: null }));
  }, [look]);
  if (!trace) return error ? <Failure error={error} again={again} /> : <Loading lines={5} />;
  if (!trace.records.length && !live) {
    return (
      <Empty title="Nothing was recorded of this run">
        <p>{trace.hint}</p>
      </Empty>
    );
  }
  return <Viewer trace={trace} live={live} view={view} put={(change) => setView((now) => ({ ...now, ...change }))} compact={compact} keys={keys} />;
}
