"""Runs and their tasks."""

from typing import Any, Literal

from pydantic import Field

from umbel.machine import RUN_TERMINAL, RunState, TaskState
from umbel.service.models.base import Kind, Outcome, Resource, Status, Time


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
    states: dict[TaskState, int] = Field(default={})


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
    why: str | None = Field(default=None, description="Why it has not ended, in one sentence; only `get_task` says it.")
    result: Any = Field(default=None, description="What the task returned; null before success.")
    error: ErrorView | None = None
    attempts: list[AttemptView] = Field(default=[])


class Run(Resource):
    """One execution of a definition."""

    id: str
    definition: str = Field(description="`project.NAME`.")
    version: str | None = Field(default=None, description="Version of the definition that it runs.")
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
    payload_brief: str | None = Field(
        default=None, description="In lists: how the payload begins, as JSON, 120 characters at most; secrets are ***."
    )
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
    searched_to: Time | None = Field(
        default=None,
        description="With `q`, if the page is not full and there are older runs: so far back the text was looked for,"
        " in 10,000 runs a page. `next_cursor` looks further back.",
    )


class OutputPart(Resource):
    """A part of a long text."""

    text: str = Field(description="This part of the JSON text.")
    offset: int = Field(description="Where it begins, in characters.")
    total: int = Field(description="Characters of the whole.")
    next_offset: int | None = Field(default=None, description="Pass it as `offset` for what follows; null on the last.")


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
