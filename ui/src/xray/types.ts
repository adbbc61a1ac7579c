// The X-ray of a run as the server answers it: umbel/service/models/trace.py.
export type Lane = "producer" | "broker" | "worker" | "state" | "model";
export type TraceKind = "published" | "delivered" | "acknowledged" | "rejected" | "command" | "event" | "call";

export interface TraceField {
  path: string;
  value: unknown;
  means: string;
  /** Where that is said. */
  source: string;
}

export interface TraceMessage {
  id: string;
  name: string;
  queue: string;
  bytes: number;
  body_bytes: number;
  headers: Record<string, unknown>;
  properties: Record<string, unknown>;
  body: unknown;
  raw: string;
  fields: TraceField[];
  /** Number of the step that published it and has it whole; this one then leaves out headers, body, raw and fields. */
  published: number | null;
}

export interface TraceCommand {
  name: string;
  args: string[];
  db: number;
  client: string;
  script: string | null;
  means: string;
}

export interface KeyChange {
  key: string;
  type: "string" | "hash" | "list" | "set" | "zset" | "stream" | "none";
  value: unknown;
  whose: string;
}

export interface TraceRecord {
  n: number;
  at: string;
  us: number;
  kind: TraceKind;
  source: Lane;
  target: Lane;
  who: string;
  task: string | null;
  attempt: number | null;
  says: string;
  phase: string;
  message: TraceMessage | null;
  command: TraceCommand | null;
  keys: KeyChange[];
  event: Record<string, unknown> | null;
  call: Record<string, unknown> | null;
}

export interface Trace {
  run_id: string;
  definition: string;
  engine: "relay" | "canvas" | "celery";
  recording: "off" | "messages" | "commands";
  status: string;
  records: TraceRecord[];
  total: number;
  left_out: number;
  hint: string | null;
}
