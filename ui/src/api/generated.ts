// Written by `make docs-render` from the server's OpenAPI description. Do not edit.

/** One attempt in a diagnosis. */
export interface AttemptNote {
  task: string;
  attempt: number;
  outcome: "running" | "success" | "error" | "retrying" | "lost" | "skipped" | "fenced" | "canceled" | "expanded" | "asked";
  /** Seconds it ran. */
  ran: number | null;
  /** Seconds of pause after it. */
  wait: number | null;
  error: string | null;
}

/** One execution of a task by one worker. */
export interface AttemptView {
  /** Number of the attempt, from 1. */
  attempt: number;
  /** The run's when it began; attempts go on counting. */
  epoch: number;
  /** How it ended, or `running`. `expanded`: it left the task with its items, or with a run that it started; `asked`: with a person; until those have ended. */
  outcome: "running" | "success" | "error" | "retrying" | "lost" | "skipped" | "fenced" | "canceled" | "expanded" | "asked";
  /** Name of the worker. */
  worker: string | null;
  /** Process that ran the body. */
  pid: number | null;
  queued_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  error: ErrorView | null;
  /** Seconds of pause that followed before the next attempt. */
  countdown: number | null;
  /** When the next attempt was due. */
  due_at: string | null;
  /** What a fenced attempt said after it had lost its task. */
  late_outcome: string | null;
}

/** One definition that can be used, and its plan in brief. */
export interface CheckedDefinition {
  /** `project.NAME`. */
  name: string;
  description: string;
  /** JSON Schema of the payload. */
  schema: Record<string, unknown> | null;
  /** Payload values that a run takes where it gives none. */
  defaults: Record<string, unknown>;
  tasks: TaskDefinition[];
  /** Hash of its plan. */
  hash: string;
  /** Its picture, in the format that was asked for. */
  graph: string | null;
}

/** One task side by side. */
export interface ComparedTask {
  key: string;
  /** Null if the run's plan has no such task. */
  run: TaskSide | null;
  other: TaskSide | null;
  /** What differs; `result` if both succeeded with different ones. */
  differs: ("state" | "error" | "attempts" | "items" | "result")[];
}

/** A worker that had tasks of one of the runs. */
export interface ComparedWorker {
  name: string;
  host: string | null;
  /** Attempts of the run that it had. */
  attempts: number;
  other_attempts: number;
  /** Its Umbel, if it is still known; as it is now. */
  version: string | null;
  /** Of what it runs on; as they are now. */
  versions: Record<string, unknown>;
}

/** How a run differs from another one. What is sealed is *** in both, and not compared. */
export interface Comparison {
  run: Run;
  other: Run;
  /** One sentence. */
  verdict: string;
  /** Key of the first task, in the order of what needs what, that ended otherwise. */
  first_difference: string | null;
  /** How the payload became what it is. */
  payload: ValueChange[];
  /** Places that are not named, since there are too many. */
  payload_left_out: number;
  plan: PlanChange;
  /** All tasks of both, in the order of what needs what. */
  tasks: ComparedTask[];
  workers: ComparedWorker[];
}

/** What is right and what is wrong with a text of definitions. */
export interface DefinitionCheck {
  /** True if nothing keeps a definition from being used; there may be warnings. */
  ok: boolean;
  errors: number;
  warnings: number;
  /** All of them, by line. */
  problems: DefinitionProblem[];
  /** The definitions that can be used. */
  definitions: CheckedDefinition[];
}

/** Every definition of the project, by name. */
export interface DefinitionList {
  items: DefinitionView[];
  /** Everything that is wrong with the project's files. */
  problems: string[];
}

/** One mistake in a definition, or a warning about one. */
export interface DefinitionProblem {
  file: string;
  /** From 1; 0: the file as a whole. */
  line: number;
  /** From 1; 0: the file as a whole. */
  column: number;
  /** The column behind the offending text, if it is known. */
  end_column: number | null;
  /** An error keeps its definition from being used. */
  severity: "error" | "warning";
  /** Which mistake it is: a code of `docs/reference/problems.md`. */
  code: string;
  message: string;
  /** What to do about it, often the nearest valid name. */
  hint: string;
  /** `project.NAME` that it stands in. */
  definition: string | null;
  /** The offending line, and carets below the offending text. */
  excerpt: string;
}

/** The text of a definition as the project's file had it when it was read, and what is wrong with it. */
export interface DefinitionSource {
  file: string;
  /** Where `text` begins in the file, from 1. */
  line: number;
  text: string;
  /** By line; of the file, not of `text`. */
  problems: DefinitionProblem[];
}

/** One definition: what a run of it takes and does. */
export interface DefinitionView {
  /** `project.NAME`, as `start_run` wants it. */
  name: string;
  description: string;
  /** JSON Schema of the payload. */
  schema: Record<string, unknown> | null;
  /** Payload values that a run takes where it gives none. */
  defaults: Record<string, unknown>;
  tasks: TaskDefinition[];
  /** When it is started by itself. */
  schedule: ScheduleSpec | null;
  /** Hash of the plan: it changes when the tasks do. */
  hash: string | null;
  /** Why it cannot be started; empty if it can. */
  problems: string[];
  /** Its text, where one definition is asked for that stands in the project's file. */
  source: DefinitionSource | null;
}

/** What a webhook is told of the end of a run. */
export interface Delivery {
  /** The same in every attempt: the request's `webhook-id`. */
  id: string;
  run_id: string;
  /** The run's, whose end it tells of. */
  epoch: number;
  /** How it ended. */
  event: "success" | "failure" | "cancel";
  url: string;
  /** `failed`: given up, after about a day. */
  status: "pending" | "delivered" | "failed";
  created_at: string;
  /** When the next attempt is made. */
  next_at: string | null;
  /** When it was delivered or given up. */
  finished_at: string | null;
  attempts: DeliveryAttemptView[];
}

/** One request to a webhook. With neither `status` nor `error` it is under way, or its server died. */
export interface DeliveryAttemptView {
  /** Number of the attempt, from 1. */
  attempt: number;
  at: string;
  /** HTTP status of the answer. */
  status: number | null;
  /** How long it took. */
  seconds: number | null;
  /** Why it did not count as delivered. */
  error: string | null;
  /** The first 500 bytes of the answer: the other side's own words. */
  answer: string;
}

/** Deliveries, the newest first. */
export interface DeliveryList {
  items: Delivery[];
  /** Pass it as `cursor` for the next page; null on the last. */
  next_cursor: string | null;
}

/** Why a run failed, or why it waits. Computed, never guessed; at most 1500 bytes of JSON. */
export interface Diagnosis {
  run_id: string;
  state: RunState;
  /** One sentence. */
  verdict: string;
  root_cause: RootCause | null;
  /** Which tasks never ran, and why. */
  chain: string[];
  /** Attempts of the task in question. */
  attempts: AttemptNote[];
  waiting: WaitingNote[];
  suggested_actions: SuggestedAction[];
  /** Entries that did not fit. */
  left_out: number;
}

/** The JSON Schema of definition files, for editors. */
export interface EditorSchema {
}

/** Why an attempt or a task failed. */
export interface ErrorView {
  /** Class of the exception. */
  type: string | null;
  /** Text of the exception. */
  message: string;
  /** Traceback, as Python prints it. */
  traceback: string | null;
}

/** Something that happened to a run: the `data` of a server-sent event. */
export interface Event {
  /** Number of the event: within the run, or among all in the feed of all runs. */
  id: number;
  run_id: string;
  /** The engine's own word, such as `task.retrying`. */
  type: string;
  at: string;
  /** Key of the task. */
  task: string | null;
  attempt: number | null;
  /** State of the task (or of the run) after it. */
  state: string | null;
  /** Details; `released` and `blocked` list task keys. */
  data: Record<string, unknown>;
}

/** What a definition says of a task, in both plans; long texts are cut. */
export interface FieldChange {
  /** `needs`, `task`, or another field of a plan's task. */
  name: string;
  before: string | null;
  after: string | null;
}

/** One thing wrong with a request. */
export interface FieldProblem {
  /** JSON Pointer into the body, or `query`/`path`/`header` and a name. */
  pointer: string;
  detail: string;
}

/** One thing that is wrong, or worth knowing. */
export interface Finding {
  /** Name of what was found; it does not change. */
  id: string;
  severity: "danger" | "warning" | "note";
  /** What was seen. */
  what: string;
  /** Why that matters. */
  why: string;
  /** What to do. */
  fix: string;
  /** Where that is written. */
  source: string;
}

/** What was looked at, and what was found, the worst first. */
export interface Health {
  /** There is no danger. */
  ok: boolean;
  /** Of Umbel. */
  version: string;
  /** Part -> what it is, in a few words; its finding says what is wrong. */
  checked: Record<string, string>;
  findings: Finding[];
}

/** How the items of a map stand: how many there are, and how many of them in each state. */
export interface ItemCounts {
  total: number;
  states: Record<string, number>;
}

/** One line that a task wrote. */
export interface LogLine {
  /** Grows within a run. */
  id: number;
  /** Key of the task. */
  task: string;
  attempt: number;
  at: string;
  /** stdout, stderr, or the level of a log record. */
  stream: string;
  line: string;
}

/** Captured output in the order it arrived. */
export interface LogPage {
  items: LogLine[];
  /** Pass it as `after` for what follows; null if this is all so far. */
  next_after: number | null;
}

/** A token that was just made. */
export interface NewToken {
  id: string;
  name: string;
  /** What it may do: look; also start and stop; everything. */
  scope: "read" | "run" | "admin";
  created_at: string;
  /** Who made it. */
  created_by: string;
  /** When it ends; null for never. */
  expires_at: string | null;
  expired: boolean;
  /** When it was last used, within some minutes. */
  used_at: string | null;
  /** What clients send as `Authorization: Bearer`. It is not shown again. */
  token: string;
}

/** A picture of a definition or of a run. */
export interface Picture {
  format: "ascii" | "mermaid" | "svg" | "canvas";
  text: string;
}

/** How the plans differ: what the run's has and the other's has not, and the other way round. */
export interface PlanChange {
  same: boolean;
  /** Content hash of the run's plan. */
  hash: string;
  other_hash: string;
  /** Keys of tasks that only the run has. */
  added: string[];
  /** Keys of tasks that only the other one has. */
  removed: string[];
  changed: TaskChange[];
  /** What else differs: `deadline`, `engine`, `webhook`, `returns`. */
  settings: string[];
  /** Tasks that are not named here, since there are too many. */
  left_out: number;
}

/** What the editor of definitions may do and offer on this server. */
export interface Playground {
  /** Whether the server starts runs of definitions that it does not keep. */
  enabled: boolean;
  /** Names of tasks that the project or a live worker knows. */
  tasks: string[];
  /** Queues that live workers listen on. */
  queues: string[];
}

/** An error, by RFC 9457 (`application/problem+json`). */
export interface Problem {
  /** URI of the kind of problem. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** Path of the request. */
  instance: string | null;
  /** Umbel's code of the error, `UMB-nnn`. */
  code: string;
  /** What to do about it. */
  hint: string | null;
  errors: FieldProblem[];
  /** Of an error of the server: the request in its log. */
  request_id: string | null;
}

/** A run that goes on with a new epoch, or (`preview`) would: what runs again, and what keeps its result. */
export interface Retry {
  id: string;
  /** `project.NAME`. */
  definition: string;
  state: RunState;
  /** `state` in celery-director's five words. */
  status: "pending" | "progress" | "success" | "error" | "canceled";
  /** True when nothing of the run is alive any more. */
  settled: boolean;
  comment: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  updated_at: string;
  tasks_total: number;
  /** Tasks that ended by themselves. */
  tasks_done: number;
  /** Retries of all tasks so far. */
  retries: number;
  /** Key of the task whose error ended the run. */
  failed_task: string | null;
  /** In lists: how the payload begins, as JSON, 120 characters at most; secrets are ***. */
  payload_brief: string | null;
  /** That task's exception text. */
  error: string | null;
  /** Run that this one repeats. */
  relaunch_of: string | null;
  periodic: boolean;
  /** Nothing new of it begins until it is resumed. */
  paused: boolean;
  /** It was canceled, or took too long: nothing of it goes on. */
  stopped: boolean;
  /** It waits for other runs: its definition limits how many are live. */
  held: boolean;
  /** How often it was begun: raised by each retry. */
  epoch: number;
  /** When it is stopped if it has not ended. */
  deadline_at: string | null;
  /** Run whose task has started this one. */
  parent_run: string | null;
  /** Key of that task. */
  parent_task: string | null;
  preview: boolean;
  /** Tasks that run again. */
  would_run: RetryTask[];
  /** Keys of the tasks that stay as they are. */
  kept: string[];
  /** Keys of those that succeeded before: what they did outside is done a second time. */
  repeats: string[];
}

/** A task that runs again. */
export interface RetryTask {
  key: string;
  /** How it stands before. */
  state: TaskState;
  /** Attempts so far; they go on counting. */
  attempts: number;
  /** True if it (or an item of it) succeeded before: what it did is done again. */
  repeats: boolean;
  /** Of a map: items that run again, if the list is as long as it was. */
  items: number | null;
  /** Of a map: items that keep their results. */
  items_kept: number | null;
}

/** The first failure of a run. */
export interface RootCause {
  /** Run of the task, if it is one that this run has started. */
  run_id: string | null;
  task: string;
  attempt: number | null;
  /** Class of the exception. */
  type: string | null;
  message: string;
  /** `file:line` of the task's own code where it was raised. */
  file_line: string | null;
}

/** One execution of a definition. */
export interface Run {
  id: string;
  /** `project.NAME`. */
  definition: string;
  state: RunState;
  /** `state` in celery-director's five words. */
  status: "pending" | "progress" | "success" | "error" | "canceled";
  /** True when nothing of the run is alive any more. */
  settled: boolean;
  comment: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  updated_at: string;
  tasks_total: number;
  /** Tasks that ended by themselves. */
  tasks_done: number;
  /** Retries of all tasks so far. */
  retries: number;
  /** Key of the task whose error ended the run. */
  failed_task: string | null;
  /** In lists: how the payload begins, as JSON, 120 characters at most; secrets are ***. */
  payload_brief: string | null;
  /** That task's exception text. */
  error: string | null;
  /** Run that this one repeats. */
  relaunch_of: string | null;
  periodic: boolean;
  /** Nothing new of it begins until it is resumed. */
  paused: boolean;
  /** It was canceled, or took too long: nothing of it goes on. */
  stopped: boolean;
  /** It waits for other runs: its definition limits how many are live. */
  held: boolean;
  /** How often it was begun: raised by each retry. */
  epoch: number;
  /** When it is stopped if it has not ended. */
  deadline_at: string | null;
  /** Run whose task has started this one. */
  parent_run: string | null;
  /** Key of that task. */
  parent_task: string | null;
}

/** A run with its payload, its tasks and their attempts. */
export interface RunDetail {
  id: string;
  /** `project.NAME`. */
  definition: string;
  state: RunState;
  /** `state` in celery-director's five words. */
  status: "pending" | "progress" | "success" | "error" | "canceled";
  /** True when nothing of the run is alive any more. */
  settled: boolean;
  comment: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  updated_at: string;
  tasks_total: number;
  /** Tasks that ended by themselves. */
  tasks_done: number;
  /** Retries of all tasks so far. */
  retries: number;
  /** Key of the task whose error ended the run. */
  failed_task: string | null;
  /** In lists: how the payload begins, as JSON, 120 characters at most; secrets are ***. */
  payload_brief: string | null;
  /** That task's exception text. */
  error: string | null;
  /** Run that this one repeats. */
  relaunch_of: string | null;
  periodic: boolean;
  /** Nothing new of it begins until it is resumed. */
  paused: boolean;
  /** It was canceled, or took too long: nothing of it goes on. */
  stopped: boolean;
  /** It waits for other runs: its definition limits how many are live. */
  held: boolean;
  /** How often it was begun: raised by each retry. */
  epoch: number;
  /** When it is stopped if it has not ended. */
  deadline_at: string | null;
  /** Run whose task has started this one. */
  parent_run: string | null;
  /** Key of that task. */
  parent_task: string | null;
  payload: Record<string, unknown>;
  /** After success: result of the last task; a list in definition order if several end the run. */
  result: unknown;
  tasks: TaskView[];
  /** Number of the newest event in this picture: pass it as Last-Event-ID to go on from here. */
  last_event: number;
}

/** A page of runs, newest first. */
export interface RunList {
  items: Run[];
  /** Pass it as `cursor` for the next page; null on the last. */
  next_cursor: string | null;
}

/** Where a run stands. `settled` is a separate fact: nothing of the run is alive any more. */
export type RunState = "pending" | "running" | "success" | "error" | "canceled";

/** The schedules of all definitions that have one, by name. */
export interface ScheduleList {
  items: ScheduleView[];
}

/** When a definition is started by itself, and with what: by a crontab or by an interval. */
export interface ScheduleSpec {
  /** Minute, hour, day of month, month, day of week, by the clock of `timezone`. */
  crontab: string | null;
  /** Seconds; ticks are its multiples since 1970. */
  interval: number | null;
  /** IANA name of the time zone. */
  timezone: string;
  /** Which of the ticks are made up for that were due while no server was up. */
  catchup: "none" | "last" | "all";
  /** Whether a tick counts while a scheduled run of this definition is alive. */
  overlap: "allow" | "skip";
  /** Payload of the runs. */
  payload: Record<string, unknown>;
  /** The next five times; none while paused. */
  next: string[];
}

/** The schedule of a definition, and how it goes. */
export interface ScheduleView {
  /** Minute, hour, day of month, month, day of week, by the clock of `timezone`. */
  crontab: string | null;
  /** Seconds; ticks are its multiples since 1970. */
  interval: number | null;
  /** IANA name of the time zone. */
  timezone: string;
  /** Which of the ticks are made up for that were due while no server was up. */
  catchup: "none" | "last" | "all";
  /** Whether a tick counts while a scheduled run of this definition is alive. */
  overlap: "allow" | "skip";
  /** Payload of the runs. */
  payload: Record<string, unknown>;
  /** The next five times; none while paused. */
  next: string[];
  /** `project.NAME`. */
  definition: string;
  paused: boolean;
  /** The newest tick that started a run. */
  last_at: string | null;
  /** Id of that run. */
  last_run: string | null;
  /** The newest tick that started none. */
  skipped_at: string | null;
  /** `overlap`: a run was still alive; `limit`: too many were; `missed`: no server was up. */
  skipped_why: string | null;
}

/** Who is signed in. */
export interface Session {
  /** Whether the server asks for credentials at all. */
  auth: "none" | "basic";
  /** Whose credentials came; null if the server asks for none. */
  name: string | null;
  scope: "read" | "run" | "admin";
  /** What requests with the session's cookie must bring as `X-CSRF-Token` to change things. */
  csrf: string | null;
  /** When the session ends. */
  expires_at: string | null;
}

/** What to do next: an operation by name, with its arguments. */
export interface SuggestedAction {
  tool: string;
  arguments: Record<string, unknown>;
  why: string;
}

/** A task that two plans have, but not alike. */
export interface TaskChange {
  key: string;
  fields: FieldChange[];
}

/** One task of a definition. */
export interface TaskDefinition {
  key: string;
  task: string;
  needs: string[];
  queue: string;
}

/** Tasks of a run in the order of their index. */
export interface TaskList {
  items: TaskView[];
  /** Pass it as `cursor` for the next page; null on the last. */
  next_cursor: string | null;
}

/** A task in one of the runs. */
export interface TaskSide {
  state: TaskState;
  attempts: number;
  /** Seconds from its first start to its end. */
  duration: number | null;
  /** Seconds that its attempts waited for a worker, in all. */
  queue_wait: number | null;
  /** Worker of the last attempt. */
  worker: string | null;
  /** Of a map: how many items. */
  items: number | null;
  /** First line of its error. */
  error: string | null;
}

/** Where one task of a run stands. */
export type TaskState = "waiting" | "queued" | "scheduled" | "running" | "expanded" | "awaiting_input" | "retrying" | "success" | "error" | "skipped" | "canceled" | "upstream_failed";

/** One task of a run. The items of a map are tasks too: `list_tasks` shows them. */
export interface TaskView {
  /** Stable id of the task (the one that `/api/workflows` shows). */
  id: string;
  /** Its name within the run: unique, and what other tasks `need`. */
  key: string;
  /** Its place in the definition, from 0. */
  index: number;
  /** Name of the Celery task. */
  task: string;
  /** `item`: one of those that a `map` task is made of. */
  kind: "task" | "map" | "item" | "workflow" | "approval";
  /** Of an item: key of its map. */
  parent: string | null;
  /** Of a `workflow` task: id of the run that it started. */
  run: string | null;
  /** Of a `map` task that has been expanded. */
  items: ItemCounts | null;
  /** Set for a hook, which runs after the run's end. */
  hook: "success" | "failure" | null;
  state: TaskState;
  /** `state` in celery-director's five words. */
  status: "pending" | "progress" | "success" | "error" | "canceled";
  /** Keys of the tasks it waits for. */
  needs: string[];
  /** Queue it is sent to. */
  queue: string;
  queued_at: string | null;
  /** Start of the first attempt. */
  started_at: string | null;
  finished_at: string | null;
  /** When the next attempt is due, while `retrying` or `scheduled`; until when somebody may decide, while `awaiting_input`. */
  due_at: string | null;
  /** Why it has not ended, in one sentence; only `get_task` says it. */
  why: string | null;
  /** What the task returned; null before success. */
  result: unknown;
  error: ErrorView | null;
  attempts: AttemptView[];
}

/** An API token. The token itself is not kept, and shown only once. */
export interface Token {
  id: string;
  name: string;
  /** What it may do: look; also start and stop; everything. */
  scope: "read" | "run" | "admin";
  created_at: string;
  /** Who made it. */
  created_by: string;
  /** When it ends; null for never. */
  expires_at: string | null;
  expired: boolean;
  /** When it was last used, within some minutes. */
  used_at: string | null;
}

/** The tokens by name. */
export interface TokenList {
  items: Token[];
}

/** An account. */
export interface User {
  name: string;
  /** What it may do: look; also start and stop; everything. */
  scope: "read" | "run" | "admin";
  created_at: string;
}

/** The accounts by name. */
export interface UserList {
  items: User[];
}

/** One place of a payload at which two runs differ. */
export interface ValueChange {
  /** Where: a JSON pointer. */
  pointer: string;
  /** What the run did to the other one's payload. */
  kind: "added" | "removed" | "changed";
  /** The other's value as JSON, cut if it is long. */
  before: string | null;
  /** The run's value. */
  after: string | null;
}

/** A task that has not ended, and why. */
export interface WaitingNote {
  task: string;
  reason: string;
}

/** The workers that are alive or were lately. */
export interface WorkerList {
  items: WorkerView[];
}

/** A worker, by its own last words. */
export interface WorkerView {
  name: string;
  alive: boolean;
  last_seen: string;
  queues: string[];
  pid: number | null;
  host: string | null;
  pool: string | null;
  concurrency: number | null;
  /** Attempts it runs now. */
  running: number;
  /** Names of the tasks it knows, the first 500 of them. */
  tasks: string[];
  /** How many tasks it knows. */
  tasks_total: number | null;
  /** Celery's rate limits of tasks, such as `10/m`. */
  rates: Record<string, string>;
  /** Its broker, without the password. */
  broker: string | null;
  /** Since when it has no connection to the broker. */
  broker_lost_at: string | null;
  /** Its version of Umbel. */
  version: string | null;
  /** Of Python, celery, kombu and redis. */
  versions: Record<string, string>;
  /** Settings in which it must agree with the server. */
  settings: Record<string, unknown>;
}

export interface Operations {
  list_definitions: { answer: DefinitionList };
  get_definition_schema: { answer: EditorSchema };
  get_definition: { path: { "name": string }; answer: DefinitionView };
  define_canvas: { path: { "name": string }; body: { canvas: Record<string, unknown>; }; answer: DefinitionView };
  check_definitions: { body: { text: string; file?: string; graph?: "ascii" | "mermaid" | "svg" | "canvas" | null; }; answer: DefinitionCheck };
  get_definition_graph: { path: { "name": string }; query: { "format"?: "ascii" | "mermaid" | "svg" | "canvas" }; answer: Picture };
  get_playground: { answer: Playground };
  try_definition: { body: { text: string; definition?: string | null; payload?: Record<string, unknown>; comment?: string | null; }; answer: RunDetail };
  start_run: { query: { "wait"?: number | null }; header: { "Idempotency-Key"?: string | null }; body: { definition?: string | null; canvas?: Record<string, unknown> | null; name?: string | null; payload?: Record<string, unknown>; comment?: string | null; }; answer: RunDetail };
  wait_for_run: { path: { "run_id": string }; query: { "timeout"?: number }; answer: RunDetail };
  diagnose_run: { path: { "run_id": string }; answer: Diagnosis };
  list_runs: { query: { "status"?: RunState[] | null; "definition"?: string | null; "since"?: string | null; "until"?: string | null; "q"?: string | null; "cursor"?: string | null; "limit"?: number }; answer: RunList };
  get_run: { path: { "run_id": string }; answer: RunDetail };
  compare_runs: { path: { "run_id": string; "other": string }; answer: Comparison };
  get_run_graph: { path: { "run_id": string }; query: { "format"?: "ascii" | "mermaid" | "svg" | "canvas" }; answer: Picture };
  list_tasks: { path: { "run_id": string }; query: { "parent"?: string | null; "cursor"?: string | null; "limit"?: number }; answer: TaskList };
  get_task: { path: { "run_id": string; "key": string }; answer: TaskView };
  get_logs: { path: { "run_id": string }; query: { "attempt"?: number | null; "after"?: number; "limit"?: number }; answer: LogPage };
  get_task_logs: { path: { "run_id": string; "key": string }; query: { "attempt"?: number | null; "after"?: number; "limit"?: number }; answer: LogPage };
  cancel_run: { path: { "run_id": string }; answer: Run };
  relaunch_run: { path: { "run_id": string }; body: { payload?: Record<string, unknown> | null; comment?: string | null; }; answer: Run };
  retry_run: { path: { "run_id": string }; query: { "preview"?: boolean }; body: { tasks?: string[] | null; }; answer: Retry };
  pause_run: { path: { "run_id": string }; answer: Run };
  resume_run: { path: { "run_id": string }; answer: Run };
  approve_task: { path: { "run_id": string; "key": string }; body: { comment?: string | null; }; answer: Run };
  reject_task: { path: { "run_id": string; "key": string }; body: { comment?: string | null; }; answer: Run };
  list_schedules: { answer: ScheduleList };
  pause_schedule: { path: { "definition": string }; answer: ScheduleView };
  resume_schedule: { path: { "definition": string }; answer: ScheduleView };
  list_workers: { answer: WorkerList };
  get_health: { answer: Health };
  get_run_deliveries: { path: { "run_id": string }; answer: DeliveryList };
  list_deliveries: { query: { "status"?: "pending" | "delivered" | "failed" | null; "cursor"?: string | null; "limit"?: number }; answer: DeliveryList };
  redeliver: { path: { "run_id": string; "delivery": string }; answer: Delivery };
  list_users: { answer: UserList };
  add_user: { body: { name: string; password: string; scope: "read" | "run" | "admin"; }; answer: User };
  change_user: { path: { "name": string }; body: { password?: string | null; scope?: "read" | "run" | "admin" | null; }; answer: User };
  remove_user: { path: { "name": string }; answer: User };
  list_tokens: { answer: TokenList };
  create_token: { body: { name: string; scope: "read" | "run" | "admin"; expires_in_days?: number | null; }; answer: NewToken };
  revoke_token: { path: { "token_id": string }; answer: Token };
}

export const ROUTES: Record<keyof Operations, { method: string; path: string }> = {
  list_definitions: { method: "GET", path: "/api/v1/definitions" },
  get_definition_schema: { method: "GET", path: "/api/v1/definitions/schema" },
  get_definition: { method: "GET", path: "/api/v1/definitions/{name}" },
  define_canvas: { method: "PUT", path: "/api/v1/definitions/{name}" },
  check_definitions: { method: "POST", path: "/api/v1/definitions/check" },
  get_definition_graph: { method: "GET", path: "/api/v1/definitions/{name}/graph" },
  get_playground: { method: "GET", path: "/api/v1/playground" },
  try_definition: { method: "POST", path: "/api/v1/playground/runs" },
  start_run: { method: "POST", path: "/api/v1/runs" },
  wait_for_run: { method: "GET", path: "/api/v1/runs/{run_id}/wait" },
  diagnose_run: { method: "GET", path: "/api/v1/runs/{run_id}/diagnosis" },
  list_runs: { method: "GET", path: "/api/v1/runs" },
  get_run: { method: "GET", path: "/api/v1/runs/{run_id}" },
  compare_runs: { method: "GET", path: "/api/v1/runs/{run_id}/compare/{other}" },
  get_run_graph: { method: "GET", path: "/api/v1/runs/{run_id}/graph" },
  list_tasks: { method: "GET", path: "/api/v1/runs/{run_id}/tasks" },
  get_task: { method: "GET", path: "/api/v1/runs/{run_id}/tasks/{key}" },
  get_logs: { method: "GET", path: "/api/v1/runs/{run_id}/logs" },
  get_task_logs: { method: "GET", path: "/api/v1/runs/{run_id}/tasks/{key}/logs" },
  cancel_run: { method: "POST", path: "/api/v1/runs/{run_id}/cancel" },
  relaunch_run: { method: "POST", path: "/api/v1/runs/{run_id}/relaunch" },
  retry_run: { method: "POST", path: "/api/v1/runs/{run_id}/retry" },
  pause_run: { method: "POST", path: "/api/v1/runs/{run_id}/pause" },
  resume_run: { method: "POST", path: "/api/v1/runs/{run_id}/resume" },
  approve_task: { method: "POST", path: "/api/v1/runs/{run_id}/tasks/{key}/approve" },
  reject_task: { method: "POST", path: "/api/v1/runs/{run_id}/tasks/{key}/reject" },
  list_schedules: { method: "GET", path: "/api/v1/schedules" },
  pause_schedule: { method: "POST", path: "/api/v1/schedules/{definition}/pause" },
  resume_schedule: { method: "POST", path: "/api/v1/schedules/{definition}/resume" },
  list_workers: { method: "GET", path: "/api/v1/workers" },
  get_health: { method: "GET", path: "/api/v1/health" },
  get_run_deliveries: { method: "GET", path: "/api/v1/runs/{run_id}/deliveries" },
  list_deliveries: { method: "GET", path: "/api/v1/deliveries" },
  redeliver: { method: "POST", path: "/api/v1/runs/{run_id}/deliveries/{delivery}/redeliver" },
  list_users: { method: "GET", path: "/api/v1/users" },
  add_user: { method: "POST", path: "/api/v1/users" },
  change_user: { method: "POST", path: "/api/v1/users/{name}" },
  remove_user: { method: "DELETE", path: "/api/v1/users/{name}" },
  list_tokens: { method: "GET", path: "/api/v1/tokens" },
  create_token: { method: "POST", path: "/api/v1/tokens" },
  revoke_token: { method: "DELETE", path: "/api/v1/tokens/{token_id}" },
};
