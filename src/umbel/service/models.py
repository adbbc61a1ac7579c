"""The resources: what the operations (`operations.py`) answer with, as they appear in JSON.

Owners of a client may rely on the fields that are here; new ones may be added at any time.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, overload

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from umbel.machine import RUN_TERMINAL, RunState, TaskState


def utc(value: datetime) -> str:
    """An instant in RFC 3339: UTC, milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(utc, return_type=str, when_used="json")]
"""An instant. In JSON: RFC 3339, UTC, milliseconds (`2026-11-22T16:58:34.123Z`)."""

Status = Literal["pending", "progress", "success", "error", "canceled"]
Outcome = Literal[
    "running", "success", "error", "retrying", "lost", "skipped", "fenced", "canceled", "expanded", "asked"
]
Kind = Literal["task", "map", "item", "workflow", "approval"]


@overload
def instant(ms: int) -> datetime: ...
@overload
def instant(ms: None) -> None: ...
@overload
def instant(ms: int | None) -> datetime | None: ...
def instant(ms: int | None) -> datetime | None:
    """Milliseconds UTC as an instant."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


class Resource(BaseModel):
    """Base of all answers. Fields that a newer server adds are ignored."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null", serialize_by_alias=True, validate_by_name=True)


class ErrorView(Resource):
    """Why an attempt or a task failed."""

    type: str | None = Field(default=None, description="Class of the exception.")
    message: str = Field(default="", description="Text of the exception.")
    traceback: str | None = Field(default=None, description="Traceback, as Python prints it.")


class AttemptView(Resource):
    """One execution of a task by one worker."""

    attempt: int = Field(description="Number of the attempt, from 1.")
    epoch: int = Field(default=1, description="The run's when it began; attempts go on counting.")
    outcome: Outcome = Field(
        description="How it ended, or `running`. `expanded`: it left the task with its items, or with a run that it"
        " started; `asked`: with a person; until those have ended."
    )
    worker: str | None = Field(default=None, description="Name of the worker.")
    pid: int | None = Field(default=None, description="Process that ran the body.")
    queued_at: Time | None = None
    started_at: Time | None = None
    finished_at: Time | None = None
    error: ErrorView | None = None
    countdown: float | None = Field(default=None, description="Seconds of pause that followed before the next attempt.")
    due_at: Time | None = Field(default=None, description="When the next attempt was due.")
    late_outcome: str | None = Field(default=None, description="What a fenced attempt said after it had lost its task.")


class ItemCounts(Resource):
    """How the items of a map stand: how many there are, and how many of them in each state."""

    total: int
    states: dict[TaskState, int] = {}


class TaskView(Resource):
    """One task of a run. The items of a map are tasks too: `list_tasks` shows them."""

    id: str = Field(description="Stable id of the task (the one that `/api/workflows` shows).")
    key: str = Field(description="Its name within the run: unique, and what other tasks `need`.")
    index: int = Field(description="Its place in the definition, from 0.")
    task: str = Field(description="Name of the Celery task.")
    kind: Kind = Field(default="task", description="`item`: one of those that a `map` task is made of.")
    parent: str | None = Field(default=None, description="Of an item: key of its map.")
    run: str | None = Field(default=None, description="Of a `workflow` task: id of the run that it started.")
    items: ItemCounts | None = Field(default=None, description="Of a `map` task that has been expanded.")
    hook: Literal["success", "failure"] | None = Field(
        default=None, description="Set for a hook, which runs after the run's end."
    )
    state: TaskState
    status: Status = Field(description="`state` in celery-director's five words.")
    needs: list[str] = Field(default=[], description="Keys of the tasks it waits for.")
    queue: str = Field(description="Queue it is sent to.")
    queued_at: Time | None = None
    started_at: Time | None = Field(default=None, description="Start of the first attempt.")
    finished_at: Time | None = None
    due_at: Time | None = Field(
        default=None,
        description="When the next attempt is due, while `retrying` or `scheduled`; until when somebody may decide,"
        " while `awaiting_input`.",
    )
    result: Any = Field(default=None, description="What the task returned; null before success.")
    error: ErrorView | None = None
    attempts: list[AttemptView] = []


class Run(Resource):
    """One execution of a definition."""

    id: str
    definition: str = Field(description="`project.NAME`.")
    state: RunState
    status: Status = Field(description="`state` in celery-director's five words.")
    settled: bool = Field(description="True when nothing of the run is alive any more.")
    comment: str | None = None
    created_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    updated_at: Time
    tasks_total: int
    tasks_done: int = Field(description="Tasks that ended by themselves.")
    retries: int = Field(default=0, description="Retries of all tasks so far.")
    failed_task: str | None = Field(default=None, description="Key of the task whose error ended the run.")
    error: str | None = Field(default=None, description="That task's exception text.")
    relaunch_of: str | None = Field(default=None, description="Run that this one repeats.")
    periodic: bool = False
    paused: bool = Field(default=False, description="Nothing new of it begins until it is resumed.")
    stopped: bool = Field(default=False, description="It was canceled, or took too long: nothing of it goes on.")
    held: bool = Field(default=False, description="It waits for other runs: its definition limits how many are live.")
    epoch: int = Field(default=1, description="How often it was begun: raised by each retry.")
    deadline_at: Time | None = Field(default=None, description="When it is stopped if it has not ended.")
    parent_run: str | None = Field(default=None, description="Run whose task has started this one.")
    parent_task: str | None = Field(default=None, description="Key of that task.")

    @property
    def over(self) -> bool:
        """Whether it has ended. A retry that keeps a failed task is an error all the time, but has not ended yet."""
        return self.state in RUN_TERMINAL and self.finished_at is not None


class RunDetail(Run):
    """A run with its payload, its tasks and their attempts."""

    payload: dict[str, Any]
    result: Any = Field(
        default=None,
        description="After success: result of the last task; a list in definition order if several end the run.",
    )
    tasks: list[TaskView]
    last_event: int = Field(
        default=0,
        description="Number of the newest event in this picture: pass it as Last-Event-ID to go on from here.",
    )


class RetryTask(Resource):
    """A task that runs again."""

    key: str
    state: TaskState = Field(description="How it stands before.")
    attempts: int = Field(description="Attempts so far; they go on counting.")
    repeats: bool = Field(description="True if it (or an item of it) succeeded before: what it did is done again.")
    items: int | None = Field(
        default=None, description="Of a map: items that run again, if the list is as long as it was."
    )
    items_kept: int | None = Field(default=None, description="Of a map: items that keep their results.")


class Retry(Run):
    """A run that goes on with a new epoch, or (`preview`) would: what runs again, and what keeps its result."""

    preview: bool
    would_run: list[RetryTask] = Field(description="Tasks that run again.")
    kept: list[str] = Field(description="Keys of the tasks that stay as they are.")
    repeats: list[str] = Field(
        default=[], description="Keys of those that succeeded before: what they did outside is done a second time."
    )


class TaskList(Resource):
    """Tasks of a run in the order of their index."""

    items: list[TaskView]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` for the next page; null on the last."
    )


class RunList(Resource):
    """A page of runs, newest first."""

    items: list[Run]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` for the next page; null on the last."
    )


class RootCause(Resource):
    """The first failure of a run."""

    run_id: str | None = Field(default=None, description="Run of the task, if it is one that this run has started.")
    task: str
    attempt: int | None = None
    type: str | None = Field(default=None, description="Class of the exception.")
    message: str = ""
    file_line: str | None = Field(default=None, description="`file:line` of the task's own code where it was raised.")


class AttemptNote(Resource):
    """One attempt in a diagnosis."""

    task: str
    attempt: int
    outcome: Outcome
    ran: float | None = Field(default=None, description="Seconds it ran.")
    wait: float | None = Field(default=None, description="Seconds of pause after it.")
    error: str | None = None


class WaitingNote(Resource):
    """A task that has not ended, and why."""

    task: str
    reason: str


class SuggestedAction(Resource):
    """What to do next: an operation by name, with its arguments."""

    tool: str
    arguments: dict[str, Any]
    why: str


class Diagnosis(Resource):
    """Why a run failed, or why it waits. Computed, never guessed; at most 1500 bytes of JSON."""

    run_id: str
    state: RunState
    verdict: str = Field(description="One sentence.")
    root_cause: RootCause | None = None
    chain: list[str] = Field(default=[], description="Which tasks never ran, and why.")
    attempts: list[AttemptNote] = Field(default=[], description="Attempts of the task in question.")
    waiting: list[WaitingNote] = []
    suggested_actions: list[SuggestedAction] = []
    left_out: int = Field(default=0, description="Entries that did not fit.")


class LogLine(Resource):
    """One line that a task wrote."""

    id: int = Field(description="Grows within a run.")
    task: str = Field(description="Key of the task.")
    attempt: int
    at: Time
    stream: str = Field(description="stdout, stderr, or the level of a log record.")
    line: str


class LogPage(Resource):
    """Captured output in the order it arrived."""

    items: list[LogLine]
    next_after: int | None = Field(
        default=None, description="Pass it as `after` for what follows; null if this is all so far."
    )


class WorkerView(Resource):
    """A worker, by its own last words."""

    name: str
    alive: bool
    last_seen: Time
    queues: list[str] = []
    pid: int | None = None
    host: str | None = None
    pool: str | None = None
    concurrency: int | None = None
    running: int = Field(default=0, description="Attempts it runs now.")
    tasks: list[str] = Field(default=[], description="Names of the tasks it knows, the first 200 of them.")


class WorkerList(Resource):
    """The workers that are alive or were lately."""

    items: list[WorkerView]


class TaskDefinition(Resource):
    """One task of a definition."""

    key: str
    task: str
    needs: list[str] = []
    queue: str


class ScheduleSpec(Resource):
    """When a definition is started by itself, and with what: by a crontab or by an interval."""

    crontab: str | None = Field(
        default=None, description="Minute, hour, day of month, month, day of week, by the clock of `timezone`."
    )
    interval: float | None = Field(default=None, description="Seconds; ticks are its multiples since 1970.")
    timezone: str = Field(default="UTC", description="IANA name of the time zone.")
    catchup: Literal["none", "last", "all"] = Field(
        default="none", description="Which of the ticks are made up for that were due while no server was up."
    )
    overlap: Literal["allow", "skip"] = Field(
        default="allow", description="Whether a tick counts while a scheduled run of this definition is alive."
    )
    payload: dict[str, Any] = Field(default={}, description="Payload of the runs.")
    next: list[Time] = Field(default=[], description="The next five times; none while paused.")


class ScheduleView(ScheduleSpec):
    """The schedule of a definition, and how it goes."""

    definition: str = Field(description="`project.NAME`.")
    paused: bool = False
    last_at: Time | None = Field(default=None, description="The newest tick that started a run.")
    last_run: str | None = Field(default=None, description="Id of that run.")
    skipped_at: Time | None = Field(default=None, description="The newest tick that started none.")
    skipped_why: str | None = Field(
        default=None,
        description="`overlap`: a run was still alive; `limit`: too many were; `missed`: no server was up.",
    )


class ScheduleList(Resource):
    """The schedules of all definitions that have one, by name."""

    items: list[ScheduleView]


class DefinitionView(Resource):
    """One definition: what a run of it takes and does."""

    name: str = Field(description="`project.NAME`, as `start_run` wants it.")
    description: str = ""
    payload_schema: dict[str, Any] | None = Field(
        default=None, description="JSON Schema of the payload.", alias="schema"
    )
    defaults: dict[str, Any] = Field(default={}, description="Payload values that a run takes where it gives none.")
    tasks: list[TaskDefinition] = []
    schedule: ScheduleSpec | None = Field(default=None, description="When it is started by itself.")
    hash: str | None = Field(default=None, description="Hash of the plan: it changes when the tasks do.")
    problems: list[str] = Field(default=[], description="Why it cannot be started; empty if it can.")


class DefinitionList(Resource):
    """Every definition of the project, by name."""

    items: list[DefinitionView]
    problems: list[str] = Field(default=[], description="Everything that is wrong with the project's files.")


class DefinitionProblem(Resource):
    """One mistake in a definition, or a warning about one."""

    file: str
    line: int = Field(description="From 1; 0: the file as a whole.")
    column: int = Field(description="From 1; 0: the file as a whole.")
    end_column: int | None = Field(default=None, description="The column behind the offending text, if it is known.")
    severity: Literal["error", "warning"] = Field(description="An error keeps its definition from being used.")
    code: str = Field(description="Which mistake it is: a code of `docs/reference/problems.md`.")
    message: str
    hint: str = Field(default="", description="What to do about it, often the nearest valid name.")
    definition: str | None = Field(default=None, description="`project.NAME` that it stands in.")
    excerpt: str = Field(default="", description="The offending line, and carets below the offending text.")


class CheckedDefinition(Resource):
    """One definition that can be used, and its plan in brief."""

    name: str = Field(description="`project.NAME`.")
    description: str = ""
    tasks: list[TaskDefinition] = []
    hash: str = Field(description="Hash of its plan.")
    graph: str | None = Field(default=None, description="Its picture, in the format that was asked for.")


class DefinitionCheck(Resource):
    """What is right and what is wrong with a text of definitions."""

    ok: bool = Field(description="True if nothing keeps a definition from being used; there may be warnings.")
    errors: int
    warnings: int
    problems: list[DefinitionProblem] = Field(default=[], description="All of them, by line.")
    definitions: list[CheckedDefinition] = Field(default=[], description="The definitions that can be used.")


class Picture(Resource):
    """A picture of a definition or of a run."""

    format: Literal["ascii", "mermaid", "svg", "canvas"]
    text: str


class EditorSchema(Resource):
    """The JSON Schema of definition files, for editors."""

    model_config = ConfigDict(extra="allow")


class Event(Resource):
    """Something that happened to a run: the `data` of a server-sent event."""

    id: int = Field(description="Number of the event: within the run, or among all in the feed of all runs.")
    run_id: str
    type: str = Field(description="The engine's own word, such as `task.retrying`.")
    at: Time
    task: str | None = Field(default=None, description="Key of the task.")
    attempt: int | None = None
    state: str | None = Field(default=None, description="State of the task (or of the run) after it.")
    data: dict[str, Any] = Field(default={}, description="Details; `released` and `blocked` list task keys.")


class FieldProblem(Resource):
    """One thing wrong with a request."""

    pointer: str = Field(description="JSON Pointer into the body, or `query`/`path`/`header` and a name.")
    detail: str


class Problem(Resource):
    """An error, by RFC 9457 (`application/problem+json`)."""

    type: str = Field(default="about:blank", description="URI of the kind of problem.")
    title: str
    status: int
    detail: str
    instance: str | None = Field(default=None, description="Path of the request.")
    code: str = Field(description="Umbel's code of the error, `UMB-nnn`.")
    hint: str | None = Field(default=None, description="What to do about it.")
    errors: list[FieldProblem] = []


class ToolAnnotations(Resource):
    """MCP's hints on what a tool does."""

    readOnlyHint: bool
    destructiveHint: bool
    idempotentHint: bool
    openWorldHint: bool


class ToolSpec(Resource):
    """An operation as an agent's tool, in MCP's shape."""

    name: str
    title: str
    description: str
    inputSchema: dict[str, Any]
    outputSchema: dict[str, Any]
    annotations: ToolAnnotations
