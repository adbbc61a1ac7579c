"""Runs: starting, finding, watching, stopping and going on with them."""

from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from umbel.service.models import Diagnosis, Picture, Retry, Run, RunDetail, RunList
from umbel.service.operations.base import MAX_WAIT, CanvasName, Chosen, Format, Operation, RunId, Spec, TaskKey


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
        scope="run",
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


class ListRuns(Chosen[RunList]):
    """List runs, newest first, by state, definition, time or text."""

    spec = Spec(
        "list_runs",
        "GET",
        "/runs",
        RunList,
        query=("status", "definition", "since", "until", "q", "cursor", "limit"),
    )
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


class GetRunGraph(Operation[Picture]):
    """A picture of a run with the state of each task. Over HTTP it comes as it is, or as JSON to who accepts only
    that."""

    spec = Spec("get_run_graph", "GET", "/runs/{run_id}/graph", Picture, query=("format",))
    run_id: RunId
    format: Format = "ascii"


class CancelRun(Operation[Run]):
    """Cancel a run: what has not finished will not start, what runs is stopped. A finished run stays as it is; what a
    failed one still does ends."""

    spec = Spec("cancel_run", "POST", "/runs/{run_id}/cancel", Run, scope="run", read_only=False, destructive=True)
    run_id: RunId


class RelaunchRun(Operation[Run]):
    """Start a new run with the definition and the payload of an earlier one, or with another payload."""

    spec = Spec(
        "relaunch_run",
        "POST",
        "/runs/{run_id}/relaunch",
        Run,
        status=201,
        scope="run",
        read_only=False,
        idempotent=False,
        open_world=True,
    )
    run_id: RunId
    payload: dict[str, Any] | None = Field(
        default=None,
        description="In the place of the earlier one's. Secrets have to be typed anew then.",
    )
    comment: str | None = Field(default=None, max_length=255, description="A note, shown with the new run.")


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
        scope="run",
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

    spec = Spec("pause_run", "POST", "/runs/{run_id}/pause", Run, scope="run", read_only=False)
    run_id: RunId


class ResumeRun(Operation[Run]):
    """Let a paused run go on."""

    spec = Spec("resume_run", "POST", "/runs/{run_id}/resume", Run, scope="run", read_only=False)
    run_id: RunId
