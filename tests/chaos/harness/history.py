"""What SQL says in the end, as plain facts for the checker."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import select

from umbel.store import Database, tables

Task = tuple[str, int]
"""Run and index."""


class Event(NamedTuple):
    """One line of a run's history."""

    seq: int
    type: str
    at: int
    task: int | None
    attempt: int | None
    data: dict[str, Any]


@dataclass(slots=True)
class Row:
    """One run."""

    definition: str
    payload: dict[str, Any]
    state: str
    settled: bool
    parent: str | None
    last_seq: int


@dataclass(slots=True)
class History:
    """Everything of all runs."""

    runs: dict[str, Row] = field(default_factory=dict)
    states: dict[Task, tuple[str, str, str | None]] = field(default_factory=dict)
    """Key, state and type of error of each task to which something has happened."""
    events: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, str] = field(default_factory=dict)
    """Idempotency key and run."""


def unsettled(database: Database) -> list[str]:
    """Ids of the runs that have not come to their end."""
    with database.read() as connection:
        return list(connection.scalars(select(tables.runs.c.id).where(~tables.runs.c.settled)))


def event_count(database: Database) -> int:
    """The number of the newest event."""
    with database.read() as connection:
        return int(connection.scalar(select(tables.counters.c.value)) or 0)


def read(database: Database) -> History:
    """The whole history."""
    found = History()
    runs, tasks, events, keys = tables.runs.c, tables.tasks.c, tables.events.c, tables.idempotency.c
    with database.read() as connection:
        for run in connection.execute(
            select(runs.id, runs.definition, runs.payload, runs.state, runs.settled, runs.parent_run, runs.last_seq)
        ):
            found.runs[run[0]] = Row(run[1], json.loads(run[2]), *run[3:])
        for row in connection.execute(select(tasks.run_id, tasks.idx, tasks.key, tasks.state, tasks.error_type)):
            found.states[row[0], row[1]] = (row[2], row[3], row[4])
        wanted = select(events.run_id, events.seq, events.type, events.at, events.idx, events.attempt, events.data)
        for row in connection.execute(wanted.order_by(events.run_id, events.seq)):
            found.events[row[0]].append(Event(*row[1:6], json.loads(row[6] or "{}")))
        for key, run in connection.execute(select(keys.key, keys.run_id)):
            found.keys[key] = run
    return found
