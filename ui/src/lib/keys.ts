// Keyboard shortcuts: one listener, one list, from which the help is made.
import { useEffect, useEffectEvent } from "react";

export interface Shortcut {
  keys: string;
  does: string;
  run: () => void;
}

const active = new Set<readonly Shortcut[]>();
let before = "";
let beforeAt = 0;

function writing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  const modified = event.metaKey || event.ctrlKey;
  if (!modified && (writing(event.composedPath()[0] ?? null) || document.querySelector("dialog[open]"))) return;
  // The space bar presses what has the focus.
  if (event.key === " " && event.target instanceof Element && event.target.closest("button, a, summary")) return;
  const key = modified ? `mod+${event.key.toLowerCase()}` : event.key;
  const pair = Date.now() - beforeAt < 900 ? `${before} ${key}` : "";
  before = key;
  beforeAt = Date.now();
  for (const list of [...active].reverse()) {
    for (const each of list) {
      if (each.keys === key || (pair && each.keys === pair)) {
        event.preventDefault();
        before = "";
        each.run();
        return;
      }
    }
  }
}

/** What is to be had right now, for the help. */
export function shortcuts(): Shortcut[] {
  return [...active].flat();
}

/** Shortcuts that work while the component is there: "r", "g r", "mod+k" (Ctrl or Command), "Escape". */
export function useShortcuts(list: readonly Shortcut[]): void {
  const run = useEffectEvent((keys: string) => list.find((each) => each.keys === keys)?.run());
  const names = list.map((each) => `${each.keys}\t${each.does}`).join("\n");
  useEffect(() => {
    if (!names) return;
    const mine = names.split("\n").map((line) => {
      const [keys = "", does = ""] = line.split("\t");
      return { keys, does, run: () => run(keys) };
    });
    if (!active.size) document.addEventListener("keydown", onKey);
    active.add(mine);
    return () => {
      active.delete(mine);
      if (!active.size) document.removeEventListener("keydown", onKey);
    };
  }, [names]);
}
