// Who is signed in, and what requests of a session must bring along.
import { useSyncExternalStore } from "react";
import type { Session } from "./generated.ts";
import { connection } from "../live/connection.ts";

const PATH = "/api/v1/session";

export interface Known {
  /** `asking`: the server has not said yet; `out`: it wants to know who comes. */
  state: "asking" | "in" | "out";
  /** Null while the server has not said, or does not answer. */
  session: Session | null;
}

type Listener = () => void;

class Signed {
  #known: Known = { state: "asking", session: null };
  #listeners = new Set<Listener>();
  #checking = false;

  get = (): Known => this.#known;

  subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What changes must bring as X-CSRF-Token; the header itself says that a page's script asks. */
  get csrf(): string {
    return this.#known.session?.csrf ?? "";
  }

  /** Asks the server who this is. Without an answer the pages show what they can, which says so by itself. */
  async check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      const answer = await fetch(PATH, { headers: { Accept: "application/json", "X-CSRF-Token": "" } });
      if (answer.ok) this.#set({ state: "in", session: (await answer.json()) as Session });
      else if (answer.status === 401) this.lost();
      else if (this.#known.state === "asking") this.#set({ state: "in", session: null });
    } catch {
      if (this.#known.state === "asking") this.#set({ state: "in", session: null });
    } finally {
      this.#checking = false;
    }
  }

  began(session: Session): void {
    this.#set({ state: "in", session });
  }

  /** The server no longer knows who this is. */
  lost(): void {
    if (this.#known.state !== "out") this.#set({ state: "out", session: null });
  }

  #set(known: Known): void {
    this.#known = known;
    for (const each of this.#listeners) each();
  }
}

export const signed = new Signed();
connection.onBack(() => void signed.check());

export function useSession(): Known {
  return useSyncExternalStore(signed.subscribe, signed.get);
}
