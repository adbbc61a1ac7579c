// How each state looks and what it is called: always an icon and a word, never a colour alone.
import type { AttemptView, RunState, TaskState } from "../api/generated.ts";

export type Tone = "idle" | "queued" | "running" | "retrying" | "ok" | "bad" | "input" | "off" | "blocked";
export type Shape =
  | "dots" | "hourglass" | "clock" | "arc" | "stack" | "person" | "again" | "check" | "cross" | "skip" | "slash" | "chain"
  | "bolt" | "shield" | "pause";

export interface Look {
  word: string;
  tone: Tone;
  shape: Shape;
}

const LOOKS: Record<TaskState | RunState | AttemptView["outcome"] | "paused" | "alive" | "held" | "delivered" | "failed" | "unhealthy" | "busy" | "working" | "idle" | "done", Look> = {
  waiting: { word: "waiting", tone: "idle", shape: "dots" },
  pending: { word: "pending", tone: "queued", shape: "hourglass" },
  queued: { word: "queued", tone: "queued", shape: "hourglass" },
  scheduled: { word: "scheduled", tone: "queued", shape: "clock" },
  running: { word: "running", tone: "running", shape: "arc" },
  expanded: { word: "expanded", tone: "running", shape: "stack" },
  awaiting_input: { word: "awaiting input", tone: "input", shape: "person" },
  retrying: { word: "retrying", tone: "retrying", shape: "again" },
  success: { word: "success", tone: "ok", shape: "check" },
  error: { word: "error", tone: "bad", shape: "cross" },
  skipped: { word: "skipped", tone: "off", shape: "skip" },
  canceled: { word: "canceled", tone: "off", shape: "slash" },
  upstream_failed: { word: "upstream failed", tone: "blocked", shape: "chain" },
  lost: { word: "lost", tone: "bad", shape: "bolt" },
  fenced: { word: "fenced", tone: "off", shape: "shield" },
  asked: { word: "asked a person", tone: "input", shape: "person" },
  held: { word: "held", tone: "queued", shape: "pause" },
  alive: { word: "alive", tone: "ok", shape: "check" },
  delivered: { word: "delivered", tone: "ok", shape: "check" },
  failed: { word: "failed", tone: "bad", shape: "cross" },
  unhealthy: { word: "unhealthy", tone: "bad", shape: "cross" },
  busy: { word: "busy", tone: "retrying", shape: "hourglass" },
  working: { word: "working", tone: "running", shape: "arc" },
  done: { word: "done", tone: "ok", shape: "check" },
  idle: { word: "idle", tone: "ok", shape: "check" },
  paused: { word: "paused", tone: "input", shape: "pause" },
};

/** The look of a state; a word that this page does not know yet is shown as it is. */
export function look(state: string): Look {
  return (LOOKS as Record<string, Look>)[state] ?? { word: state.replaceAll("_", " "), tone: "idle", shape: "dots" };
}

export const RUN_STATES: readonly RunState[] = ["pending", "running", "success", "error", "canceled"];
