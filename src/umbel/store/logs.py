"""The captured output of attempts. (It is written with the other rows, in `project.py`.)"""

from sqlalchemy import select

from umbel.store import tables
from umbel.store.database import Database
from umbel.store.rows import LogLine

_columns = select(*(tables.logs.c[name] for name in LogLine.__slots__))


class Logs:
    """Reads output lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def logs(
        self,
        run_id: str,
        *,
        idx: int | None = None,
        attempt: int | None = None,
        after_id: int = 0,
        limit: int = 1000,
    ) -> list[LogLine]:
        """Lines of a run, of one task or of one attempt, with an id above `after_id`, in the order they arrived.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        table = tables.logs
        statement = _columns.where(table.c.run_id == run_id, table.c.id > after_id)
        if idx is not None:
            statement = statement.where(table.c.idx == idx)
        if attempt is not None:
            statement = statement.where(table.c.attempt == attempt)
        with self._database.read() as connection:
            return [LogLine(*row) for row in connection.execute(statement.order_by(table.c.id).limit(limit))]
