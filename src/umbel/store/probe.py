"""Looking at the database from outside: its schema, its settings, its clock. For `umbel doctor`."""

import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url, text

from umbel.store.database import Database
from umbel.store.leases import Leases


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFacts:
    """What a database says of itself."""

    kind: str = "SQLite"
    version: str = ""
    revision: str | None = ""
    needed: str | None = ""
    commit: str = ""
    """PostgreSQL's `synchronous_commit`, or SQLite's `synchronous`."""
    journal: str = ""
    """SQLite's `journal_mode`."""
    folder: Path | None = None
    """Where SQLite's file is."""
    offset: float = 0.0
    """By how many ms its clock is ahead of this machine's; an SQLite has this machine's."""


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for another one."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def look(url: str) -> HistoryFacts:
    """The facts of the database at `url`, which must be there.

    Raises:
        SettingsError: the URL is none.
        HistoryUnavailable: it does not answer.
    """
    database = Database(url)
    try:
        revision, needed = database.revisions()
        with database.read() as connection:
            if database.sqlite:
                ask = {name: str(connection.execute(text(f"PRAGMA {name}")).scalar()) for name in _PRAGMAS}
                version = str(connection.execute(text("SELECT sqlite_version()")).scalar())
                path = sqlite_file(url)
                return HistoryFacts(
                    version=version,
                    revision=revision,
                    needed=needed,
                    commit=ask["synchronous"],
                    journal=ask["journal_mode"],
                    folder=path.resolve().parent if path else None,
                )
            version = str(connection.execute(text("SHOW server_version")).scalar())
            commit = str(connection.execute(text("SHOW synchronous_commit")).scalar())
        before = time.time_ns()
        there = Leases(database).clock()
        offset = there - (before + time.time_ns()) / 2e6
        return HistoryFacts(
            kind="PostgreSQL", version=version, revision=revision, needed=needed, commit=commit, offset=offset
        )
    finally:
        database.close()


_PRAGMAS = ("synchronous", "journal_mode")
