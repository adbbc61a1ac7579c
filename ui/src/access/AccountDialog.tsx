import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { request } from "../api/client.ts";
import type { Session } from "../api/generated.ts";
import { signed } from "../api/session.ts";
import { Dialog, Failure } from "../parts/basics.tsx";
import { exact } from "../lib/time.ts";
import { MAY } from "./scopes.ts";

/** Who is signed in, and the way out. */
export function AccountDialog({ session, onClose }: { session: Session; onClose: () => void }) {
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  async function signOut() {
    try {
      await request("DELETE", "/api/v1/session");
      signed.lost();
      queries.clear();
    } catch (reason) {
      setError(reason);
    }
  }
  return (
    <Dialog title={`Signed in as ${session.name ?? "nobody"}`} onClose={onClose}>
      <dl className="facts">
        <div>
          <dt>May</dt>
          <dd>{MAY[session.scope]}</dd>
        </div>
        {session.expires_at && (
          <div>
            <dt>Until</dt>
            <dd>{exact(Date.parse(session.expires_at)).replace(/\.\d+ /, " ")}</dd>
          </div>
        )}
      </dl>
      {error !== null && <Failure error={error} />}
      <footer>
        {session.scope === "admin" && (
          <Link href="/settings" className="button" onClick={onClose}>
            Users and tokens
          </Link>
        )}
        {session.csrf !== null && (
          <button type="button" className="button primary" onClick={() => void signOut()}>
            Sign out
          </button>
        )}
      </footer>
    </Dialog>
  );
}
