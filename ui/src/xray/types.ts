// The X-ray of a run as the server answers it.
import type { TraceRecord } from "../api/generated.ts";

export type { KeyChange, Trace, TraceCommand, TraceField, TraceMessage, TraceRecord } from "../api/generated.ts";
export type Lane = TraceRecord["source"];
export type TraceKind = TraceRecord["kind"];
