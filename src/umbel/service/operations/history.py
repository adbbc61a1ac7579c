"""The history: runs counted over time, and the events of a run."""

from pydantic import Field

from umbel.machine import RunState
from umbel.service.models import EventPage, RunCounts
from umbel.service.operations.base import LARGEST, Operation, RunId, Spec, TaskKey


class CountRuns(Operation[RunCounts]):
    """Count runs by state and time of acceptance, for the same filters as `list_runs`."""

    spec = Spec(
        "count_runs",
        "GET",
        "/runs/counts",
        RunCounts,
        query=("status", "definition", "since", "until", "q", "bins"),
    )
    status: list[RunState] | None = Field(default=None, description="Only runs in one of these states.")
    definition: str | None = Field(default=None, description="Only runs of this definition.")
    since: str | None = Field(
        default=None, description="Started at or after this time (RFC 3339, or seconds since 1970)."
    )
    until: str | None = Field(default=None, description="Started before this time.")
    q: str | None = Field(default=None, max_length=200, description="Text in the id, name, comment or payload.")
    bins: int = Field(default=72, ge=1, le=200, description="Stretches of time at most.")


class ListEvents(Operation[EventPage]):
    """What happened to a run, in order, a page at a time: each change of it, its tasks and their attempts, with the
    exact time and the details."""

    spec = Spec("list_events", "GET", "/runs/{run_id}/history", EventPage, query=("key", "after", "limit"))
    run_id: RunId
    key: TaskKey | None = Field(default=None, description="Only events of this task.")
    after: int = Field(
        default=0, ge=0, le=LARGEST, description="`next_after` of the page before, or the last event seen."
    )
    limit: int = Field(default=500, ge=1, le=2000, description="Events per page.")
