"""The doors through which simulated processes reach the state store, the broker and the history, and what goes wrong
in them: no answer, lost requests, lost replies, death before or after, lost and doubled and late messages."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from tests.sim.world import Crashed, Process, World
from umbel.engine.incarnation import Life
from umbel.engine.reference import Reference
from umbel.engine.reference_control import Wanted
from umbel.engine.reference_state import Partition
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable, HistoryUnavailable, StateUnavailable
from umbel.machine import Code
from umbel.settings import Settings
from umbel.store import Store
from umbel.store.database import Database, FairLock, _begin_sqlite

_RUNS = ("launch", "cancel", "decide", "restore")
_ATTEMPTS = ("claim", "succeed", "skip", "expand", "spawn", "ask", "fail", "retry", "log", "lose")
REPEATABLE = frozenset((*_RUNS, *_ATTEMPTS))
"""Verbs that take a request id, and give their first answer again [U-10]."""
SCRIPTS = REPEATABLE.union(
    ("pause", "resume", "forget", "renew", "promote", "advance", "beat", "sweep", "redispatch", "redispatch_of", "drop")
)
TRIES = 3


class SimReference(Reference):
    """The engine, whose wide calls can break between two portions."""

    world: World

    def __init__(self, settings: Settings, now: int = 0) -> None:
        super().__init__(settings, now)
        self.highest: dict[int, int] = {}

    def restore_portion(self, wanted: Wanted, part: int, tasks: Sequence[Any], last: bool) -> Code:
        """A portion of it; before a further one, the caller may lose the connection, or die."""
        if part and self.world.likely(0.3):
            self.world.fire("restore broken off")
            if self.world.acting and self.world.likely(0.5):
                self.world.acting.die("between two portions of a restore")
                raise Crashed
            raise StateUnavailable("simulated")
        return super().restore_portion(wanted, part, tasks, last)

    def empty(self) -> None:
        """FLUSHALL. The ids of events go on rising, as they are made from the clock."""
        for number, old in enumerate(self._partitions):
            self._partitions[number] = Partition(trimmed=self._highest(number, old))

    def go_back(self, before: Reference, positions: dict[int, int]) -> None:
        """All is as it was then. Where the history has read further, the ids go on rising from the highest ever."""
        for number, old in enumerate(before.copy()._partitions):
            highest = self._highest(number, self._partitions[number])
            self._partitions[number] = old
            if old.trimmed + len(old.events) < positions.get(number, 0):
                old.events, old.trimmed = [], highest

    def _highest(self, number: int, present: Partition) -> int:
        highest = max(self.highest.get(number, 0), present.trimmed + len(present.events))
        self.highest[number] = highest
        return highest


class StateStore:
    """The state store: whether it answers, and what its events tell the checks."""

    def __init__(self, world: World, engine: SimReference) -> None:
        self.world = world
        self.engine = engine
        engine.world = world
        self.away = False
        self.trouble = 0.0
        """How many calls lose their request or their reply."""
        self.deaths = 0.0
        """How many calls their caller does not outlive."""
        self.heard: Any = lambda: None
        self.present: str = "redis-1"
        self.confirmed: str | None = None
        """Which process of the store runs, and which one a server has compared with the history."""

    def closed_to(self, open_always: bool) -> bool:
        """Whether it was restarted, and is closed until it is compared with the history (`engine/incarnation.py`)."""
        closed = not open_always and self.confirmed not in (None, self.present)
        self.world.counts["refused by a closed store"] += closed
        return closed

    def call(
        self, process: Process, verb: str, args: tuple[Any, ...], kwargs: dict[str, Any], open_always: bool = False
    ) -> Any:
        """One call, as the wire does it: repeated a few times, then given up."""
        world = self.world
        if verb in REPEATABLE and kwargs.get("request") is None:
            kwargs["request"] = world.id()
        first = None
        for _ in range(TRIES):
            self._may_die(process, f"before {verb}")
            if self.away or self.closed_to(open_always):
                break
            if world.likely(self.trouble):
                world.counts["fault lost request"] += 1
                continue
            self.engine.now = world.now
            if verb == "restore":
                world.checks.restoring(args[0], kwargs)  # type: ignore[attr-defined]
            answer = getattr(self.engine, verb)(*args, **kwargs)
            self.heard()
            code = getattr(answer, "code", answer if isinstance(answer, Code) else Code.OK)
            world.counts[f"{verb} {code}"] += 1
            world.note(process, f"{verb} {_told(args)} -> {code}")
            assert first is None or verb not in REPEATABLE or first == answer, f"[U-10] {verb}: {first}, then {answer}"
            self._may_die(process, f"after {verb}")
            if world.likely(self.trouble):
                world.counts["fault lost reply"] += 1
                first = answer
                continue
            return answer
        raise StateUnavailable("simulated")

    def read(
        self, process: Process, what: str, args: tuple[Any, ...], kwargs: dict[str, Any], open_always: bool = False
    ) -> Any:
        """A read."""
        self.answer(process, what, open_always)
        self.engine.now = self.world.now
        return getattr(self.engine, what)(*args, **kwargs)

    def answer(self, process: Process, what: str, open_always: bool = False) -> None:
        """Or not."""
        self._may_die(process, f"at {what}")
        if self.away or self.closed_to(open_always):
            raise StateUnavailable("simulated")

    def _may_die(self, process: Process, when: str) -> None:
        if not process.alive:
            raise Crashed
        if self.world.likely(self.deaths):
            self.world.fire("killed at a call")
            process.die(when)
            raise Crashed


class Door:
    """The engine as one process has it; without `if_confirmed` also while it is closed to others."""

    def __init__(self, store: StateStore, process: Process, *, if_confirmed: bool = True) -> None:
        self._store = store
        self._process = process
        self._open = not if_confirmed
        self.settings = store.engine.settings
        self.partitions = store.engine.partitions
        self.partition = store.engine.partition
        self.incarnation = SimIncarnation(store, process)

    def __getattr__(self, name: str) -> Any:
        todo = self._store.call if name in SCRIPTS else self._store.read

        def call(*args: Any, **kwargs: Any) -> Any:
            return todo(self._process, name, args, kwargs, self._open)

        self.__dict__[name] = call
        return call


class SimIncarnation:
    """Has the methods of `engine.incarnation.Incarnation`."""

    def __init__(self, store: StateStore, process: Process) -> None:
        self._store = store
        self._process = process

    def life(self) -> Life:
        """Which store answers."""
        self._store.answer(self._process, "life", True)
        return Life(self._store.present, self._store.confirmed)

    def confirm(self, run_id: str) -> None:
        """It is open to everybody."""
        self._store.answer(self._process, "confirm", True)
        self._store.confirmed = run_id
        self._store.world.note(self._process, f"confirm {run_id}")

    def progress(self, partition: int) -> Iterator[dict[str, tuple[int, int]]]:
        """How far its runs have come."""
        self._store.answer(self._process, "progress", True)
        yield {run.id: (run.epoch, run.seq) for run in self._store.engine._partitions[partition].runs.values()}

    def keep_ahead(self, partition: int, position: str) -> None:
        """Events to come have numbers above `position`. All that there are have been projected."""
        self._store.answer(self._process, "keep ahead", True)
        here, last = self._store.engine._partitions[partition], int(position.partition("-")[0])
        if here.trimmed + len(here.events) < last:
            here.events, here.trimmed = [], last
            self._store.world.checks.renumbered()  # type: ignore[attr-defined]


class Broker:
    """Queues that lose, double, delay and so reorder messages."""

    def __init__(self, world: World, state: StateStore) -> None:
        self.world = world
        self.state = state
        self.away = False
        self.drop = self.double = 0.0
        self.slow = 5
        """Most ms on the way; sometimes much longer."""
        self.consumers: list[Any] = []
        """Workers."""
        self.late: list[Item] = []
        """What nobody was there to take."""
        self._post = Process(world, "broker")

    def publish(self, process: Process, items: Sequence[Item]) -> None:
        """One message per item."""
        for item in items:
            if self.away:
                raise BrokerUnavailable("simulated")
            try:
                queue = self.state.read(process, "node_of", (item,), {}).queue or ""
            except KeyError:
                continue
            if self.world.likely(self.drop):
                self.world.fire("message lost")
                continue
            copies = 1
            while self.world.likely(self.double) and copies < 5:
                self.world.fire("message doubled")
                copies += 1
            for _ in range(copies):
                self.world.begin(self._post, self._carry(item, queue), self._delay())

    def _delay(self) -> int:
        if self.world.likely(0.05):
            self.world.fire("message late")
            return self.world.within(500, 9000)
        return self.world.within(0, self.slow)

    def _carry(self, item: Item, queue: str) -> Iterator[int]:
        while True:
            takers = [worker for worker in self.consumers if worker.alive and queue in worker.queues]
            if takers:
                self.world.chance.choice(takers).take(item)
                return
            yield 300


class SimDatabase(Database):
    """SQLite in memory: whether it answers; commits whose answer is lost."""

    def __init__(self) -> None:
        self.sqlite = True
        self.file = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.engine = create_engine("sqlite://", creator=lambda: self.file, poolclass=StaticPool)
        self._writing = self.engine.execution_options(umbel_write=True)
        self._turn = FairLock()
        event.listen(self.engine, "begin", _begin_sqlite)
        self.world: World | None = None
        self.upgrade()
        self._fresh = sqlite3.connect(":memory:")
        self.file.backup(self._fresh)

    def reset(self, world: World) -> None:
        """An empty history, for another simulation."""
        self._fresh.backup(self.file)
        self.world = world
        self.away = False
        self.trouble = self.deaths = 0.0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Database`."""
        self._answer()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """See `Database`."""
        self._answer()
        with super().write() as connection:
            yield connection
            self._may_die("before a commit")
        self._may_die("after a commit")
        if self.world and self.world.likely(self.trouble):
            self.world.fire("lost answer to a commit")
            raise HistoryUnavailable("simulated")

    def _answer(self) -> None:
        if self.world and (self.away or self.world.likely(self.trouble)):
            self.world.counts["fault no answer of the history"] += 1
            raise HistoryUnavailable("simulated")

    def _may_die(self, when: str) -> None:
        world = self.world
        if world and world.acting:
            if not world.acting.alive:
                raise Crashed
            if world.likely(self.deaths):
                world.fire(f"killed {when}")
                world.acting.die(when)
                raise Crashed


@cache
def history() -> Store:
    """The one history of this process; `reset` its database before use."""
    store = object.__new__(Store)
    store.database = SimDatabase()
    for part in Store.__bases__:
        part.__init__(store, store.database)  # type: ignore[misc]
    return store


def _told(args: tuple[Any, ...]) -> str:
    return " ".join(str(each)[:60] for each in args[:3] if isinstance(each, str | int | tuple))
