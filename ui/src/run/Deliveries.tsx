import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client.ts";
import type { Delivery, DeliveryAttemptView, RunDetail } from "../api/generated.ts";
import { duration } from "../lib/time.ts";
import { isOver } from "../live/apply.ts";
import { Failure } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { State } from "../parts/State.tsx";
import { Ago } from "../parts/Time.tsx";

/**
 * Looked at again soon while an attempt is under way (the next one is then only due for the case that this one is never
 * heard of), else when the next attempt is due, but at least every half minute.
 */
function pause(items: Delivery[] | undefined): number | false {
  const open = (items ?? []).filter((each) => each.next_at !== null);
  if (open.length === 0) return false;
  const waits = open.map((each) => (underWay(each.attempts.at(-1)) ? 0 : Date.parse(each.next_at ?? "") - Date.now()));
  return Math.min(30_000, Math.max(1_500, Math.min(...waits)));
}

function underWay(attempt: DeliveryAttemptView | undefined): boolean {
  return attempt !== undefined && attempt.status === null && attempt.error === null;
}

/** What the webhook of a run was told; nothing where there is none. */
export function Deliveries({ run }: { run: RunDetail }) {
  const { data } = useQuery({
    queryKey: ["deliveries", run.id, run.epoch, run.state, run.settled],
    queryFn: ({ signal }) => call("get_run_deliveries", { path: { run_id: run.id } }, signal),
    enabled: isOver(run.state) || run.epoch > 1,
    refetchInterval: (query) => pause(query.state.data?.items),
    placeholderData: (before) => before,
  });
  if (!data || data.items.length === 0) return null;
  return (
    <section className="card deliveries" aria-label="Webhook">
      <h2>Webhook</h2>
      <ul>
        {data.items.map((each) => (
          <One key={each.id} delivery={each} />
        ))}
      </ul>
    </section>
  );
}

function One({ delivery }: { delivery: Delivery }) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  async function again() {
    setBusy(true);
    setError(null);
    try {
      await call("redeliver", { path: { run_id: delivery.run_id, delivery: delivery.id } });
      await client.invalidateQueries({ queryKey: ["deliveries", delivery.run_id] });
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  }
  return (
    <li data-delivery={delivery.status}>
      <div className="delivery-head">
        <State state={delivery.status} />
        <span className="wrap">
          {delivery.event} of epoch {delivery.epoch} to <code>{delivery.url}</code>
        </span>
        {delivery.next_at !== null && (
          <span className="muted">
            next attempt <Ago at={delivery.next_at} />
          </span>
        )}
        <button type="button" className="button" disabled={busy} onClick={() => void again()}>
          <Icon name="again" size={14} /> Redeliver
        </button>
      </div>
      {delivery.attempts.length > 0 && (
        <ol className="delivery-log">
          {delivery.attempts.map((each) => (
            <li key={each.attempt}>
              <span className="muted">
                attempt {each.attempt}, <Ago at={each.at} />:
              </span>{" "}
              {outcome(each)}
              {each.answer && <code className="brief muted">{each.answer}</code>}
            </li>
          ))}
        </ol>
      )}
      {error !== null && <Failure error={error} />}
    </li>
  );
}

function outcome(attempt: DeliveryAttemptView): string {
  if (underWay(attempt)) return "under way, or lost with its server";
  return `${attempt.error ?? `HTTP ${attempt.status}`} ${attempt.seconds === null ? "" : `(${duration(attempt.seconds * 1000)})`}`;
}
