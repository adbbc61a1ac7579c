"""The history: runs counted over time, and the events of a run."""

from pydantic import Field

from umbel.service.models import EventPage, RunCounts
from umbel.service.operations.base import LARGEST, Chosen, Operation, RunId, Spec, TaskKey


class CountRuns(Chosen[RunCounts]):
    """Count runs by state and time of acceptance, for the same filters as `list_runs`."""

    spec = Spec(
        "count_runs",
        "GET",
        "/runs/counts",
        RunCounts,
        query=("status", "definition", "since", "until", "q", "bins"),
    )
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
