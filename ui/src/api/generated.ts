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

/** What Celery makes of a part of a canvas by itself. */
export interface CanvasChange {
  text: string;
  /** Where the part stands, from 1; 0: the canvas as a whole. */
  line: number;
  column: number;
}

/** A Celery canvas, explained. */
export interface CanvasExplanation {
  /** The form that Celery sends, after what it changes by itself, as Python. */
  sent: string;
  /** What Celery changes by itself. */
  changes: CanvasChange[];
  /** What the installed Celery publishes first: before any task has run. */
  messages: CanvasMessage[];
  /** Why there are no messages, if Celery was not asked or refused. */
  unsent: string;
  /** What is to be known about it. */
  hazards: CanvasHazard[];
  /** The definition whose plan is the same. */
  yaml: string | null;
  /** Why there is none. */
  no_yaml: string;
}

/** What is to be known about a canvas before one relies on it. */
export interface CanvasHazard {
  /** Which finding it is, as one word. */
  code: string;
  title: string;
  text: string;
  /** Who says so: Celery's source or guide, or a measurement. */
  source: string;
  /** Where the part stands, from 1; 0: the canvas as a whole. */
  line: number;
  column: number;
}

/** Messages that Celery sends when a canvas is started, those that are alike as one. */
export interface CanvasMessage {
  task: string;
  /** How many of them. */
  count: number;
  /** Bytes of the largest, as Redis would hold it, about. */
  bytes: number;
  /** The later steps that it carries; at most 20 are named. */
  chain: string[];
  /** The chord's body that it carries. */
  chord: string | null;
  /** Signatures in all that it carries. */
  carried: number;
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

/** A sentence of the lesson, held against the learner's own run. */
export interface Claim {
  /** As in the links `#claim:NAME` of the text. */
  name: string;
  step: string;
  /** Null: not known, since the step has not been run or was not recorded. */
  holds: boolean | null;
  /** Number of the first record of the step's X-ray that it speaks of, if it does. */
  at: number | null;
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
  /** If the text is a canvas that can be run. */
  canvas: CanvasExplanation | null;
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
  /** It came by `define_canvas`, not by the project's files, and can be removed. */
  kept: boolean;
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

/** Events of a run in the order in which they happened. */
export interface EventPage {
  items: Event[];
  /** Pass it as `after` for what follows; null if this is all so far. */
  next_after: number | null;
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

/** What a command did to one key: the value behind it, replayed from the commands that were recorded. */
export interface KeyChange {
  key: string;
  type: "string" | "hash" | "list" | "set" | "zset" | "stream" | "none";
  /** Its value afterwards, null if it is gone; long ones are cut. */
  value: unknown;
  /** What the key is: `chord results`, `unacknowledged messages`, `run`. */
  whose: string;
}

/** An attempt that runs in a process. */
export interface LabAttempt {
  run_id: string;
  /** Key of the task. */
  task: string;
  attempt: number;
}

/** Something that the lab does. */
export interface LabChoice {
  act: "kill-child" | "kill-worker" | "freeze-child" | "freeze-worker" | "thaw" | "pause-broker" | "drop-message" | "duplicate-message" | "trouble-model" | "restart-server";
  title: string;
  /** What happens then, by the settings of this stack. */
  next: string;
  /** Whether there is something to do it to now. */
  possible: boolean;
  why_not: string | null;
}

/** Something that the lab has done. */
export interface LabDone {
  id: string;
  act: "kill-child" | "kill-worker" | "freeze-child" | "freeze-worker" | "thaw" | "pause-broker" | "drop-message" | "duplicate-message" | "trouble-model" | "restart-server";
  at: string;
  /** When it ends by itself. */
  until: string | null;
  /** What was done, in a sentence. */
  did: string;
  /** What happens then. */
  next: string;
  /** The run that it hit, as far as one is known. */
  run_id: string | null;
  /** Key of the task that it hit. */
  task: string | null;
  /** Processes that it hit. */
  pids: number[];
}

/** A process that the stack has started, or a pool process of its worker. */
export interface LabProcess {
  /** The part of the stack: server, worker, valkey, model. */
  part: string;
  /** The part's own process; false for a pool process of the worker. */
  main: boolean;
  pid: number;
  /** Whether it stands still (SIGSTOP). */
  frozen: boolean;
  /** What it runs now, as far as the state store answers. */
  runs: LabAttempt[];
}

/** The failure lab as it stands. */
export interface LabView {
  /** Whether this server has one: `umbel demo` does. */
  enabled: boolean;
  /** If not: why. */
  why_not: string | null;
  choices: LabChoice[];
  /** All that it would ever touch. */
  processes: LabProcess[];
  /** What was done lately, newest first. */
  done: LabDone[];
}

/** A lesson in the list. */
export interface LessonBrief {
  /** Its name in addresses: `04-chord`. */
  slug: string;
  number: number;
  title: string;
  /** About how long it takes. */
  minutes: number;
  /** The question that it begins with, in Markdown. */
  asks: string;
  /** Who sequences in its steps. */
  engines: ("relay" | "canvas" | "celery")[];
  /** Languages that it is told in. */
  languages: ("en" | "zh")[];
}

/** Whether the learner's answers and runs are right. */
export interface LessonCheck {
  lesson: string;
  /** Whether all questions are answered, and rightly. */
  passed: boolean;
  verdicts: Verdict[];
  claims: Claim[];
  /** What happened, with the names and figures of the learner's own runs. */
  happened: string;
}

/** All lessons in their order. */
export interface LessonList {
  /** The language that this is in; English where there is no other text yet. */
  language: "en" | "zh";
  /** Whether this server runs the lessons' steps: `umbel demo` does. */
  runnable: boolean;
  /** If it does not: what to do. */
  hint: string | null;
  items: LessonBrief[];
}

/** One thing that is checked: an answer that the learner gives, or a run of an edited step. */
export interface LessonQuestion {
  name: string;
  title: string;
  /** What is to be done or found out, in Markdown. */
  text: string;
  /** What the learner gives; `edit`: a run of `step` with a text of their own; `act`: a run of `step` to which they then do something, such as a retry, before they ask for the check. */
  kind: "choice" | "text" | "number" | "edit" | "act";
  /** The step that it is about. */
  step: string;
  /** For `choice`. */
  options: Option[];
}

/** Something that is run for real. */
export interface LessonStep {
  /** Its name within the lesson. */
  name: string;
  title: string;
  /** What it does, in Markdown. */
  about: string;
  engine: "relay" | "canvas" | "celery";
  /** The definition that is run, as YAML; null for a scene with plain Celery. */
  text: string | null;
  /** Whether the learner may change the text. */
  editable: boolean;
  /** The question that it belongs to: it is run only for that, not with the others. */
  question: string | null;
  payload: Record<string, unknown>;
  /** About how long it takes. */
  seconds: number;
  /** What is broken while it runs, one sentence each. */
  faults: string[];
}

/** A lesson with its texts. Names in `happened` such as keys and ids are those of the lesson's example until a run's own come with the check. */
export interface LessonView {
  /** Its name in addresses: `04-chord`. */
  slug: string;
  number: number;
  title: string;
  /** About how long it takes. */
  minutes: number;
  /** The question that it begins with, in Markdown. */
  asks: string;
  /** Who sequences in its steps. */
  engines: ("relay" | "canvas" | "celery")[];
  /** Languages that it is told in. */
  languages: ("en" | "zh")[];
  language: "en" | "zh";
  /** Whether this server runs its steps. */
  runnable: boolean;
  /** If it does not: what to do. */
  hint: string | null;
  predict: Prediction;
  /** What stands before the first step, in Markdown. */
  intro: string;
  steps: LessonStep[];
  /** What happened, in Markdown. A link to `#claim:NAME` marks a claim that the trace proves. */
  happened: string;
  questions: LessonQuestion[];
  /** What to make of it in an app of one's own, in Markdown. */
  own: string;
  /** Slug of the lesson after this one. */
  next: string | null;
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

/** A line of what is seen while a step runs. */
export interface Observation {
  /** Since the step was started. */
  seconds: number;
  who: string;
  says: string;
}

/** One of the answers to choose from. */
export interface Option {
  name: string;
  /** Markdown. */
  text: string;
}

/** A part of a long text. */
export interface OutputPart {
  /** This part of the JSON text. */
  text: string;
  /** Where it begins, in characters. */
  offset: number;
  /** Characters of the whole. */
  total: number;
  /** Pass it as `offset` for what follows; null on the last. */
  next_offset: number | null;
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

/** What the learner is asked before anything runs. */
export interface Prediction {
  /** Markdown. */
  question: string;
  options: Option[];
  /** Name of the option that turns out to be so. */
  right: string;
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

/** The queues that definitions use, that workers listen on, or in which something waits; unhealthy ones first. */
export interface QueueList {
  items: QueueView[];
  /** What the broker said instead of the lengths of its queues. */
  broker: string | null;
}

/** A queue: what waits in it, and who takes from it. */
export interface QueueView {
  name: string;
  /** False if what waits in it, or may come, will not be taken as things stand. */
  healthy: boolean;
  /** What keeps workers from taking what waits, as a diagnosis says it; they may be busy. */
  why: string | null;
  /** Tasks of runs that are released and that no worker has claimed. */
  waiting: number;
  /** When the oldest of those was released. */
  oldest: string | null;
  /** Messages in the broker that no worker has fetched; null if it does not say. */
  messages: number | null;
  /** Messages that workers have fetched and not acknowledged; null if the broker does not say. */
  unacknowledged: number | null;
  /** Live workers that listen on it. */
  workers: string[];
  /** How many tasks those may run at a time, of all their queues. */
  slots: number | null;
  /** Attempts of its tasks that run now. */
  running: number;
  /** Those, the longest first; ten of them at most. */
  runs: RunningTask[];
  /** Definitions with tasks that go there. */
  definitions: string[];
}

/** A run that goes on with a new epoch, or (`preview`) would: what runs again, and what keeps its result. */
export interface Retry {
  id: string;
  /** `project.NAME`. */
  definition: string;
  /** Version of the definition that it runs. */
  version: string | null;
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
  /** Version of the definition that it runs. */
  version: string | null;
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

/** The runs that were accepted within one stretch of time. */
export interface RunBin {
  since: string;
  /** How many of them stand in each state now. */
  counts: Record<string, number>;
}

/** How many runs were accepted when, by state. */
export interface RunCounts {
  /** From here on runs were counted. */
  since: string;
  /** Runs accepted before this were counted. */
  until: string;
  /** Width of a bin in seconds. Bins begin at multiples of it since 1970 (UTC). */
  step: number;
  /** In order of time; bins without runs are left out. */
  bins: RunBin[];
  /** The sums of all bins. */
  total: Record<string, number>;
  /** False if there are older runs that were not counted: one answer counts about a million, and looks for a text in the newest 10,000. */
  complete: boolean;
}

/** A run with its payload, its tasks and their attempts. */
export interface RunDetail {
  id: string;
  /** `project.NAME`. */
  definition: string;
  /** Version of the definition that it runs. */
  version: string | null;
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
  /** With `q`, if the page is not full and there are older runs: so far back the text was looked for, in 10,000 runs a page. `next_cursor` looks further back. */
  searched_to: string | null;
}

/** Where a run stands. `settled` is a separate fact: nothing of the run is alive any more. */
export type RunState = "pending" | "running" | "success" | "error" | "canceled";

/** An attempt that a worker runs now. */
export interface RunningTask {
  run_id: string;
  definition: string;
  /** Key of the task. */
  task: string;
  worker: string;
  started_at: string | null;
}

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

/** One time that a step was run. */
export interface StepRun {
  lesson: string;
  step: string;
  /** Id of the run, for `/runs/{id}` and its trace; of a scene, of the trace only. */
  run_id: string;
  engine: "relay" | "canvas" | "celery";
  /** The run's state; of a scene `running`, `success` or `error`. */
  state: string;
  over: boolean;
  /** What was seen, so far. */
  seen: Observation[];
  /** Of a scene: the figures that it ended with. */
  outcome: Record<string, unknown>;
  /** Why the step itself could not be done. */
  error: string | null;
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

/** The X-ray of a run. */
export interface Trace {
  run_id: string;
  definition: string;
  /** `celery`: a plain app, without Umbel. */
  engine: "relay" | "canvas" | "celery";
  recording: "off" | "messages" | "commands";
  status: string;
  records: TraceRecord[];
  /** How many records there are; `after` asks for those behind a number. */
  total: number;
  /** Records that did not fit into what is kept of one run. */
  left_out: number;
  /** Why something is missing, and what to do about it. */
  hint: string | null;
}

/** One command of the state store or the broker, as MONITOR shows it. */
export interface TraceCommand {
  /** Upper case, such as `ZADD`; a script is `EVALSHA`, what it does has `script`. */
  name: string;
  /** Its arguments, each cut after 4 kB. */
  args: string[];
  db: number;
  /** Address of the connection, or `lua` within a script. */
  client: string;
  /** The verb of Umbel's engine or Celery's script it is part of. */
  script: string | null;
  /** What it is for, in a sentence. */
  means: string;
}

/** One field of a message, explained. */
export interface TraceField {
  /** Where it stands: `headers.root_id`, `body[2].chord`, `properties.delivery_tag`. */
  path: string;
  value: unknown;
  /** What Celery uses it for, in a sentence. */
  means: string;
  /** Where that is said: Celery's documentation, or a file of its code. */
  source: string;
}

/** A message as it went through the broker. */
export interface TraceMessage {
  /** Celery's task id: `headers.id`. */
  id: string;
  /** Name of the task. */
  name: string;
  queue: string;
  /** Length of what the broker stores, envelope and body. */
  bytes: number;
  body_bytes: number;
  headers: Record<string, unknown>;
  properties: Record<string, unknown>;
  /** Decoded: `[args, kwargs, {callbacks, errbacks, chain, chord}]`. */
  body: unknown;
  /** The envelope as it was seen, cut after 64 kB. */
  raw: string;
  /** Its fields, explained one by one. */
  fields: TraceField[];
  /** Number of the record that published it and has it whole; this one then leaves out headers, body, raw and fields. */
  published: number | null;
}

/** One step. */
export interface TraceRecord {
  /** Its place, from 1. */
  n: number;
  at: string;
  /** Microseconds since the first record. */
  us: number;
  kind: "published" | "delivered" | "acknowledged" | "rejected" | "command" | "event" | "call";
  /** Where it comes from. */
  source: "producer" | "broker" | "worker" | "state" | "model";
  /** Where it goes; the same lane if it stays. */
  target: "producer" | "broker" | "worker" | "state" | "model";
  /** The process: `server 4711`, `worker@host 4712`, `pool child 4713`. */
  who: string;
  /** Key of the task that it is about. */
  task: string | null;
  attempt: number | null;
  /** What happened, in one plain sentence. */
  says: string;
  /** Part of the run's course: `launch`, `TASK_A`, `barrier`, `end`. */
  phase: string;
  message: TraceMessage | null;
  command: TraceCommand | null;
  keys: KeyChange[];
  /** The engine's event: type, state, data. */
  event: Record<string, unknown> | null;
  /** A call of the model: what was asked and answered. */
  call: Record<string, unknown> | null;
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

/** What became of one question. */
export interface Verdict {
  name: string;
  ok: boolean;
  /** Why not, in Markdown. */
  why: string;
  /** What to try, in Markdown. */
  advice: string;
}

/** What a definition was for some of its runs: one plan. */
export interface Version {
  /** Content hash of the plan: equal tasks have equal versions. */
  version: string;
  /** The definition is this now. */
  current: boolean;
  /** When its first run was accepted; null before that. */
  first_used: string | null;
  /** When the newest run was accepted. */
  last_used: string | null;
  /** Runs that were counted, by state. */
  runs: Record<string, number>;
  tasks: number;
}

/** One version: what was planned, and how it differs from another one. */
export interface VersionDetail {
  /** Content hash of the plan: equal tasks have equal versions. */
  version: string;
  /** The definition is this now. */
  current: boolean;
  /** When its first run was accepted; null before that. */
  first_used: string | null;
  /** When the newest run was accepted. */
  last_used: string | null;
  /** Runs that were counted, by state. */
  runs: Record<string, number>;
  tasks: number;
  /** `project.NAME`. */
  definition: string;
  /** Its tasks. */
  task_definitions: TaskDefinition[];
  /** Everything that the plan says of each task, by key; secrets are ***. */
  plan: Record<string, unknown>;
  /** The version that it is compared with; null for none. */
  against: string | null;
  /** How that one became this one. */
  change: PlanChange | null;
}

/** The versions of a definition, newest first. */
export interface VersionList {
  /** `project.NAME`. */
  definition: string;
  items: Version[];
  /** Runs that were looked at. */
  counted: number;
  /** There are older runs, perhaps of other versions; only the newest were looked at. */
  more: boolean;
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
  list_definition_versions: { path: { "name": string }; answer: VersionList };
  get_definition_version: { path: { "name": string; "version": string }; query: { "against"?: string | null }; answer: VersionDetail };
  define_canvas: { path: { "name": string }; body: { canvas: Record<string, unknown>; }; answer: DefinitionView };
  remove_definition: { path: { "name": string }; answer: DefinitionView };
  check_definitions: { body: { text: string; kind?: "yaml" | "canvas"; file?: string; graph?: "ascii" | "mermaid" | "svg" | "canvas" | null; }; answer: DefinitionCheck };
  get_definition_graph: { path: { "name": string }; query: { "format"?: "ascii" | "mermaid" | "svg" | "canvas" }; answer: Picture };
  get_playground: { answer: Playground };
  try_definition: { body: { text: string; kind?: "yaml" | "canvas"; definition?: string | null; payload?: Record<string, unknown>; comment?: string | null; }; answer: RunDetail };
  list_lessons: { query: { "lang"?: "en" | "zh" }; answer: LessonList };
  get_lesson: { path: { "slug": string }; query: { "lang"?: "en" | "zh" }; answer: LessonView };
  run_step: { path: { "slug": string; "step": string }; body: { text?: string | null; }; answer: StepRun };
  get_step_run: { path: { "slug": string; "step": string; "run_id": string }; answer: StepRun };
  check_lesson: { path: { "slug": string }; body: { answers?: Record<string, unknown>; runs?: Record<string, string>; lang?: "en" | "zh"; }; answer: LessonCheck };
  start_run: { query: { "wait"?: number | null }; header: { "Idempotency-Key"?: string | null }; body: { definition?: string | null; canvas?: Record<string, unknown> | null; name?: string | null; payload?: Record<string, unknown>; comment?: string | null; }; answer: RunDetail };
  wait_for_run: { path: { "run_id": string }; query: { "timeout"?: number }; answer: RunDetail };
  diagnose_run: { path: { "run_id": string }; answer: Diagnosis };
  list_runs: { query: { "status"?: RunState[] | null; "definition"?: string | null; "since"?: string | null; "until"?: string | null; "q"?: string | null; "cursor"?: string | null; "limit"?: number }; answer: RunList };
  count_runs: { query: { "status"?: RunState[] | null; "definition"?: string | null; "since"?: string | null; "until"?: string | null; "q"?: string | null; "bins"?: number }; answer: RunCounts };
  get_run: { path: { "run_id": string }; answer: RunDetail };
  get_trace: { path: { "run_id": string }; query: { "after"?: number; "limit"?: number; "kinds"?: string | null }; answer: Trace };
  compare_runs: { path: { "run_id": string; "other": string }; answer: Comparison };
  get_run_graph: { path: { "run_id": string }; query: { "format"?: "ascii" | "mermaid" | "svg" | "canvas" }; answer: Picture };
  list_tasks: { path: { "run_id": string }; query: { "parent"?: string | null; "cursor"?: string | null; "limit"?: number }; answer: TaskList };
  get_task: { path: { "run_id": string; "key": string }; answer: TaskView };
  list_events: { path: { "run_id": string }; query: { "key"?: string | null; "after"?: number; "limit"?: number }; answer: EventPage };
  get_output: { path: { "run_id": string }; query: { "key"?: string | null; "of"?: "result" | "error" | "payload"; "offset"?: number; "limit"?: number }; answer: OutputPart };
  get_logs: { path: { "run_id": string }; query: { "attempt"?: number | null; "after"?: number; "limit"?: number }; answer: LogPage };
  get_task_logs: { path: { "run_id": string; "key": string }; query: { "attempt"?: number | null; "after"?: number; "limit"?: number }; answer: LogPage };
  cancel_run: { path: { "run_id": string }; answer: Run };
  relaunch_run: { path: { "run_id": string }; body: { payload?: Record<string, unknown> | null; comment?: string | null; }; answer: Run };
  retry_run: { path: { "run_id": string }; query: { "preview"?: boolean }; body: { tasks?: string[] | null; }; answer: Retry };
  pause_run: { path: { "run_id": string }; answer: Run };
  resume_run: { path: { "run_id": string }; answer: Run };
  approve_task: { path: { "run_id": string; "key": string }; body: { comment?: string | null; }; answer: Run };
  reject_task: { path: { "run_id": string; "key": string }; body: { comment?: string | null; }; answer: Run };
  get_lab: { query: { "run_id"?: string | null }; answer: LabView };
  act_in_lab: { path: { "act": "kill-child" | "kill-worker" | "freeze-child" | "freeze-worker" | "thaw" | "pause-broker" | "drop-message" | "duplicate-message" | "trouble-model" | "restart-server" }; body: { run_id?: string | null; task?: string | null; within?: number; seconds?: number | null; delay?: number; fail?: number; }; answer: LabDone };
  list_schedules: { answer: ScheduleList };
  pause_schedule: { path: { "definition": string }; answer: ScheduleView };
  resume_schedule: { path: { "definition": string }; answer: ScheduleView };
  list_workers: { answer: WorkerList };
  list_queues: { answer: QueueList };
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
  list_definition_versions: { method: "GET", path: "/api/v1/definitions/{name}/versions" },
  get_definition_version: { method: "GET", path: "/api/v1/definitions/{name}/versions/{version}" },
  define_canvas: { method: "PUT", path: "/api/v1/definitions/{name}" },
  remove_definition: { method: "DELETE", path: "/api/v1/definitions/{name}" },
  check_definitions: { method: "POST", path: "/api/v1/definitions/check" },
  get_definition_graph: { method: "GET", path: "/api/v1/definitions/{name}/graph" },
  get_playground: { method: "GET", path: "/api/v1/playground" },
  try_definition: { method: "POST", path: "/api/v1/playground/runs" },
  list_lessons: { method: "GET", path: "/api/v1/lessons" },
  get_lesson: { method: "GET", path: "/api/v1/lessons/{slug}" },
  run_step: { method: "POST", path: "/api/v1/lessons/{slug}/steps/{step}" },
  get_step_run: { method: "GET", path: "/api/v1/lessons/{slug}/steps/{step}/runs/{run_id}" },
  check_lesson: { method: "POST", path: "/api/v1/lessons/{slug}/check" },
  start_run: { method: "POST", path: "/api/v1/runs" },
  wait_for_run: { method: "GET", path: "/api/v1/runs/{run_id}/wait" },
  diagnose_run: { method: "GET", path: "/api/v1/runs/{run_id}/diagnosis" },
  list_runs: { method: "GET", path: "/api/v1/runs" },
  count_runs: { method: "GET", path: "/api/v1/runs/counts" },
  get_run: { method: "GET", path: "/api/v1/runs/{run_id}" },
  get_trace: { method: "GET", path: "/api/v1/runs/{run_id}/trace" },
  compare_runs: { method: "GET", path: "/api/v1/runs/{run_id}/compare/{other}" },
  get_run_graph: { method: "GET", path: "/api/v1/runs/{run_id}/graph" },
  list_tasks: { method: "GET", path: "/api/v1/runs/{run_id}/tasks" },
  get_task: { method: "GET", path: "/api/v1/runs/{run_id}/tasks/{key}" },
  list_events: { method: "GET", path: "/api/v1/runs/{run_id}/history" },
  get_output: { method: "GET", path: "/api/v1/runs/{run_id}/output" },
  get_logs: { method: "GET", path: "/api/v1/runs/{run_id}/logs" },
  get_task_logs: { method: "GET", path: "/api/v1/runs/{run_id}/tasks/{key}/logs" },
  cancel_run: { method: "POST", path: "/api/v1/runs/{run_id}/cancel" },
  relaunch_run: { method: "POST", path: "/api/v1/runs/{run_id}/relaunch" },
  retry_run: { method: "POST", path: "/api/v1/runs/{run_id}/retry" },
  pause_run: { method: "POST", path: "/api/v1/runs/{run_id}/pause" },
  resume_run: { method: "POST", path: "/api/v1/runs/{run_id}/resume" },
  approve_task: { method: "POST", path: "/api/v1/runs/{run_id}/tasks/{key}/approve" },
  reject_task: { method: "POST", path: "/api/v1/runs/{run_id}/tasks/{key}/reject" },
  get_lab: { method: "GET", path: "/api/v1/lab" },
  act_in_lab: { method: "POST", path: "/api/v1/lab/{act}" },
  list_schedules: { method: "GET", path: "/api/v1/schedules" },
  pause_schedule: { method: "POST", path: "/api/v1/schedules/{definition}/pause" },
  resume_schedule: { method: "POST", path: "/api/v1/schedules/{definition}/resume" },
  list_workers: { method: "GET", path: "/api/v1/workers" },
  list_queues: { method: "GET", path: "/api/v1/queues" },
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
