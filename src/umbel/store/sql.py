"""What differs between the SQL dialects, in one place."""

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def upsert(connection: Connection, table: Table, update: Collection[str] | None = None) -> Insert:
    """An INSERT that, where the primary key is taken, updates the columns named (None: all others; empty: nothing)."""
    columns = None if update is None else frozenset(update)
    return _upsert(connection.dialect.name, table, columns)


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
