"""Retention: what is old enough goes, in small transactions."""

from typing import Final

from sqlalchemy import delete, select

from umbel.store import tables
from umbel.store.database import Database

_CHILDREN: Final = (tables.logs, tables.events, tables.attempts, tables.tasks)


class Retention:
    """Deletes finished runs and worn-out idempotency keys. Plans stay: they are few and shared."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prune(self, older_than: int, limit: int = 100) -> int:
        """Deletes up to `limit` settled runs that finished before `older_than` (ms), with all their rows.

        Returns:
            How many were deleted; fewer than `limit` means that no more are left.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        runs = tables.runs
        old = select(runs.c.id).where(runs.c.finished_at < older_than, runs.c.settled)
        with self._database.read() as connection:
            ids = connection.scalars(old.order_by(runs.c.finished_at).limit(limit)).all()
        if ids:
            with self._database.write() as connection:
                for table in _CHILDREN:
                    connection.execute(delete(table).where(table.c.run_id.in_(ids)))
                connection.execute(delete(runs).where(runs.c.id.in_(ids)))
        return len(ids)

    def prune_keys(self, older_than: int) -> int:
        """Deletes idempotency keys made before `older_than` (ms); returns how many.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        table = tables.idempotency
        with self._database.write() as connection:
            return connection.execute(delete(table).where(table.c.created_at < older_than)).rowcount
