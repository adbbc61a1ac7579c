// Light, dark, or as the system has it. Kept in this browser only.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const KEY = "umbel.theme";
const listeners = new Set<() => void>();

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system"; // storage is switched off
  }
}

let theme = read();

/** Puts the theme on the page. */
export function setTheme(wanted: Theme): void {
  theme = wanted;
  if (wanted === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  try {
    localStorage.setItem(KEY, wanted);
  } catch {
    // It holds until the page is left.
  }
  for (const each of listeners) each();
}

if (theme !== "system") document.documentElement.dataset.theme = theme;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => theme);
}
