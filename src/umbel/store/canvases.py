"""Definitions that came as a Celery canvas, from `umbel.define` or the API: files are not the only place for them."""

from sqlalchemy import BigInteger, Column, String, Table, Text, delete, func, select

from umbel.store import tables
from umbel.store.database import Database
from umbel.store.sql import upsert

_canvases = Table(
    "defined_canvases",
    tables.metadata,
    Column("name", String(200), primary_key=True),
    Column("canvas", Text, nullable=False),
    Column("defined_at", BigInteger, nullable=False),
)


class Canvases:
    """The definitions by name. Every method raises HistoryUnavailable if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def canvases(self) -> dict[str, str]:
        """All of them: name -> signature as JSON text."""
        with self._database.read() as connection:
            found = connection.execute(select(_canvases.c.name, _canvases.c.canvas))
            return {row.name: row.canvas for row in found}

    def canvases_stamp(self) -> tuple[int, int]:
        """It is another one when a definition has been added, changed or removed, by whichever server."""
        with self._database.read() as connection:
            row = connection.execute(select(func.count(), func.max(_canvases.c.defined_at))).one()
            return int(row[0]), int(row[1] or 0)

    def define(self, name: str, canvas: str, at: int) -> None:
        """Keep a definition in the place of an earlier one of this name.

        Args:
            name: `project.NAME`.
            canvas: its signature as JSON text.
            at: ms UTC; raised above all others if it is not, so that the stamp changes.
        """
        with self._database.write() as connection:
            newest = connection.scalar(select(func.max(_canvases.c.defined_at))) or 0
            row = {"name": name, "canvas": canvas, "defined_at": max(at, newest + 1)}
            connection.execute(upsert(connection.dialect.name, _canvases).values(row))

    def undefine(self, name: str) -> bool:
        """Keep a definition no longer; whether there was one."""
        with self._database.write() as connection:
            return connection.execute(delete(_canvases).where(_canvases.c.name == name)).rowcount > 0
