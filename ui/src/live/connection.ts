// Whether the server can be reached: what the banner at the top of the page shows.

export interface Connection {
  lost: boolean;
  /** When contact came back, ms; 0 if it never was lost. */
  backAt: number;
}

type Listener = () => void;

/** Collects the word of every stream and request. A short failure is not shown: GRACE_MS. */
class Reach {
  #state: Connection = { lost: false, backAt: 0 };
  #broken = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<Listener>();
  #back = new Set<Listener>();

  static readonly GRACE_MS = 600;

  failed(who: string): void {
    this.#broken.add(who);
    if (this.#state.lost || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#broken.size) this.#set({ ...this.#state, lost: true });
    }, Reach.GRACE_MS);
  }

  works(who: string): void {
    this.#broken.delete(who);
    if (who !== "request") this.#broken.delete("request");
    if (this.#broken.size) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#state.lost) return;
    this.#set({ lost: false, backAt: Date.now() });
    for (const each of this.#back) each();
  }

  /** A stream that is no longer wanted says nothing about the server. */
  forget(who: string): void {
    if (this.#broken.delete(who) && !this.#broken.size && this.#state.lost) this.#set({ lost: false, backAt: 0 });
  }

  get = (): Connection => this.#state;

  subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Called whenever contact is back after it was lost. */
  onBack(listener: Listener): () => void {
    this.#back.add(listener);
    return () => this.#back.delete(listener);
  }

  #set(state: Connection): void {
    this.#state = state;
    for (const each of this.#listeners) each();
  }
}

export const connection = new Reach();
