"""What the history tells a dashboard."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from umbel.store import tables
from umbel.store.database import Database

MOST: Final = 100_000
"""Live runs that are counted."""


@dataclass(frozen=True, slots=True)
class HistoryMeasured:
    """The history at one moment. `live`: runs that are not settled, by state (`held`: they wait for others);
    `next_tick`: ms of the earliest tick that is still to come of any schedule that is not paused."""

    live: dict[str, int]
    next_tick: int | None
    in_use: int
    idle: int


class Measures:
    """Figures of the history and of this process's connections to it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def measure(self) -> HistoryMeasured:
        """What it holds. Raises HistoryUnavailable."""
        runs, schedules = tables.runs.c, tables.schedules.c
        some = select(runs.state, runs.held).where(~runs.settled).limit(MOST).subquery()
        live: dict[str, int] = {}
        with self._database.read() as connection:
            for state, held, number in connection.execute(
                select(some.c.state, some.c.held, func.count()).group_by(some.c.state, some.c.held)
            ):
                name = "held" if held else str(state)
                live[name] = live.get(name, 0) + number
            tick = connection.scalar(select(func.min(schedules.next_at)).where(~schedules.paused))
        pool: Any = self._database.engine.pool  # SQLAlchemy's QueuePool
        return HistoryMeasured(live, tick, pool.checkedout(), pool.checkedin())
