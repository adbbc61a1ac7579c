// What can be done with accounts and tokens.
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { call } from "../api/client.ts";
import type { Token, User } from "../api/generated.ts";
import { Copy, Dialog, Failure } from "../parts/basics.tsx";
import { MAY, SCOPES, type Scope } from "./scopes.ts";

const DAYS = [
  { days: 30, text: "in 30 days" },
  { days: 90, text: "in 90 days" },
  { days: 365, text: "in a year" },
  { days: 0, text: "never" },
];

/** A dialog with a form: it closes when what it asks for was done. */
function Ask({ title, verb, danger, stays, onClose, act, children }: { title: string; verb: string; danger?: boolean; stays?: boolean; onClose: () => void; act: (given: FormData) => Promise<unknown>; children: ReactNode }) {
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await act(new FormData(event.currentTarget));
      void queries.invalidateQueries({ queryKey: ["access"] });
      if (!stays) onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="payload-form" onSubmit={(event) => void submit(event)}>
        {children}
        {error !== null && <Failure error={error} />}
        <footer>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className={danger ? "button danger" : "button primary"} disabled={busy}>
            {verb}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function Choice({ chosen }: { chosen: Scope }) {
  return (
    <div className="field">
      <label htmlFor="access-scope">May</label>
      <select id="access-scope" name="scope" defaultValue={chosen}>
        {SCOPES.map((scope) => (
          <option key={scope} value={scope}>
            {MAY[scope]}
          </option>
        ))}
      </select>
    </div>
  );
}

function Password({ required, label }: { required: boolean; label: string }) {
  return (
    <div className="field">
      <label htmlFor="access-password">{label}</label>
      <input id="access-password" name="password" type="password" autoComplete="new-password" maxLength={1024} required={required} />
    </div>
  );
}

const text = (given: FormData, name: string) => String(given.get(name) ?? "");

export function AddUser({ onClose }: { onClose: () => void }) {
  return (
    <Ask
      title="Add a user"
      verb="Add"
      onClose={onClose}
      act={(given) => call("add_user", { body: { name: text(given, "name"), password: text(given, "password"), scope: text(given, "scope") as Scope } })}
    >
      <div className="field">
        <label htmlFor="access-name">Name</label>
        <input id="access-name" name="name" data-first autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={64} required />
      </div>
      <Password label="Password" required />
      <Choice chosen="run" />
    </Ask>
  );
}

export function ChangeUser({ user, onClose }: { user: User; onClose: () => void }) {
  return (
    <Ask
      title={`Change ${user.name}`}
      verb="Change"
      onClose={onClose}
      act={(given) => call("change_user", { path: { name: user.name }, body: { password: text(given, "password") || null, scope: text(given, "scope") as Scope } })}
    >
      <Choice chosen={user.scope} />
      <Password label="New password, if it shall change; it ends the user's sessions" required={false} />
    </Ask>
  );
}

export function RemoveUser({ user, onClose }: { user: User; onClose: () => void }) {
  return (
    <Ask title={`Remove ${user.name}`} verb="Remove" danger onClose={onClose} act={() => call("remove_user", { path: { name: user.name } })}>
      <p>The next request of {user.name} is refused. API tokens that {user.name} made stay; revoke them by themselves.</p>
    </Ask>
  );
}

export function RevokeToken({ token, onClose }: { token: Token; onClose: () => void }) {
  return (
    <Ask title={`Revoke ${token.name}`} verb="Revoke" danger onClose={onClose} act={() => call("revoke_token", { path: { token_id: token.id } })}>
      <p>The next request with it is refused. This cannot be taken back.</p>
    </Ask>
  );
}

export function CreateToken({ onClose, onMade }: { onClose: () => void; onMade?: (token: string) => void }) {
  const [made, setMade] = useState<string | null>(null);
  async function create(given: FormData) {
    const days = Number(given.get("days"));
    const answer = await call("create_token", {
      body: { name: text(given, "name"), scope: text(given, "scope") as Scope, expires_in_days: days || null },
    });
    setMade(answer.token);
    onMade?.(answer.token);
  }
  if (made !== null) {
    return (
      <Dialog title="Your new token" onClose={onClose}>
        <p>Copy it now: it is not shown again, and kept nowhere. Programs send it as UMBEL_TOKEN.</p>
        <p className="secret">
          <code data-token>{made}</code> <Copy text={made} label="Copy the token" />
        </p>
        <footer>
          <button type="button" className="button primary" data-first onClick={onClose}>
            I have it
          </button>
        </footer>
      </Dialog>
    );
  }
  return (
    <Ask title="Create a token" verb="Create" stays onClose={onClose} act={create}>
      <div className="field">
        <label htmlFor="access-name">What it is for</label>
        <input id="access-name" name="name" data-first autoComplete="off" autoCapitalize="none" spellCheck={false} pattern="[A-Za-z0-9_.\-]{1,64}" title="Letters, digits, _ . -" placeholder="ci" required />
      </div>
      <Choice chosen="run" />
      <div className="field">
        <label htmlFor="access-days">Ends</label>
        <select id="access-days" name="days" defaultValue="90">
          {DAYS.map((each) => (
            <option key={each.days} value={each.days}>
              {each.text}
            </option>
          ))}
        </select>
      </div>
    </Ask>
  );
}
