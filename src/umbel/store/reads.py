"""Reading the history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select

from umbel.machine import RunState, TaskState
from umbel.plan.model import Plan
from umbel.store import listing, plans, tables
from umbel.store.database import Database
from umbel.store.listing import RunFilter, Tally
from umbel.store.rows import AppliedEvent, AttemptRow, RunRow, TaskRow

_runs: Final = tables.runs
_run_columns: Final = select(*(_runs.c[name] for name in RunRow.__slots__))
_listed_columns: Final = select(
    *(literal("{}").label(name) if name == "payload" else _runs.c[name] for name in RunRow.__slots__)
)
"""Without the payload, which may be large, and of which no list of runs shows more than its head."""
HEAD: Final = 1000
"""Characters of a payload's head."""
_headed_columns: Final = select(
    *(
        func.substr(_runs.c[name], 1, HEAD).label(name) if name == "payload" else _runs.c[name]
        for name in RunRow.__slots__
    )
)
_task_columns: Final = select(*(tables.tasks.c[name] for name in TaskRow.__slots__))
_attempt_columns: Final = select(*(tables.attempts.c[name] for name in AttemptRow.__slots__))
_event_columns: Final = select(*(tables.events.c[name] for name in AppliedEvent.__slots__))
MAX_INDEX: Final = 2**31 - 1
_newest_first: Final = listing.newest_first


@dataclass(frozen=True, slots=True)
class Page:
    """Runs, newest first; of their payloads only the head. `cursor` asks for the next page; None after the last.

    `searched_to` is the time (ms) of the oldest run in which a text was looked for, if there are older ones.
    """

    runs: list[RunRow]
    cursor: str | None
    searched_to: int | None = None


class Reads:
    """Everything that is asked of the history. Every method raises `HistoryUnavailable` if it does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, run_id: str) -> RunRow | None:
        """The run, or None."""
        with self._database.read() as connection:
            return run_by_id(connection, run_id)

    def runs(self, wanted: RunFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        """A page of runs, newest first, of their payloads only the head. New runs do not shift the pages that follow.

        Raises:
            BadRequest: the cursor is none that an earlier page gave.
        """
        after = listing.read_cursor(cursor) if cursor is not None else None
        with self._database.read() as connection:
            rows, end, searched_to = listing.page(connection, _headed_columns, wanted, after, limit)
        return Page(_made(rows), listing.write_cursor(end) if end else None, searched_to)

    def runs_page(self, *, page: int, per_page: int, with_payload: bool = True) -> list[RunRow]:
        """Page number `page` (from 1) of all runs, newest first."""
        columns = _run_columns if with_payload else _listed_columns
        statement = columns.order_by(*_newest_first).limit(per_page).offset((page - 1) * per_page)
        with self._database.read() as connection:
            return _run_rows(connection, statement)

    def tally(self, wanted: RunFilter, *, now: int, most: int = 72) -> Tally:
        """How many runs were accepted when, by state, in up to `most` bins. `now` (ms): where time ends if no run is
        newer."""
        with self._database.read() as connection:
            return listing.tally(connection, wanted, now, most)

    def live_runs(self, *, limit: int = 1000) -> list[RunRow]:
        """Runs of which something may still be alive, oldest first."""
        statement = _run_columns.where(~_runs.c.settled).order_by(_runs.c.created_at, _runs.c.id).limit(limit)
        with self._database.read() as connection:
            return _run_rows(connection, statement)

    def unlaunched_runs(self, before: int, *, limit: int = 1000) -> list[RunRow]:
        """Runs accepted before `before` (ms) of which the history holds no event, or whose new epoch was asked for
        before and has not begun; oldest first. Not those that are held."""
        new = and_(_runs.c.last_seq == 0, _runs.c.created_at < before)
        again = and_(_runs.c.rerun.is_not(None), _runs.c.updated_at < before)
        statement = _run_columns.where(~_runs.c.settled, ~_runs.c.held, or_(new, again))
        with self._database.read() as connection:
            return _run_rows(connection, statement.order_by(_runs.c.created_at, _runs.c.id).limit(limit))

    def launched_runs(self, before: int, *, limit: int = 1000) -> list[RunRow]:
        """Live runs of which nothing was heard since `before` (ms), the most silent first; without payloads."""
        live = (~_runs.c.settled, _runs.c.last_seq > 0, _runs.c.rerun.is_(None), _runs.c.updated_at < before)
        with self._database.read() as connection:
            return _run_rows(connection, _listed_columns.where(*live).order_by(_runs.c.updated_at).limit(limit))

    def runs_named(self, ids: Sequence[str]) -> list[RunRow]:
        """Those of these runs that the history has, without payloads. Not many at a time."""
        with self._database.read() as connection:
            return _run_rows(connection, _listed_columns.where(_runs.c.id.in_(ids)))

    def live_families(self, roots: Sequence[str]) -> list[RunRow]:
        """These runs and all that their tasks have started, as far as they are not settled; without payloads."""
        family = or_(_runs.c.id.in_(roots), _runs.c.root_run.in_(roots))
        with self._database.read() as connection:
            return _run_rows(connection, _listed_columns.where(family, ~_runs.c.settled))

    def tasks(self, run_id: str, *, first: int = 0, below: int = MAX_INDEX) -> list[TaskRow]:
        """The tasks to which something has happened, by index (those from `first` up to `below`, not included). The
        others are waiting."""
        with self._database.read() as connection:
            return task_rows(connection, run_id, first, below)

    def count_tasks(self, run_id: str, first: int, below: int) -> dict[TaskState, int]:
        """How many of the tasks from `first` up to `below` (not included) stand in each state."""
        columns = tables.tasks.c
        statement = (
            select(columns.state, func.count())
            .where(columns.run_id == run_id, columns.idx >= first, columns.idx < below)
            .group_by(columns.state)
        )
        with self._database.read() as connection:
            return {TaskState(state): number for state, number in connection.execute(statement)}

    def attempts(
        self, run_id: str, idx: int | None = None, *, first: int = 0, below: int = MAX_INDEX
    ) -> list[AttemptRow]:
        """The attempts of a run (of one of its tasks; of those from `first` up to `below`), by task, then in order.

        What still ran when its run was stopped, and was never heard of again, counts as canceled.
        """
        table = tables.attempts
        statement = _attempt_columns.where(table.c.run_id == run_id, table.c.idx >= first, table.c.idx < below)
        if idx is not None:
            statement = statement.where(table.c.idx == idx)
        with self._database.read() as connection:
            run = run_by_id(connection, run_id)
            found = [
                AttemptRow(*row)
                for row in connection.execute(statement.order_by(table.c.idx, table.c.epoch, table.c.attempt))
            ]
        if run is not None and run.stopped and run.settled:
            for one in found:
                if one.outcome == "running":
                    one.outcome = "canceled"
                    one.finished_at = run.finished_at
        return found

    def events(
        self, run_id: str, after_seq: int = 0, *, limit: int = 1000, idx: int | None = None
    ) -> list[AppliedEvent]:
        """The run's events (of its task `idx`) numbered above `after_seq`, in order."""
        table = tables.events
        statement = _event_columns.where(table.c.run_id == run_id, table.c.seq > after_seq).order_by(table.c.seq)
        if idx is not None:
            statement = statement.where(table.c.idx == idx)
        with self._database.read() as connection:
            return _event_rows(connection, statement.limit(limit))

    def events_all(self, after_id: int = 0, *, limit: int = 1000) -> list[AppliedEvent]:
        """The events of all runs with a global number above `after_id`, in order."""
        table = tables.events
        statement = _event_columns.where(table.c.id > after_id).order_by(table.c.id).limit(limit)
        with self._database.read() as connection:
            return _event_rows(connection, statement)

    def last_event(self) -> int:
        """The newest event's global number; 0 before the first."""
        statement = select(tables.counters.c.value).where(tables.counters.c.name == "events")
        with self._database.read() as connection:
            return connection.scalar(statement) or 0

    def plan(self, plan_hash: str) -> Plan | None:
        """The plan with this content hash, or None."""
        with self._database.read() as connection:
            return plans.load(connection, [plan_hash]).get(plan_hash)


def run_by_id(connection: Connection, run_id: str) -> RunRow | None:
    """The run, or None."""
    found = _run_rows(connection, _run_columns.where(_runs.c.id == run_id))
    return found[0] if found else None


def task_rows(connection: Connection, run_id: str, first: int = 0, below: int = MAX_INDEX) -> list[TaskRow]:
    """The tasks of a run that have rows, by index, from `first` up to `below` (not included)."""
    columns = tables.tasks.c
    statement = _task_columns.where(columns.run_id == run_id, columns.idx >= first, columns.idx < below)
    found = [TaskRow(*row) for row in connection.execute(statement.order_by(columns.idx))]
    for task in found:
        task.state = TaskState(task.state)
    return found


def run_rows(connection: Connection, *conditions: ColumnElement[bool]) -> list[RunRow]:
    """The runs that fulfil all conditions, oldest first."""
    return _run_rows(connection, _run_columns.where(*conditions).order_by(_runs.c.created_at, _runs.c.id))


def _run_rows(connection: Connection, statement: Select[Any]) -> list[RunRow]:
    return _made(connection.execute(statement))


def _made(rows: Iterable[Any]) -> list[RunRow]:
    found = [RunRow(*row) for row in rows]
    for run in found:
        run.state = RunState(run.state)
    return found


def _event_rows(connection: Connection, statement: Select[Any]) -> list[AppliedEvent]:
    found = [AppliedEvent(*row) for row in connection.execute(statement)]
    for event in found:
        # A column of text: the row's last value is the JSON that `project.py` wrote.
        event.data = orjson.loads(str(event.data))
    return found
