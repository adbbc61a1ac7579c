import type { Session } from "../api/generated.ts";

export type Scope = Session["scope"];

export const SCOPES: readonly Scope[] = ["read", "run", "admin"];

/** What a scope allows, in words. */
export const MAY: Record<Scope, string> = {
  read: "look at everything (read)",
  run: "look, start, stop and decide (run)",
  admin: "do everything (admin)",
};
