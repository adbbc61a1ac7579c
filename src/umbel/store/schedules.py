"""Schedules: when each definition is started next, and the start itself: both in one transaction."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select, update

from umbel.errors import LimitReached
from umbel.store import accept, tables
from umbel.store.database import Database
from umbel.store.leases import Lease, holds
from umbel.store.reads import run_by_id
from umbel.store.rows import Accepted, NewRun, RunRow
from umbel.store.sql import upsert

_schedules = tables.schedules


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """What is known of one definition's schedule. Times are ms UTC.

    `spec` is the schedule that `next_at` was made from. `last_at` is the newest tick that started a run, `skipped_at`
    the newest that did not, because a run was still alive ("overlap"), too many of them were ("limit"), or no server
    was up ("missed").
    """

    definition: str
    spec: str
    next_at: int | None
    paused: bool
    last_at: int | None = None
    last_run: str | None = None
    skipped_at: int | None = None
    skipped_why: str | None = None


@dataclass(frozen=True, slots=True)
class Ticked:
    """What became of a tick: "moved" means that this server is not the one to decide (any more)."""

    outcome: Literal["started", "overlap", "limit", "missed", "moved"]
    run: RunRow | None = None


class Schedules:
    """The schedules of definitions. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def schedules(self) -> dict[str, ScheduleRow]:
        """All that were ever arranged or paused, by definition."""
        statement = select(*(_schedules.c[name] for name in ScheduleRow.__slots__))
        with self._database.read() as connection:
            return {row.definition: ScheduleRow(*row) for row in connection.execute(statement)}

    def arrange(self, lease: Lease, definition: str, spec: str, next_at: int | None) -> None:
        """Notes the first tick of a schedule that is new, or not as it was. Does nothing without the lease."""
        with self._database.write() as connection:
            if holds(connection, lease):
                insert = upsert(connection.dialect.name, _schedules, update=("spec", "next_at"))
                row = {"definition": definition, "spec": spec, "next_at": next_at, "paused": False}
                connection.execute(insert.values(row))

    def pause(self, definition: str, spec: str, next_at: int | None, *, paused: bool) -> None:
        """Stops or resumes a schedule; `next_at` is its next tick when resumed. What is so already stays as it is."""
        with self._database.write() as connection:
            insert = upsert(connection.dialect.name, _schedules, update=())
            row = {"definition": definition, "spec": spec, "next_at": next_at, "paused": False}
            connection.execute(insert.values(row))
            change = update(_schedules).where(
                _schedules.c.definition == definition, _schedules.c.paused.is_(not paused)
            )
            connection.execute(change.values(paused=paused, spec=spec, next_at=next_at))

    def tick(
        self,
        lease: Lease,
        definition: str,
        expected: int,
        tick: int,
        next_at: int | None,
        new: NewRun | None,
        *,
        overlap: bool = True,
    ) -> Ticked:
        """Accepts the run of a tick and moves the schedule on, together or not at all.

        Args:
            expected: the tick that the schedule stands at; if it has moved, nothing is done.
            tick: the tick that is dealt with: `expected`, or a later one if those before it are left out.
            next_at: where the schedule stands then.
            new: the run, whose id must depend on definition and tick only; None to leave the tick out as missed.
            overlap: whether to start while an earlier scheduled run is alive.
        """
        stands = (
            _schedules.c.definition == definition,
            _schedules.c.next_at == expected,
            _schedules.c.paused.is_(False),
        )
        with self._database.write() as connection:
            if not holds(connection, lease):
                return Ticked("moved")
            if not connection.execute(update(_schedules).where(*stands).values(next_at=next_at)).rowcount:
                return Ticked("moved")
            change = update(_schedules).where(_schedules.c.definition == definition)
            runs = tables.runs
            alive = (runs.c.definition == definition, runs.c.settled.is_(False), runs.c.periodic.is_(True))
            why: Literal["overlap", "missed"] | None = None
            if new is None:
                why = "missed"
            elif not overlap and connection.scalar(select(runs.c.id).where(*alive).limit(1)):
                why = "overlap"
            if new is None or why is not None:
                connection.execute(change.values(skipped_at=tick, skipped_why=why))
                return Ticked(why or "missed")
            run = run_by_id(connection, new.id)
            if run is None:
                (answer,) = accept.insert_runs(connection, [new])
                if isinstance(answer, LimitReached):
                    connection.execute(change.values(skipped_at=tick, skipped_why="limit"))
                    return Ticked("limit")
                assert isinstance(answer, Accepted)  # without an idempotency key there is no other answer
                run = answer.run
            connection.execute(change.values(last_at=tick, last_run=new.id))
        return Ticked("started", run)
