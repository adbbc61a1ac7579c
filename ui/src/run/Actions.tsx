import type { RunDetail } from "../api/generated.ts";
import { isOver } from "../live/apply.ts";
import { Icon } from "../parts/Icon.tsx";

/** What a person wants to do with a run: asked for by buttons, shortcuts and the diagnosis; done in a dialog. */
export type Asked = { what: "cancel" } | { what: "relaunch" };

export function Actions({ run, ask }: { run: RunDetail; ask: (asked: Asked) => void }) {
  return (
    <>
      {!isOver(run.state) && (
        <button type="button" className="button danger" onClick={() => ask({ what: "cancel" })}>
          <Icon name="stop" /> Cancel…
        </button>
      )}
      <button type="button" className={isOver(run.state) ? "button primary" : "button"} onClick={() => ask({ what: "relaunch" })}>
        <Icon name="again" /> Relaunch…
      </button>
    </>
  );
}
