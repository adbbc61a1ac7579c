"""Limits: how many runs of a definition are live at a time [U-1]. The transaction that writes a run decides."""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from itertools import groupby

from sqlalchemy import Connection, or_, select, text, update

from umbel.errors import LimitReached
from umbel.machine import EventType, RunState
from umbel.store import deliveries, tables
from umbel.store.database import Database
from umbel.store.project import add_events
from umbel.store.reads import run_by_id, run_rows
from umbel.store.rows import AppliedEvent, End, Limit, RunRow

_runs = tables.runs
_oldest = (_runs.c.created_at, _runs.c.id)


class Limits:
    """Runs that wait for others, or make room for them. Every method raises HistoryUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def release_held(self) -> list[RunRow]:
        """Lets go those runs for which there is room now, in the order in which they came; they have to be launched.

        Two servers never let go the same one.
        """
        waiting = (_runs.c.held, ~_runs.c.settled, _runs.c.limit_key.is_not(None))
        asked = select(_runs.c.limit_key, _runs.c.id).where(*waiting).order_by(_runs.c.limit_key, *_oldest)
        with self._database.read() as connection:
            if connection.execute(asked.limit(1)).first() is None:
                return []
        released: list[str] = []
        with self._database.write() as connection:
            held = connection.execute(asked).all()
            lock(connection, {str(row.limit_key) for row in held})
            for key, rows in groupby(held, key=lambda row: str(row.limit_key)):
                live = len(_live(connection, key))
                for row in rows:
                    free = (_runs.c.id == row.id, _runs.c.held, _runs.c.limit_runs > live)
                    if not connection.execute(update(_runs).where(*free).values(held=False)).rowcount:
                        break
                    released.append(row.id)
                    live += 1
            return [run for run_id in released if (run := run_by_id(connection, run_id)) is not None]

    def evicted_runs(self) -> list[RunRow]:
        """Runs that have to be canceled, because others came."""
        with self._database.read() as connection:
            return run_rows(connection, _runs.c.evicted, ~_runs.c.settled, _runs.c.limit_key.is_not(None))

    def limit_holders(self, key: str) -> list[str]:
        """The runs for whose end those wait that are held by this limit, oldest first."""
        with self._database.read() as connection:
            return _live(connection, key)

    def end_here(self, run: RunRow, at: int, by: str) -> bool:
        """Cancels, at the time `at` (ms), a run that waits for others, or that the state store has lost: it would never
        hear of it. One that is stopped only settles. False, changing nothing, if it has gone on since it was read."""
        with self._database.write() as connection:
            disturb(connection, run.partition)
            as_read = (_runs.c.id == run.id, _runs.c.epoch == run.epoch, _runs.c.last_seq == run.last_seq)
            here = or_(_runs.c.held, _runs.c.rerun.is_(None))
            state = run.state if run.stopped else RunState.CANCELED
            finished = run.finished_at if run.stopped and run.finished_at else at
            run = replace(run, updated_at=at, last_seq=run.last_seq + (1 if run.stopped else 2))
            change = (
                update(_runs)
                .where(*as_read, here, ~_runs.c.settled)
                .values(
                    state=state.value,
                    settled=True,
                    stopped=True,
                    paused=False,
                    held=False,
                    rerun=None,
                    finished_at=finished,
                    updated_at=at,
                    last_seq=run.last_seq,
                )
            )
            if not connection.execute(change).rowcount:
                return False
            if run.stopped:
                add_events(connection, [_event(run, run.last_seq, EventType.RUN_SETTLED)])
                if run.finished_at is None:
                    deliveries.note(connection, [End(run.id, run.epoch, run.state, at, run.failed_task)])
            else:
                tell_canceled(connection, run, by)
        return True


def decide(connection: Connection, limit: Limit, run: RunRow) -> LimitReached | None:
    """What becomes of a run that is to begin: changes its row (held, or canceled), marks others as evicted, or refuses.

    The row is not written yet, or by the caller after this.
    """
    lock(connection, [limit.key])
    live = _live(connection, limit.key)
    queue = limit.on_limit == "queue"
    if len(live) < limit.runs and not (queue and _somebody_waits(connection, limit.key)):
        return None
    match limit.on_limit:
        case "queue":
            run.held = True
        case "skip":
            others = ", ".join(live[:3]) + (f" and {len(live) - 3} more" if len(live) > 3 else "")
            return LimitReached(f"{len(live)} of {limit.runs} runs are live that {run.definition} may have: {others}.")
        case "cancel_oldest":
            oldest = live[: len(live) - limit.runs + 1]
            connection.execute(update(_runs).where(_runs.c.id.in_(oldest)).values(evicted=True))
        case "cancel_newest":
            run.state, run.settled, run.stopped = RunState.CANCELED, True, True
            run.finished_at, run.last_seq = run.updated_at, run.last_seq + 2
    return None


def tell_canceled(connection: Connection, run: RunRow, by: str) -> None:
    """Writes the two events of a run that is canceled before it was launched; its row is as after them."""
    canceled = _event(run, run.last_seq - 1, EventType.RUN_CANCELED, by=by)
    add_events(connection, [canceled, _event(run, run.last_seq, EventType.RUN_SETTLED)])
    deliveries.note(connection, [End(run.id, run.epoch, RunState.CANCELED, run.updated_at, run.failed_task)])


def _event(run: RunRow, seq: int, kind: EventType, **data: str) -> AppliedEvent:
    return AppliedEvent(0, run.id, seq, kind, run.updated_at, None, None, data)


def lock(connection: Connection, keys: Collection[str]) -> None:
    """Nobody else decides on these keys until the transaction ends. SQLite has one writer at a time anyway.

    Who needs several takes them in one call: in another order than others, two would wait for each other.
    """
    for key in sorted(keys) if connection.dialect.name == "postgresql" else ():
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": number})


def disturb(connection: Connection, partition: int) -> None:
    """Rows of this partition's runs change beside the projector: what it has read of them counts no more."""
    table = tables.positions
    connection.execute(update(table).where(table.c.partition == partition).values(generation=table.c.generation + 1))


def _live(connection: Connection, key: str) -> list[str]:
    """The runs that count, oldest first."""
    counts = (_runs.c.limit_key == key, ~_runs.c.settled, ~_runs.c.held, ~_runs.c.evicted)
    return list(connection.scalars(select(_runs.c.id).where(*counts).order_by(*_oldest)))


def _somebody_waits(connection: Connection, key: str) -> bool:
    waits = (_runs.c.limit_key == key, ~_runs.c.settled, _runs.c.held)
    return connection.scalar(select(_runs.c.id).where(*waits).limit(1)) is not None
