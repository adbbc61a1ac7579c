"""The simulated world: one thread, a virtual clock, and a seeded scheduler that picks every next action.

A process is what can be killed or frozen as a whole. What it does is a generator that yields how long (ms) it waits
before its next action; between two actions anything else may happen. Whatever is left to chance is drawn from one
`random.Random(seed)`, so that a seed is a whole history.
"""

import heapq
import uuid
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from random import Random
from typing import TypeVar

from umbel.errors import UmbelError

START = 1_790_000_000_000
"""When a simulation begins, ms."""

T = TypeVar("T")
Life = Generator[int, None, None]


class Crashed(BaseException):
    """The process that is at work is killed at this point: nothing below may go on."""


class Process:
    """What can be killed (and whatever it was in the middle of with it), or frozen for a while."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.alive = True
        self.thaws = 0
        """Frozen until then, ms."""
        self.ticks = world.chance.random() * 1000
        """Its monotonic clock begins anywhere: nobody may compare it with another's [U-11]."""

    def die(self, why: str) -> None:
        """SIGKILL."""
        if self.alive:
            self.alive = False
            self.world.note(self, f"died: {why}")
            self.ended()

    def ended(self) -> None:
        """What its death means to others."""

    def freeze(self, until: int) -> None:
        """SIGSTOP, and SIGCONT at `until`."""
        self.thaws = max(self.thaws, until)


class World:
    """Time, chance, processes, and what has happened so far."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = Random(seed)
        self.now = START
        self.counts: Counter[str] = Counter()
        """How often each fault has fired, each verb has been answered with each code, and so on."""
        self.trace: list[str] = []
        self.acting: Process | None = None
        self.faults = True
        """Things still go wrong."""
        self._queue: list[tuple[int, float, int, Process, Life]] = []
        self._number = 0
        self._waking: int | None = None

    # --- what happens when

    def begin(self, process: Process, life: Life, after: int = 0) -> None:
        """Let this be done by the process, from `after` ms on."""
        self._push(self.now + after, process, life)

    def _push(self, due: int, process: Process, life: Life) -> None:
        self._number += 1
        heapq.heappush(self._queue, (due, self.chance.random(), self._number, process, life))

    def step(self) -> None:
        """The next action."""
        due, _, _, process, life = heapq.heappop(self._queue)
        self.now = max(self.now, due)
        if not process.alive:
            life.close()
        elif process.thaws > self.now:
            self._push(process.thaws, process, life)
        else:
            self._act(process, life)

    def _act(self, process: Process, life: Life) -> None:
        with self.as_(process):
            try:
                pause = next(life)
            except StopIteration:
                return
            except Crashed:
                return
        self._push(self.now + max(0, pause), process, life)

    @contextmanager
    def as_(self, process: Process) -> Iterator[None]:
        """What happens now is done by this process."""
        before, self.acting = self.acting, process
        try:
            yield
        finally:
            self.acting = before

    # --- chance

    def likely(self, share: float) -> bool:
        """Whether a fault of this probability happens now."""
        return self.faults and self.chance.random() < share

    def within(self, least: int, most: int) -> int:
        """So many ms."""
        return self.chance.randint(least, most)

    def id(self) -> str:
        """A new id."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    # --- telling

    def note(self, who: Process | str, what: str) -> None:
        """One line of the trace."""
        name = who if isinstance(who, str) else who.name
        self.trace.append(f"{self.now - START:>7} {name}: {what}")

    def fire(self, fault: str) -> None:
        """A fault has happened."""
        self.counts[f"fault {fault}"] += 1
        self.note("fault", fault)

    # --- the clock, as the modules of Umbel see it

    def monotonic(self) -> float:
        """Of the process at work, in seconds."""
        return (self.now - START) / 1000 + (self.acting.ticks if self.acting else 0.0)

    def time(self) -> float:
        """In seconds."""
        return self.now / 1000

    def time_ns(self) -> int:
        """In ns."""
        return self.now * 1_000_000

    def getpid(self) -> int:
        """In place of the module `os`."""
        return getattr(self.acting, "number", 0)

    def uuid4(self) -> uuid.UUID:
        """In place of the module `uuid`."""
        return uuid.UUID(self.id())


def loop(turn: Callable[[], float | None], pause: int, most: int = 5000) -> Life:
    """A loop of a process: `turn` answers how many seconds it wants to wait; after an error it waits longer."""
    backoff = 100
    while True:
        try:
            wanted = turn()
            backoff = 100
            yield max(pause, round((wanted or 0) * 1000))
        except UmbelError:
            backoff = min(backoff * 2, most)
            yield backoff
