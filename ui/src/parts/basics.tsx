// The small parts that every page uses.
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { ApiError, sentence } from "../api/client.ts";
import { Icon, type IconName } from "./Icon.tsx";

/** What to see, and what to do next, where there is nothing to show; `page` if that is all there is. */
export function Empty({ title, page, children }: { title: string; page?: boolean; children?: ReactNode }) {
  return (
    <div className="empty">
      {page ? <h1>{title}</h1> : <h2>{title}</h2>}
      <div>{children}</div>
    </div>
  );
}

/** An error of the server, with what it says to do. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const details = error instanceof ApiError ? error.errors : [];
  return (
    <div className="failure" role="alert">
      <strong>{sentence(error)}</strong>
      {details.length > 0 && (
        <ul>
          {details.map((each) => (
            <li key={`${each.pointer} ${each.detail}`}>
              <code>{each.pointer}</code> {each.detail}
            </li>
          ))}
        </ul>
      )}
      {error instanceof ApiError && error.hint && <p>{error.hint}</p>}
      {again && (
        <button type="button" className="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Takes the place of what is being fetched; it says nothing in the first moment. */
export function Loading({ lines = 3 }: { lines?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

/**
 * Whether what belongs above the rest of a page has come, or has been waited for long enough: what is below it need not
 * move then. Once true, it stays so.
 */
export function useArrived(there: boolean, patience = 800): boolean {
  const [arrived, setArrived] = useState(there);
  if (there && !arrived) setArrived(true);
  useEffect(() => {
    const timer = setTimeout(() => setArrived(true), patience);
    return () => clearTimeout(timer);
  }, [patience]);
  return arrived || there;
}

/** Copies a text, and says so. */
export function Copy({ text, label }: { text: string | (() => string); label: string }) {
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  async function copy() {
    await navigator.clipboard.writeText(typeof text === "string" ? text : text());
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 1500);
  }
  return (
    <button type="button" className="icon-button" onClick={() => void copy()} aria-label={label} title={label}>
      {done ? <span className="copied">copied</span> : <Icon name="copy" />}
    </button>
  );
}

/** Hands a text to the browser as a file. */
export function download(name: string, text: string, type = "application/json"): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

export function Download({ name, text, label, type }: { name: string; text: () => string; label: string; type?: string }) {
  return (
    <button type="button" className="icon-button" onClick={() => download(name, text(), type)} aria-label={label} title={label}>
      <Icon name="download" />
    </button>
  );
}

/** A dialog over the page: the browser's own, with focus kept inside and Escape to close. */
export function Dialog({ title, onClose, children, wide }: { title: string; onClose: () => void; children: ReactNode; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog || dialog.open) return;
    dialog.showModal();
    dialog.querySelector<HTMLElement>("[data-first]")?.focus();
  }, []);
  return (
    <dialog
      ref={ref}
      className={wide ? "dialog wide" : "dialog"}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === ref.current) ref.current.close();
      }}
    >
      <div className="dialog-inside">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={() => ref.current?.close()}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** Tabs of one place: arrow keys move, the chosen one is in the address by the caller's doing. */
export function Tabs<T extends string>({ label, tabs, chosen, choose }: { label: string; tabs: readonly { id: T; text: ReactNode; icon?: IconName }[]; chosen: T; choose: (id: T) => void }) {
  const bar = useRef<HTMLDivElement>(null);
  function move(step: number) {
    const place = tabs.findIndex((each) => each.id === chosen);
    const next = tabs[(place + step + tabs.length) % tabs.length];
    if (!next) return;
    choose(next.id);
    bar.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  }
  return (
    <div
      className="tabs"
      role="tablist"
      aria-label={label}
      ref={bar}
      onKeyDown={(event) => {
        if (event.key === "ArrowRight") move(1);
        else if (event.key === "ArrowLeft") move(-1);
        else return;
        event.preventDefault();
      }}
    >
      {tabs.map((tab) => (
        <button
          type="button"
          key={tab.id}
          role="tab"
          data-tab={tab.id}
          aria-selected={tab.id === chosen}
          tabIndex={tab.id === chosen ? 0 : -1}
          onClick={() => choose(tab.id)}
        >
          {tab.text}
        </button>
      ))}
    </div>
  );
}

/** The document's title while a page is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Umbel` : "Umbel";
  }, [title]);
}
