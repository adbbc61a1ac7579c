"""What differs between the SQL dialects, and the short way for writing many rows."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert, UpdateBase


def upsert(dialect: str, table: Table, update: Collection[str] | None = None) -> Insert:
    """An INSERT that, where the primary key is taken, updates the columns named (None: all others; empty: nothing)."""
    return _upsert(dialect, table, None if update is None else frozenset(update))


@cache
def _upsert(dialect: str, table: Table, update: frozenset[str] | None) -> Insert:
    insert: Any = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    names = [column.name for column in table.columns if column.name not in keys]
    changed = {name: insert.excluded[name] for name in names if update is None or name in update}
    if not changed:
        done: Insert = insert.on_conflict_do_nothing()
        return done
    done = insert.on_conflict_do_update(index_elements=keys, set_=changed)
    return done


class ManyRows:
    """A statement that is executed for many rows at a time, each a tuple of values in the order of `names`.

    SQLAlchemy makes a dict and looks at every value of every row, which costs more than SQLite's own work. So the
    statement is compiled once per dialect, and the rows go to the driver as they are. The values must therefore be
    what every driver takes: str, int, float, bool, None.
    """

    def __init__(self, statement: UpdateBase | Table, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._compiled: dict[str, tuple[str, bool]] = {}

    def execute(self, connection: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Executes the statement for `rows`; does nothing if there are none."""
        if not rows:
            return
        dialect = connection.dialect.name
        text, positional = self._compiled.get(dialect) or self._compile(connection)
        if positional:
            connection.exec_driver_sql(text, rows)
        else:
            connection.exec_driver_sql(text, [dict(zip(self._names, row, strict=True)) for row in rows])

    def _compile(self, connection: Connection) -> tuple[str, bool]:
        statement = self._statement
        if isinstance(statement, Table):
            statement = upsert(connection.dialect.name, statement)
        compiled: Any = statement.compile(dialect=connection.dialect, column_keys=list(self._names))
        if compiled.positional and tuple(compiled.positiontup) != self._names:
            raise ValueError(f"the statement takes {compiled.positiontup}, not {self._names}")
        self._compiled[connection.dialect.name] = str(compiled), bool(compiled.positional)
        return self._compiled[connection.dialect.name]
