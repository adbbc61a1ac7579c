import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { request } from "../api/client.ts";
import type { Session } from "../api/generated.ts";
import { signed } from "../api/session.ts";
import { Failure, useTitle } from "../parts/basics.tsx";
import { Mark } from "../parts/Mark.tsx";

/** Asks who comes. The address stays what it was: afterwards the page that was wanted is there. */
export function Login() {
  useTitle("Sign in");
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      const session = await request<Session>("POST", "/api/v1/session", { name: given.get("name"), password: given.get("password") });
      queries.clear(); // what somebody else may have seen here
      signed.began(session);
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <main id="main" className="login">
      <form className="card payload-form" onSubmit={(event) => void signIn(event)}>
        <h1>
          <Mark /> Sign in to Umbel
        </h1>
        <div className="field">
          <label htmlFor="login-name">Name</label>
          <input id="login-name" name="name" autoComplete="username" autoCapitalize="none" spellCheck={false} maxLength={64} required autoFocus />
        </div>
        <div className="field">
          <label htmlFor="login-password">Password</label>
          <input id="login-password" name="password" type="password" autoComplete="current-password" maxLength={1024} required />
        </div>
        {error !== null && <Failure error={error} />}
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        <p className="muted">
          <code>umbel user add NAME</code> makes an account.
        </p>
      </form>
    </main>
  );
}
