"""Retention: deletes what is older than the settings say, a little at a time."""

import time
from typing import Final, Protocol

from umbel.keeper.loop import ThreadLoop

EVERY: Final = 60.0
"""Seconds between two looks."""
BATCH: Final = 100
BETWEEN: Final = 0.1
"""Runs deleted in one transaction, and seconds before the next, so that accepting and projecting get their turns."""


class Prunable(Protocol):
    """What the loop needs of the store."""

    def prune(self, older_than: int, limit: int) -> int:
        """Deletes up to `limit` runs that finished before `older_than` (ms); returns how many."""
        ...

    def prune_keys(self, older_than: int) -> int:
        """Deletes idempotency keys made before `older_than` (ms); returns how many."""
        ...


class Prune(ThreadLoop):
    """Deletes old runs and idempotency keys.

    Args:
        store: the history.
        retention_days: days that a finished run is kept.
        key_hours: hours that an idempotency key is remembered.
    """

    def __init__(self, store: Prunable, *, retention_days: float, key_hours: float) -> None:
        super().__init__("prune")
        self.deleted = 0
        """Runs deleted since the start."""
        self._store = store
        self._retention = round(retention_days * 86_400_000)
        self._keys = round(key_hours * 3_600_000)

    def turn(self) -> float:
        """One transaction's worth of deleting."""
        now = time.time_ns() // 1_000_000
        count = self._store.prune(now - self._retention, BATCH)
        self.deleted += count
        if count == BATCH:
            return BETWEEN
        self._store.prune_keys(now - self._keys)
        return EVERY
