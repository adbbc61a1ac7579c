"""The history: every run, task, attempt, event and log line, in SQL.

Owns: the tables, their migrations, and every SQL statement.
May import: plan, definition, events, machine, errors, settings.
Promises: an accepted run is on disk when `accept` returns; a batch of events and its stream position are written
together or not at all; what cannot be reached raises `HistoryUnavailable`.
"""

from umbel.store.accept import Acceptance
from umbel.store.access import Access, TokenRow
from umbel.store.canvases import Canvases
from umbel.store.database import Database
from umbel.store.deliveries import Deliveries, DueDelivery
from umbel.store.leases import Lease, Leases
from umbel.store.limits import Limits
from umbel.store.listing import RunFilter, Tally
from umbel.store.logs import Logs
from umbel.store.measure import Measures
from umbel.store.project import Applied, PositionMoved, Projection
from umbel.store.prune import Retention
from umbel.store.reads import Page, Reads
from umbel.store.rerun import Rerun, Reruns
from umbel.store.rows import (
    Accepted,
    AppliedEvent,
    AttemptRow,
    DeliveryAttempt,
    DeliveryRow,
    IdempotencyKey,
    Limit,
    LogLine,
    MapRow,
    NewRun,
    RunRow,
    TaskRow,
    UserRow,
    maps_of,
)
from umbel.store.schedules import ScheduleRow, Schedules, Ticked
from umbel.store.users import Users
from umbel.store.versions import VersionRow, Versions

__all__ = [
    "Accepted",
    "Access",
    "Applied",
    "AppliedEvent",
    "AttemptRow",
    "Database",
    "DeliveryAttempt",
    "DeliveryRow",
    "DueDelivery",
    "IdempotencyKey",
    "Lease",
    "Limit",
    "LogLine",
    "MapRow",
    "NewRun",
    "Page",
    "PositionMoved",
    "Rerun",
    "RunFilter",
    "RunRow",
    "ScheduleRow",
    "Store",
    "Tally",
    "TaskRow",
    "Ticked",
    "TokenRow",
    "UserRow",
    "VersionRow",
    "maps_of",
]


class Store(
    Reads,
    Logs,
    Acceptance,
    Projection,
    Retention,
    Users,
    Access,
    Leases,
    Schedules,
    Canvases,
    Limits,
    Reruns,
    Deliveries,
    Measures,
    Versions,
):
    """The history behind one URL. Thread safe.

    Args:
        url: `sqlite:///path/to/file.db` (relative to the working directory; four slashes for an absolute path) or
            `postgresql://user@host/name`.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        for part in Store.__bases__:
            part.__init__(self, self.database)  # type: ignore[misc]

    def close(self) -> None:
        """Closes the connections."""
        self.database.close()
