import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Token, User } from "../api/generated.ts";
import { tokensQuery, usersQuery } from "../api/queries.ts";
import { useSession } from "../api/session.ts";
import { Empty, Failure, Loading, useTitle } from "../parts/basics.tsx";
import { Icon } from "../parts/Icon.tsx";
import { Ago } from "../parts/Time.tsx";
import { AddUser, ChangeUser, CreateToken, RemoveUser, RevokeToken } from "./Dialogs.tsx";
import { MAY } from "./scopes.ts";

type Open = { what: "add" | "create" } | { what: "change" | "remove"; user: User } | { what: "revoke"; token: Token };

/** Accounts and API tokens; for who may do everything. */
export default function AccessPage() {
  useTitle("Users and tokens");
  const { session } = useSession();
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  if (session?.auth === "none") {
    return (
      <Empty page title="This server asks nobody for credentials">
        <p>Everyone who reaches it may do everything. With</p>
        <pre>UMBEL_AUTH=basic</pre>
        <p>it asks for an account or a token, and they can be managed here.</p>
      </Empty>
    );
  }
  if (session?.scope !== "admin") {
    return <Empty page title="Users and tokens are for administrators">Your account may {session ? MAY[session.scope] : "do nothing"}.</Empty>;
  }
  return (
    <div className="page access">
      <div className="page-head">
        <h1>Users and tokens</h1>
      </div>
      <Users open={setOpen} me={session.name} />
      <Tokens open={setOpen} />
      {open?.what === "add" && <AddUser onClose={close} />}
      {open?.what === "change" && <ChangeUser user={open.user} onClose={close} />}
      {open?.what === "remove" && <RemoveUser user={open.user} onClose={close} />}
      {open?.what === "create" && <CreateToken onClose={close} />}
      {open?.what === "revoke" && <RevokeToken token={open.token} onClose={close} />}
    </div>
  );
}

function Users({ open, me }: { open: (what: Open) => void; me: string | null }) {
  const { data, error, refetch } = useQuery(usersQuery());
  return (
    <section aria-labelledby="users">
      <div className="page-head">
        <h2 id="users">Users</h2>
        <button type="button" className="button" onClick={() => open({ what: "add" })}>
          <Icon name="plus" size={14} /> Add a user…
        </button>
      </div>
      {error && <Failure error={error} again={() => void refetch()} />}
      {!data && !error && <Loading lines={2} />}
      <ul className="plain">
        {data?.items.map((user) => (
          <li key={user.name} className="card entry">
            <div>
              <h3>
                {user.name} {user.name === me && <span className="tag">you</span>}
              </h3>
              <p className="muted">
                May {MAY[user.scope]}. Since <Ago at={user.created_at} />.
              </p>
            </div>
            <div className="actions">
              <button type="button" className="button" aria-label={`Change ${user.name}`} onClick={() => open({ what: "change", user })}>
                Change…
              </button>
              <button type="button" className="button danger" aria-label={`Remove ${user.name}`} disabled={user.name === me} onClick={() => open({ what: "remove", user })}>
                Remove…
              </button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Tokens({ open }: { open: (what: Open) => void }) {
  const { data, error, refetch } = useQuery(tokensQuery());
  return (
    <section aria-labelledby="tokens">
      <div className="page-head">
        <h2 id="tokens">API tokens</h2>
        <button type="button" className="button" onClick={() => open({ what: "create" })}>
          <Icon name="plus" size={14} /> Create a token…
        </button>
      </div>
      {error && <Failure error={error} again={() => void refetch()} />}
      {!data && !error && <Loading lines={2} />}
      {data?.items.length === 0 && <p className="muted">None yet. Programs send one as UMBEL_TOKEN, in place of a password.</p>}
      <ul className="plain">
        {data?.items.map((token) => (
          <li key={token.id} className="card entry">
            <div>
              <h3>
                {token.name} {token.expired && <span className="tag">expired</span>}
              </h3>
              <p className="muted">
                May {MAY[token.scope]}. Made by {token.created_by} <Ago at={token.created_at} />, {ends(token)}, {token.used_at ? <>last used <Ago at={token.used_at} /></> : "never used"}.{" "}
                <code>umbel_{token.id}_…</code>
              </p>
            </div>
            <div className="actions">
              <button type="button" className="button danger" aria-label={`Revoke ${token.name}`} onClick={() => open({ what: "revoke", token })}>
                Revoke…
              </button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function ends(token: Token) {
  if (!token.expires_at) return "does not end";
  return (
    <>
      {token.expired ? "ended" : "ends"} <Ago at={token.expires_at} />
    </>
  );
}
