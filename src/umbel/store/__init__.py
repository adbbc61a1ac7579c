"""The history: every run, task, attempt, event and log line, in SQL.

Owns: the tables, their migrations, and every SQL statement.
May import: plan, events, machine, errors, settings.
Promises: an accepted run is on disk when `accept` returns; a batch of events and its stream position are written
together or not at all; what cannot be reached raises `HistoryUnavailable`.
"""

from umbel.store.accept import Acceptance
from umbel.store.canvases import Canvases
from umbel.store.database import Database
from umbel.store.leases import Lease, Leases
from umbel.store.logs import Logs
from umbel.store.project import Applied, PositionMoved, Projection
from umbel.store.prune import Retention
from umbel.store.reads import Page, Reads, RunFilter
from umbel.store.rows import (
    Accepted,
    AppliedEvent,
    AttemptRow,
    IdempotencyKey,
    LogLine,
    NewRun,
    RunRow,
    TaskRow,
    UserRow,
)
from umbel.store.schedules import ScheduleRow, Schedules, Ticked
from umbel.store.users import Users

__all__ = [
    "Accepted",
    "Applied",
    "AppliedEvent",
    "AttemptRow",
    "Database",
    "IdempotencyKey",
    "Lease",
    "LogLine",
    "NewRun",
    "Page",
    "PositionMoved",
    "RunFilter",
    "RunRow",
    "ScheduleRow",
    "Store",
    "TaskRow",
    "Ticked",
    "UserRow",
]


class Store(Reads, Logs, Acceptance, Projection, Retention, Users, Leases, Schedules, Canvases):
    """The history behind one URL. Thread safe.

    Args:
        url: `sqlite:///path/to/file.db` (relative to the working directory; four slashes for an absolute path) or
            `postgresql://user@host/name`.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        for part in (Reads, Logs, Acceptance, Projection, Retention, Users, Leases, Schedules, Canvases):
            part.__init__(self, self.database)

    def close(self) -> None:
        """Closes the connections."""
        self.database.close()
