"""The connection to the SQL database: SQLite as we need it, PostgreSQL, migrations."""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from umbel.errors import HistoryUnavailable, SettingsError
from umbel.failpoints import failpoint

BUSY_SECONDS: Final = 5.0
"""How long to wait for another process that writes to the same SQLite file."""
_NO_URL: Final = (
    "UMBEL_DATABASE_URL is not the address of a database: sqlite:///path/to/file.db or postgresql://user@host/name."
)
_NO_PSYCOPG: Final = (
    "UMBEL_DATABASE_URL names a PostgreSQL database, for which psycopg 3 must be installed: pip install"
    " 'umbel[postgres]'."
)
_PATIENCE: Final = {
    "connect_timeout": round(BUSY_SECONDS),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""How long to wait for a PostgreSQL that has gone silently, which TCP itself notices after minutes or hours. libpq's
own words, in seconds, the last in ms (PostgreSQL docs, "Parameter Key Words"); what the URL says goes first."""
_MIGRATION_LOCK: Final = 0x756D62656C  # "umbel"; any number that nobody else uses for pg_advisory_xact_lock


class FairLock:
    """A lock that is handed over in order of arrival, so that a busy writer cannot keep the others out."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class Database:
    """One SQL database. Thread safe; `read` and `write` open a transaction each.

    Args:
        url: `sqlite:///path/to/file.db` or `postgresql://user@host/name` (`postgres://` is the same; psycopg 3).

    Raises:
        SettingsError: the URL is neither, or there is no psycopg.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:  # ValueError: the port is no number
            raise SettingsError(_NO_URL) from error
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise SettingsError(_NO_URL)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_size": 8, "max_overflow": 40, "pool_timeout": BUSY_SECONDS}
        if self.sqlite:
            options["connect_args"] = {"timeout": BUSY_SECONDS}
        else:
            options["pool_pre_ping"] = True
            options["connect_args"] = {name: value for name, value in _PATIENCE.items() if name not in parsed.query}
        try:
            self.engine: Engine = create_engine(parsed, **options)
        except ModuleNotFoundError as error:
            if error.name != "psycopg":
                raise SettingsError(f"UMBEL_DATABASE_URL: {error}.") from error
            raise SettingsError(_NO_PSYCOPG) from error
        except (ArgumentError, ImportError) as error:  # of a driver, as in sqlite+this://
            raise SettingsError(f"UMBEL_DATABASE_URL: {error}.") from error
        self._writing = self.engine.execution_options(umbel_write=True)
        self._turn = FairLock()
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def close(self) -> None:
        """Closes the pooled connections."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: a consistent picture on SQLite.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        with _unavailable(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; committed (and on disk) when the block ends.

        SQLite takes one writer at a time: threads queue up here, in order, rather than in SQLite's busy handler, which
        sleeps for growing periods. Other processes are waited for up to `BUSY_SECONDS`.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        if self.sqlite:
            with self._turn, _unavailable(), self._writing.begin() as connection:
                yield connection
                failpoint("before-commit")
        else:
            with _unavailable(), self._writing.begin() as connection:
                yield connection
                failpoint("before-commit")
        failpoint("after-commit", HistoryUnavailable)

    def upgrade(self) -> None:
        """Brings the schema to the newest revision. Any number of processes may do so at the same time.

        Raises:
            HistoryUnavailable: the database does not answer, or belongs to somebody else; nothing is changed.
        """
        with self.write() as connection:
            if not self.sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config = alembic_config()
            current = MigrationContext.configure(connection).get_current_revision()
            if current not in {None, *(each.revision for each in ScriptDirectory.from_config(config).walk_revisions())}:
                raise HistoryUnavailable(
                    f"The database's schema is at revision {current}, which this version of Umbel does not know: it"
                    " belongs to a newer version, or to another program such as celery-director.",
                    hint="Give Umbel a database of its own with UMBEL_DATABASE_URL.",
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            failpoint("schema-changed")

    def prepare(self) -> None:
        """Bring the schema up to date where nobody else does (SQLite), otherwise see that it is.

        Raises:
            HistoryUnavailable: it does not answer, or needs `umbel db upgrade`.
        """
        if self.sqlite:
            self.upgrade()
        else:
            self.check()

    def revisions(self) -> tuple[str | None, str | None]:
        """The schema's revision in the database (None: empty), and the newest one that this version knows."""
        with self.read() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        return current, ScriptDirectory.from_config(alembic_config()).get_current_head()

    def check(self) -> None:
        """Makes sure that the schema is the one this version works with.

        Raises:
            HistoryUnavailable: it is not, or the database does not answer.
        """
        current, head = self.revisions()
        if current != head:
            raise HistoryUnavailable(
                f"The database's schema is at revision {current or 'none'}, this version of Umbel needs {head}.",
                hint="Run `umbel db upgrade`.",
            )


def alembic_config() -> Config:
    """Alembic's own settings for our migrations; without a connection."""
    config = Config()
    config.set_main_option("script_location", str(files("umbel.store") / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        raise HistoryUnavailable(f"The SQL database did not answer: {_cause(error)}") from error
    except DBAPIError as error:
        # SQLite raises the plain DatabaseError for a damaged file or one that is not a database; PostgreSQL's class 42
        # is about tables that are missing, in the way or not allowed, for which SQLite has the OperationalError.
        of_tables = str(getattr(error.orig, "sqlstate", None)).startswith("42")
        gone = error.connection_invalidated and not isinstance(error, IntegrityError)
        if type(error) is DatabaseError or of_tables or gone:
            raise HistoryUnavailable(f"The SQL database did not answer: {_cause(error)}") from error
        raise


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # None: we send BEGIN ourselves (see _begin_sqlite); the sqlite3 module would send it late, and never before DDL.
    connection.isolation_level = None
    # WAL: readers do not wait for the writer. FULL: a commit is on disk before it is acknowledged.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            # Two processes that open a new file at once: SQLite refuses the switch without calling its busy handler.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA cache_size=-8192")


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads first and writes later would otherwise fail,
    # without waiting, when another process wrote in between (SQLITE_BUSY_SNAPSHOT).
    write = connection.get_execution_options().get("umbel_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
