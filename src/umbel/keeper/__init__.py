"""The server's loops: they carry events into the history, start runs by schedule, launch what was forgotten, tell
webhooks, delete what is old.

Owns: the threads beside the server's requests, and the feed that tells live views what was committed.
May import: engine, store, plan, definition, webhooks, machine, errors, settings.
Promises: an event is in the history exactly once and told only after it is; nothing leaves the state store before the
history has it; a state store that was started again is opened only when no run in it is behind the history; a tick of a
schedule starts one run, however many servers are up; an error delays a loop and never ends it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from umbel.keeper.confirm import Confirm
from umbel.keeper.deliver import Deliver, Send
from umbel.keeper.feed import Feed
from umbel.keeper.held import Held, limit_of
from umbel.keeper.leader import Leader
from umbel.keeper.loop import Loop, ThreadLoop
from umbel.keeper.project import Projector
from umbel.keeper.prune import Prune
from umbel.keeper.relaunch import Relaunch
from umbel.keeper.schedule import Known, Scheduler
from umbel.settings import Settings
from umbel.store import Applied, RunRow, Store
from umbel.webhooks import Allowed, Secrets
from umbel.webhooks.send import Sender

if TYPE_CHECKING:
    from umbel.engine.engine import Engine

__all__ = ["Feed", "Keeper", "Loop", "Projector", "limit_of"]


class Keeper:
    """Starts and stops the loops of one server process.

    Args:
        store: the history, migrated.
        engine: the state machine, open also while others may not use it (`engine/incarnation.py`); each loop uses it
            from its own thread.
        settings: retention, partitions.
        definitions: the project's, as last read.
        launch: launches an accepted run in the engine and publishes its first tasks, if it can; never raises.
        cancel: cancels a run that has to make room for another one, if it can; never raises.
        rebuild: begins a new epoch of a run that the state store has lost, if it can; never raises.
        loops: further loops to start and stop with these (the engine's own).
        watch: is told of each batch that was committed; must not raise.
        who: the server's name.
        now: for tests: the clock of leader, schedules and deliveries (ms UTC) in place of the database's.
        send: for tests: makes an attempt to tell a webhook.

    Raises:
        SettingsError: a setting of webhooks cannot be used.
    """

    def __init__(
        self,
        store: Store,
        engine: "Engine",
        settings: Settings,
        definitions: Known,
        launch: Callable[[RunRow], object],
        cancel: Callable[[RunRow], object] = lambda run: None,
        rebuild: Callable[[RunRow], object] = lambda run: None,
        loops: Sequence[Loop] = (),
        *,
        who: str = "server",
        now: Callable[[], int] | None = None,
        send: Send | None = None,
        watch: Callable[[Applied], object] = lambda applied: None,
    ) -> None:
        self.feed = Feed()
        self.held = Held(store, launch, cancel)
        self.projectors = [
            Projector(each, engine, store, self.feed, on_settled=self._on_settled, watch=watch)
            for each in range(settings.partitions)
        ]
        self.relaunch = Relaunch(store, engine, self.projectors, launch, rebuild)
        self.confirm = Confirm(store, engine.incarnation, engine.drop, self.projectors, self.relaunch.wake)
        self.now = now or store.clock
        self.leader = Leader(store, self.now, who)
        self.schedule = Scheduler(store, self.leader, definitions, engine.partition, launch, self.now)
        secrets, allowed = Secrets.parse(settings.webhook_secret), Allowed.parse(settings.webhook_allow)
        self.deliver = Deliver(store, self.leader, send or Sender(secrets, allowed).send, settings.url, self.now)
        self.prune = Prune(
            store,
            lambda: definitions.catalog,
            lambda: self.leader.lease is not None,
            retention_days=settings.retention_days,
            retention_runs=settings.retention_runs,
            key_hours=settings.idempotency_ttl_hours,
        )
        own = (self.confirm, self.relaunch, self.held, self.leader, self.schedule, self.prune, self.deliver)
        self._loops: list[Loop] = [*self.projectors, *own, *loops]

    def _on_settled(self) -> None:
        self.held.wake()
        self.deliver.wake()

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
