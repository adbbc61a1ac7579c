"""Reading the history: runs counted over time, and the events of a run."""

from umbel.service.events import view
from umbel.service.models import EventPage, RunBin, RunCounts, instant
from umbel.service.operations import CountRuns, ListEvents
from umbel.service.reading import filter_of, find_task, require
from umbel.service.umbel import Umbel, now_ms


def count_runs(umbel: Umbel, asked: CountRuns) -> RunCounts:
    """How many runs were accepted when, by state. Raises BadRequest if a time cannot be read."""
    found = umbel.store.tally(filter_of(asked), now=now_ms(), most=asked.bins)
    return RunCounts(
        since=instant(found.since),
        until=instant(found.until),
        step=found.step / 1000,
        bins=[RunBin(since=instant(start), counts=counts) for start, counts in sorted(found.bins.items())],
        total=found.total,
        complete=found.complete,
    )


def list_events(umbel: Umbel, asked: ListEvents) -> EventPage:
    """A page of what happened to a run. Raises RunNotFound, TaskNotFound."""
    run = require(umbel, asked.run_id)
    idx = None if asked.key is None else find_task(umbel, run, asked.key)
    found = umbel.store.events(run.id, asked.after, limit=asked.limit + 1, idx=idx)
    # The events may name items of maps that are newer than the row above.
    now = require(umbel, asked.run_id)
    names = umbel.names(now.plan_hash, now.maps)
    items = [view(names, event, event.seq) for event in found[: asked.limit]]
    return EventPage(items=items, next_after=items[-1].id if len(found) > asked.limit else None)
