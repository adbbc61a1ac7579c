"""Retention: deletes what is older than settings and definitions say, a little at a time."""

import time
from collections.abc import Callable, Collection, Iterator
from typing import Final, Protocol

from umbel.definition import Catalog
from umbel.keeper.loop import ThreadLoop

EVERY: Final = 60.0
"""Seconds between two looks."""
BATCH: Final = 100
BETWEEN: Final = 0.1
"""Runs deleted in one transaction, and seconds before the next, so that accepting and projecting get their turns."""
FOLLOW: Final = 2.0
"""Seconds after which a server that is not the leader looks whether it has become so."""


class Prunable(Protocol):
    """What the loop needs of the store."""

    def prune(
        self, older_than: int, limit: int, *, among: Collection[str] | None = None, besides: Collection[str] = ()
    ) -> int:
        """Deletes up to `limit` runs (of these definitions; not of those) that finished before `older_than` (ms)."""
        ...

    def prune_beyond(self, definition: str, keep: int, limit: int) -> int:
        """Deletes up to `limit` finished runs of a definition beyond its `keep` newest."""
        ...

    def prune_keys(self, older_than: int) -> int:
        """Deletes idempotency keys made before `older_than` (ms); returns how many."""
        ...


class Prune(ThreadLoop):
    """Deletes old runs and idempotency keys.

    A definition's own `retention` counts instead of the settings. While there are mistakes in the files, so that some
    definition's rule may be unknown, only definitions that can be read lose runs.

    Args:
        store: the history.
        catalog: gives the definitions as last read.
        leads: whether this server is the one to do it.
        retention_days: days that a finished run is kept, of definitions that do not say.
        retention_runs: newest runs that are kept of each of these; -1 for all.
        key_hours: hours that an idempotency key is remembered.
    """

    def __init__(
        self,
        store: Prunable,
        catalog: Callable[[], Catalog],
        leads: Callable[[], bool],
        *,
        retention_days: float,
        retention_runs: int,
        key_hours: float,
    ) -> None:
        super().__init__("prune")
        self.deleted = 0
        """Runs deleted since the start."""
        self._store = store
        self._catalog = catalog
        self._leads = leads
        self._retention = round(retention_days * 86_400_000)
        self._runs = retention_runs
        self._keys = round(key_hours * 3_600_000)

    def turn(self) -> float:
        """One transaction's worth of deleting for each rule."""
        if not self._leads():
            return FOLLOW
        now = time.time_ns() // 1_000_000
        more = False
        for count in self._apply(now):
            self.deleted += count
            more = more or count == BATCH
            if self.stopping.is_set():
                return 0.0
        if more:
            return BETWEEN
        self._store.prune_keys(now - self._keys)
        return EVERY

    def _apply(self, now: int) -> Iterator[int]:
        catalog = self._catalog()
        own = {name: each.retention for name, each in catalog.definitions.items() if each.retention}
        others = catalog.definitions.keys() - own.keys()
        unread = any(problem.severity == "error" for problem in catalog.problems)
        yield self._store.prune(now - self._retention, BATCH, among=others if unread else None, besides=own)
        for name, rule in own.items():
            if rule.runs is not None:
                yield self._store.prune_beyond(name, rule.runs, BATCH)
            elif rule.seconds is not None:
                yield self._store.prune(now - round(rule.seconds * 1000), BATCH, among=[name])
        if self._runs >= 0:
            for name in others:
                yield self._store.prune_beyond(name, self._runs, BATCH)
