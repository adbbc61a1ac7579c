"""What the history says of the plans of a definition, and of what runs now."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, tuple_

from umbel.plan.model import Plan
from umbel.store import plans, tables
from umbel.store.database import Database

_runs: Final = tables.runs.c


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A plan that some runs of a definition had. `runs`: how many of those that were looked at, by state; times in ms,
    `first_used` of its first run ever, `last_used` of the newest."""

    plan: Plan
    first_used: int
    last_used: int
    runs: dict[str, int]

    @property
    def hash(self) -> str:
        """Content hash of the plan."""
        return self.plan.hash


class Versions:
    """Plans by use. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self, definition: str, *, runs: int, most: int) -> list[VersionRow]:
        """The plans of the definition's newest `runs` runs, that which came last first; `most` plans at most."""
        newest = (_runs.created_at.desc(), _runs.id.desc())
        some = (
            select(_runs.plan_hash, _runs.state, _runs.created_at)
            .where(_runs.definition == definition)
            .order_by(*newest)
            .limit(runs)
            .subquery()
        )
        by_state = select(some.c.plan_hash, some.c.state, func.count(), func.max(some.c.created_at))
        counts: dict[str, dict[str, int]] = {}
        last: dict[str, int] = {}
        with self._database.read() as connection:
            for key, state, number, at in connection.execute(by_state.group_by(some.c.plan_hash, some.c.state)):
                counts.setdefault(key, {})[str(state)] = number
                last[key] = max(at, last.get(key, 0))
            found = plans.load(connection, sorted(last, key=last.__getitem__, reverse=True)[:most])
            table = tables.plans.c
            born = select(table.hash, table.created_at).where(table.hash.in_(found))
            rows = [VersionRow(found[key], at, last[key], counts[key]) for key, at in connection.execute(born)]
        return sorted(rows, key=lambda row: (row.first_used, row.last_used), reverse=True)

    def running_since(self, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """When the running attempts of these tasks (run, index) began, ms. Not many at a time."""
        table = tables.attempts.c
        statement = select(table.run_id, table.idx, table.started_at).where(
            tuple_(table.run_id, table.idx).in_(sorted(places)), table.outcome == "running"
        )
        with self._database.read() as connection:
            return {(run, idx): at for run, idx, at in connection.execute(statement) if at is not None}
