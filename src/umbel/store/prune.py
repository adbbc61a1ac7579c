"""Retention: what is old enough goes, in small transactions."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Select, delete, select

from umbel.store import tables
from umbel.store.database import Database

_runs: Final = tables.runs
_CHILDREN: Final = (
    *(tables.logs, tables.events, tables.attempts, tables.tasks),
    *(tables.delivery_attempts, tables.deliveries),
)


class Retention:
    """Deletes finished runs and worn-out idempotency keys. Plans stay: they are few and shared."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prune(
        self, older_than: int, limit: int = 100, *, among: Collection[str] | None = None, besides: Collection[str] = ()
    ) -> int:
        """Deletes up to `limit` settled runs that finished before `older_than` (ms), with all their rows.

        Args:
            among: only runs of these definitions.
            besides: not runs of these definitions.

        Returns:
            How many were deleted; fewer than `limit` means that no more are left.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        old = select(_runs.c.id).where(_runs.c.finished_at < older_than, _runs.c.settled)
        if among is not None:
            old = old.where(_runs.c.definition.in_(among))
        if besides:
            old = old.where(_runs.c.definition.not_in(besides))
        return self._delete(old.order_by(_runs.c.finished_at).limit(limit))

    def prune_beyond(self, definition: str, keep: int, limit: int = 100) -> int:
        """Deletes up to `limit` settled runs of a definition that are not among its `keep` newest. As `prune`."""
        newest = (_runs.c.created_at.desc(), _runs.c.id.desc())
        beyond = select(_runs.c.id, _runs.c.settled).where(_runs.c.definition == definition).order_by(*newest)
        # An OFFSET without a LIMIT is not SQLite's; the outer query has the limit that counts.
        rest = beyond.offset(keep).limit(2**31).subquery()
        return self._delete(select(rest.c.id).where(rest.c.settled).limit(limit))

    def _delete(self, which: Select[tuple[str]]) -> int:
        with self._database.read() as connection:
            ids = connection.scalars(which).all()
        if ids:
            with self._database.write() as connection:
                for table in _CHILDREN:
                    connection.execute(delete(table).where(table.c.run_id.in_(ids)))
                connection.execute(delete(_runs).where(_runs.c.id.in_(ids)))
        return len(ids)

    def prune_keys(self, older_than: int) -> int:
        """Deletes idempotency keys made before `older_than` (ms); returns how many.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        table = tables.idempotency
        with self._database.write() as connection:
            return connection.execute(delete(table).where(table.c.created_at < older_than)).rowcount
