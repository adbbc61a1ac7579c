"""The server's loops: they carry events into the history, launch what was forgotten, delete what is old.

Owns: the threads beside the server's requests, and the feed that tells live views what was committed.
May import: engine, store, machine, errors, settings.
Promises: an event is in the history exactly once and told only after it is; nothing leaves the state store before the
history has it; an error delays a loop and never ends it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from umbel.keeper.feed import Feed
from umbel.keeper.loop import Loop, ThreadLoop
from umbel.keeper.project import Projector
from umbel.keeper.prune import Prune
from umbel.keeper.relaunch import Relaunch
from umbel.settings import Settings
from umbel.store import RunRow, Store

if TYPE_CHECKING:
    from umbel.engine.engine import Engine

__all__ = ["Feed", "Keeper", "Loop", "Projector"]


class Keeper:
    """Starts and stops the loops of one server process.

    Args:
        store: the history, migrated.
        engine: the state machine; each loop uses it from its own thread.
        settings: retention, partitions.
        launch: launches an accepted run in the engine and publishes its first tasks.
        loops: further loops to start and stop with these (the engine's own).
    """

    def __init__(
        self,
        store: Store,
        engine: "Engine",
        settings: Settings,
        launch: Callable[[RunRow], object],
        loops: Sequence[Loop] = (),
    ) -> None:
        self.feed = Feed()
        self.projectors = [Projector(each, engine, store, self.feed) for each in range(settings.partitions)]
        self.relaunch = Relaunch(store, engine, self.projectors, launch)
        self.prune = Prune(store, retention_days=settings.retention_days, key_hours=settings.idempotency_ttl_hours)
        self._loops: list[Loop] = [*self.projectors, self.relaunch, self.prune, *loops]

    def start(self) -> None:
        """Starts every loop."""
        for loop in self._loops:
            loop.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stops every loop, the last started first, and ends all subscriptions."""
        self.feed.close()
        for loop in self._loops:
            if isinstance(loop, ThreadLoop):
                loop.ask_to_stop()  # all at once: each may be in the middle of a wait
        for loop in reversed(self._loops):
            loop.stop(timeout)
