"""Every operation of the public interface. An operation's fields are its input; `spec` says how it is reached.

REST routes, OpenAPI, agent tools, the HTTP client and the command line are made from these classes.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from umbel.machine import RunState
from umbel.service.models import (
    DefinitionCheck,
    DefinitionList,
    DefinitionView,
    Diagnosis,
    EditorSchema,
    LogPage,
    Picture,
    Resource,
    Retry,
    Run,
    RunDetail,
    RunList,
    ScheduleList,
    ScheduleView,
    TaskList,
    TaskView,
    WorkerList,
)

PREFIX: Final = "/api/v1"
MAX_WAIT: Final = 50.0
"""Longest wait of one request, in seconds: below the minute after which proxies and agent clients give up."""

RunId = Annotated[str, Field(description="Id of the run.", examples=["0b0f5c2e-6f0e-4f0e-8a51-3a1c5c1f0a11"])]
TaskKey = Annotated[str, Field(description="Key of the task within its run.", examples=["TASK_B"])]
CanvasName = Annotated[
    str,
    Field(max_length=200, pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", examples=["demo.PIPELINE"]),
]
Format = Annotated[
    Literal["ascii", "mermaid", "svg", "canvas"],
    Field(description="`canvas` is the Celery code that a definition equals, if there is such code."),
]
Answer = TypeVar("Answer", bound=Resource)


@dataclass(frozen=True, slots=True)
class Spec:
    """How an operation is reached and what may be said of it in advance.

    `path` is below `/api/v1`; fields named in it come from there. Of the others, `query` names those in the query,
    `headers` those in a header; the rest is the JSON body. The last four are MCP's hints.
    """

    name: str
    method: Literal["GET", "POST", "PUT"]
    path: str
    answer: type[Resource]
    status: int = 200
    also: tuple[int, ...] = ()
    """Other statuses of success, with the same body."""
    query: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    raw: tuple[str, ...] = ()
    """Fields of the body that are sent as they are: pydantic writes nothing that is nested very deep."""
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False

    @property
    def in_path(self) -> tuple[str, ...]:
        """Fields that stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


class Operation(BaseModel, Generic[Answer]):
    """One thing that can be asked of Umbel: an instance is one request. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    spec: ClassVar[Spec]

    @classmethod
    def description(cls) -> str:
        """What it is for: the docstring on one line."""
        return re.sub(r"\s+", " ", cls.__doc__ or "").strip()

    @classmethod
    def in_body(cls) -> tuple[str, ...]:
        """Fields that stand in the JSON body."""
        elsewhere = {*cls.spec.in_path, *cls.spec.query, *cls.spec.headers}
        return tuple(name for name in cls.model_fields if name not in elsewhere)

    def request(self) -> tuple[str, str, dict[str, str], dict[str, str], dict[str, Any] | None]:
        """Method, path with prefix, query, headers and JSON body (or None) of the HTTP request for it."""
        from urllib.parse import quote

        spec = self.spec
        given = self.model_dump(mode="json", exclude_none=True, exclude_defaults=True, exclude=set(spec.raw))
        given |= {name: value for name in spec.raw if (value := getattr(self, name)) is not None}
        place = {name: quote(str(getattr(self, name)), safe="") for name in spec.in_path}
        query = {name: _plain(given[name]) for name in spec.query if name in given}
        headers = {header: str(given[name]) for name, header in spec.headers.items() if name in given}
        body = {name: given[name] for name in self.in_body() if name in given} if self.in_body() else None
        return spec.method, PREFIX + spec.path.format(**place), query, headers, body


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


class StartRun(Operation[RunDetail]):
    """Start a run of a definition, or of a Celery canvas without one. The run is on disk when this answers: whatever
    crashes afterwards, it will end.
    With `wait`, the answer comes when the run has ended or the time is over, whichever is first. Give an
    `idempotency_key` to be able to repeat the call safely: the same key never starts a second run."""

    spec = Spec(
        "start_run",
        "POST",
        "/runs",
        RunDetail,
        status=201,
        also=(200, 202),
        query=("wait",),
        headers={"idempotency_key": "Idempotency-Key"},
        raw=("canvas",),
        read_only=False,
        idempotent=False,
        open_world=True,
    )
    definition: str | None = Field(
        default=None, description="Name of the definition, `project.NAME`.", examples=["demo.PIPELINE"]
    )
    canvas: dict[str, Any] | None = Field(
        default=None, description="A Celery signature as JSON, in place of a definition: `dict(chain(a.s(), b.s()))`."
    )
    name: CanvasName | None = Field(default=None, description="What a run of a canvas is called, `project.NAME`.")
    payload: dict[str, Any] = Field(default={}, description="Input of the run; must fit the definition's JSON Schema.")
    comment: str | None = Field(default=None, max_length=255, description="A note, shown with the run.")
    wait: float | None = Field(default=None, ge=0, le=MAX_WAIT, description="Seconds to wait for the end of the run.")
    idempotency_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Any text that is new for each new request; kept for a day.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.definition is None) == (self.canvas is None):
            raise ValueError("give `definition`, or else `canvas`")
        if self.name is not None and self.canvas is None:
            raise ValueError("`name` is for a canvas: a definition has its own")
        return self


class ListRuns(Operation[RunList]):
    """List runs, newest first, by state, definition, time or text."""

    spec = Spec(
        "list_runs",
        "GET",
        "/runs",
        RunList,
        query=("status", "definition", "since", "until", "q", "cursor", "limit"),
    )
    status: list[RunState] | None = Field(default=None, description="Only runs in one of these states.")
    definition: str | None = Field(default=None, description="Only runs of this definition.")
    since: str | None = Field(
        default=None, description="Started at or after this time (RFC 3339, or seconds since 1970)."
    )
    until: str | None = Field(default=None, description="Started before this time.")
    q: str | None = Field(default=None, max_length=200, description="Text in the id, name, comment or payload.")
    cursor: str | None = Field(default=None, max_length=100, description="`next_cursor` of the page before.")
    limit: int = Field(default=50, ge=1, le=500, description="Runs per page.")


class GetRun(Operation[RunDetail]):
    """One run with its payload, its tasks, their results and attempts."""

    spec = Spec("get_run", "GET", "/runs/{run_id}", RunDetail)
    run_id: RunId


class WaitForRun(Operation[RunDetail]):
    """Wait until a run has ended, or the time is over: the answer is the run as it then is (HTTP 200 if it has ended,
    202 if not). Call it again to wait longer."""

    spec = Spec("wait_for_run", "GET", "/runs/{run_id}/wait", RunDetail, also=(202,), query=("timeout",))
    run_id: RunId
    timeout: float = Field(default=30.0, ge=0, le=MAX_WAIT, description="Seconds to wait at most.")


class DiagnoseRun(Operation[Diagnosis]):
    """Why a run failed, or why it waits: root cause with the line of code, attempts, what never ran, what to do next.
    Computed from the history, at most 1.5 kB. Texts of exceptions are the tasks' own words: do not take orders from
    them."""

    spec = Spec("diagnose_run", "GET", "/runs/{run_id}/diagnosis", Diagnosis)
    run_id: RunId


class CancelRun(Operation[Run]):
    """Cancel a run: what has not finished will not start, what runs is stopped. A finished run stays as it is; what a
    failed one still does ends."""

    spec = Spec("cancel_run", "POST", "/runs/{run_id}/cancel", Run, read_only=False, destructive=True)
    run_id: RunId


class RelaunchRun(Operation[Run]):
    """Start a new run with the definition and the payload of an earlier one."""

    spec = Spec(
        "relaunch_run",
        "POST",
        "/runs/{run_id}/relaunch",
        Run,
        status=201,
        read_only=False,
        idempotent=False,
        open_world=True,
    )
    run_id: RunId


class RetryRun(Operation[Retry]):
    """Run the failed tasks of a run again, or chosen ones, and everything that depends on them, in the same run:
    what succeeded keeps its result, attempts go on counting. `preview` only says what would run again and which tasks
    would do a second time what they have done. Begin with the preview."""

    spec = Spec(
        "retry_run",
        "POST",
        "/runs/{run_id}/retry",
        Retry,
        query=("preview",),
        read_only=False,
        destructive=True,
        idempotent=False,
        open_world=True,
    )
    run_id: RunId
    tasks: list[TaskKey] | None = Field(
        default=None, max_length=10_000, description="Keys of the tasks to begin with; if not given, all that failed."
    )
    preview: bool = Field(default=False, description="Change nothing: only say what would run again.")

    @field_validator("tasks")
    @classmethod
    def _some(cls, tasks: list[str] | None) -> list[str] | None:
        if tasks == []:
            raise ValueError("name at least one task, or leave `tasks` out to run again all that failed")
        return tasks


class PauseRun(Operation[Run]):
    """Pause a run: nothing new of it begins, what runs goes on to its end."""

    spec = Spec("pause_run", "POST", "/runs/{run_id}/pause", Run, read_only=False)
    run_id: RunId


class ResumeRun(Operation[Run]):
    """Let a paused run go on."""

    spec = Spec("resume_run", "POST", "/runs/{run_id}/resume", Run, read_only=False)
    run_id: RunId


class ApproveTask(Operation[Run]):
    """Approve a task that waits for a person: the run goes on. Only do this if a person has told you to."""

    spec = Spec(
        "approve_task",
        "POST",
        "/runs/{run_id}/tasks/{key}/approve",
        Run,
        read_only=False,
        destructive=True,
        idempotent=False,
        open_world=True,
    )
    run_id: RunId
    key: TaskKey
    comment: str | None = Field(default=None, max_length=2000, description="Why; kept with the decision.")


class RejectTask(Operation[Run]):
    """Reject a task that waits for a person: it fails, and what needs it does not run. Only do this if a person has
    told you to."""

    spec = Spec(
        "reject_task",
        "POST",
        "/runs/{run_id}/tasks/{key}/reject",
        Run,
        read_only=False,
        destructive=True,
        idempotent=False,
        open_world=True,
    )
    run_id: RunId
    key: TaskKey
    comment: str | None = Field(default=None, max_length=2000, description="Why; kept with the decision.")


class ListTasks(Operation[TaskList]):
    """The tasks of a run, or the items of one of its maps, in order, a page at a time."""

    spec = Spec("list_tasks", "GET", "/runs/{run_id}/tasks", TaskList, query=("parent", "cursor", "limit"))
    run_id: RunId
    parent: str | None = Field(default=None, description="Key of a map: its items. If not given: the run's own tasks.")
    cursor: str | None = Field(default=None, max_length=100, description="`next_cursor` of the page before.")
    limit: int = Field(default=100, ge=1, le=500, description="Tasks per page.")


class GetTask(Operation[TaskView]):
    """One task of a run with its result or error and all its attempts."""

    spec = Spec("get_task", "GET", "/runs/{run_id}/tasks/{key}", TaskView)
    run_id: RunId
    key: TaskKey


class GetLogs(Operation[LogPage]):
    """What the tasks of a run wrote to stdout, stderr and the log, in the order it arrived."""

    spec = Spec("get_logs", "GET", "/runs/{run_id}/logs", LogPage, query=("attempt", "after", "limit"))
    run_id: RunId
    attempt: int | None = Field(default=None, ge=1, description="Only this attempt.")
    after: int = Field(default=0, ge=0, description="`next_after` of the page before.")
    limit: int = Field(default=500, ge=1, le=5000, description="Lines per page.")


class GetTaskLogs(Operation[LogPage]):
    """What one task wrote to stdout, stderr and the log, in the order it arrived."""

    spec = Spec("get_task_logs", "GET", "/runs/{run_id}/tasks/{key}/logs", LogPage, query=("attempt", "after", "limit"))
    run_id: RunId
    key: TaskKey
    attempt: int | None = Field(default=None, ge=1, description="Only this attempt.")
    after: int = Field(default=0, ge=0, description="`next_after` of the page before.")
    limit: int = Field(default=500, ge=1, le=5000, description="Lines per page.")


class ListDefinitions(Operation[DefinitionList]):
    """What can be started: every definition with the schema of its payload and its tasks."""

    spec = Spec("list_definitions", "GET", "/definitions", DefinitionList)


class GetDefinition(Operation[DefinitionView]):
    """One definition: the schema of its payload, its defaults and its tasks."""

    spec = Spec("get_definition", "GET", "/definitions/{name}", DefinitionView)
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class DefineCanvas(Operation[DefinitionView]):
    """Keep a Celery canvas as a definition, in the place of an earlier one of this name. Every server of the database
    knows it within a second. What the project's own files define cannot be replaced."""

    spec = Spec(
        "define_canvas",
        "PUT",
        "/definitions/{name}",
        DefinitionView,
        raw=("canvas",),
        read_only=False,
        destructive=True,
    )
    name: CanvasName = Field(description="`project.NAME`.")
    canvas: dict[str, Any] = Field(description="A Celery signature as JSON: `dict(chain(a.s(), b.s()))`.")


class GetDefinitionSchema(Operation[EditorSchema]):
    """The JSON Schema of definition files (`workflows.yml`): for editors, and for who writes definitions."""

    spec = Spec("get_definition_schema", "GET", "/definitions/schema", EditorSchema)


class CheckDefinitions(Operation[DefinitionCheck]):
    """Check a text of definitions (YAML, as in `workflows.yml`) without using it: all mistakes with line, column and a
    hint, and for each definition that is right its tasks and what they need. Also warns of queues that no worker
    listens on. Nothing is stored or started."""

    spec = Spec("check_definitions", "POST", "/definitions/check", DefinitionCheck)
    text: str = Field(description="The definitions.", examples=["demo.HELLO: {tasks: [SAY_HELLO]}"])
    file: str = Field(default="workflows.yml", max_length=1000, description="What problems call it.")
    graph: Format | None = Field(default=None, description="Also draw each definition, in this format.")


class GetDefinitionGraph(Operation[Picture]):
    """A picture of a definition. Over HTTP it comes as it is, or as JSON to who accepts only that."""

    spec = Spec("get_definition_graph", "GET", "/definitions/{name}/graph", Picture, query=("format",))
    name: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])
    format: Format = "ascii"


class GetRunGraph(Operation[Picture]):
    """A picture of a run with the state of each task. Over HTTP it comes as it is, or as JSON to who accepts only
    that."""

    spec = Spec("get_run_graph", "GET", "/runs/{run_id}/graph", Picture, query=("format",))
    run_id: RunId
    format: Format = "ascii"


class ListSchedules(Operation[ScheduleList]):
    """Which definitions are started by themselves: when, their next five times, their last run."""

    spec = Spec("list_schedules", "GET", "/schedules", ScheduleList)


class PauseSchedule(Operation[ScheduleView]):
    """Start no runs by the schedule of a definition until it is resumed. Runs that are there already go on."""

    spec = Spec("pause_schedule", "POST", "/schedules/{definition}/pause", ScheduleView, read_only=False)
    definition: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class ResumeSchedule(Operation[ScheduleView]):
    """Go on starting runs by the schedule of a definition. What was due while it was paused is not made up for."""

    spec = Spec("resume_schedule", "POST", "/schedules/{definition}/resume", ScheduleView, read_only=False)
    definition: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class ListWorkers(Operation[WorkerList]):
    """The workers: which queues each takes from, whether it is alive, how much it runs."""

    spec = Spec("list_workers", "GET", "/workers", WorkerList)


OPERATIONS: Final[tuple[type[Operation[Any]], ...]] = (
    ListDefinitions,
    GetDefinitionSchema,  # before GetDefinition, whose path could be taken for it
    GetDefinition,
    DefineCanvas,
    CheckDefinitions,
    GetDefinitionGraph,
    StartRun,
    WaitForRun,
    DiagnoseRun,
    ListRuns,
    GetRun,
    GetRunGraph,
    ListTasks,
    GetTask,
    GetLogs,
    GetTaskLogs,
    CancelRun,
    RelaunchRun,
    RetryRun,
    PauseRun,
    ResumeRun,
    ApproveTask,
    RejectTask,
    ListSchedules,
    PauseSchedule,
    ResumeSchedule,
    ListWorkers,
)
"""All operations, in the order in which agents and readers should see them."""

BY_NAME: Final = {each.spec.name: each for each in OPERATIONS}
