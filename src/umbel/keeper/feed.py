"""News of committed events, inside the server's process: for live views and for those who wait for a run's end."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final, TypeVar

from umbel.machine import TERMINAL_EVENTS
from umbel.store import AppliedEvent

T = TypeVar("T")

QUEUE: Final = 2000
"""Events that one slow subscriber may be behind before it has to read the history again."""
_ENDS: Final = frozenset(str(kind) for kind in TERMINAL_EVENTS)


class Subscription:
    """Events as they are committed, for one asyncio task. Made by `Feed.subscribe`; an async context manager."""

    def __init__(self, feed: "Feed", run_id: str | None, limit: int) -> None:
        self.run_id = run_id
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._guard = threading.Lock()
        self._queue: deque[AppliedEvent] = deque()
        self._behind = False
        self._closed = False
        self._some = asyncio.Event()

    async def __aenter__(self) -> "Subscription":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """No more news. Whoever waits in `next` gets an empty list."""
        self._feed.unsubscribe(self)
        with self._guard:
            self._closed = True
        self._wake()

    @property
    def closed(self) -> bool:
        """Whether the subscription, or the whole feed, was closed."""
        return self._closed

    async def next(self, seconds: float | None = None) -> list[AppliedEvent] | None:
        """The events since the last call, waiting up to `seconds` for the first (None: for ever).

        Returns:
            Events in the order of their numbers; [] after the timeout or when closed; None ("resync") when some were
            left out, because this subscriber was too slow or another server committed them: read the history from
            the last number seen, and go on here.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._some.wait()
        except TimeoutError:
            return []
        with self._guard:
            if not self._closed:
                self._some.clear()
            behind, self._behind = self._behind, False
            events = list(self._queue)
            self._queue.clear()
        return None if behind else events

    def push(self, events: Sequence[AppliedEvent] | None) -> None:
        """Adds news, from any thread; None is the resync mark."""
        with self._guard:
            if self._closed:
                return
            if events is None or len(self._queue) + len(events) > self._limit:
                self._behind = True
                self._queue.clear()
            elif not self._behind:
                # Behind already: what comes now will be found in the history too.
                self._queue.extend(events)
        self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._some.set)
        except RuntimeError:
            self._feed.unsubscribe(self)  # its event loop is closed


class EndWaiter:
    """Waits in a thread until a run has ended (`every`: until anything happens to it).

    A context manager; look at the history after entering, then wait.
    """

    def __init__(self, feed: "Feed", run_id: str, every: bool = False) -> None:
        self.run_id = run_id
        self.every = every
        self._feed = feed
        self._looked = threading.Event()

    def __enter__(self) -> "EndWaiter":
        self._feed.add_waiter(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.remove_waiter(self)

    def wait(self, timeout: float) -> bool:
        """Whether the run's end was committed (or may have been: look at the history) within `timeout` seconds."""
        return self._looked.wait(timeout)

    def again(self) -> None:
        """The next wait is for what happens from now on."""
        self._looked.clear()

    def ring(self) -> None:
        """Ends the wait."""
        self._looked.set()


class Feed:
    """Hands events from the projectors' threads to whoever is interested. Holds nothing for those who are not."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._of_run: dict[str, set[Subscription]] = {}
        self._of_all: set[Subscription] = set()
        self._waiters: dict[str, set[EndWaiter]] = {}

    def subscribe(self, run_id: str | None = None, *, limit: int = QUEUE) -> Subscription:
        """Events of one run, or of all (None), from now on. To be called in a running asyncio loop.

        To miss nothing: subscribe, then read the history, then drop from the news what the history had.
        """
        one = Subscription(self, run_id, limit)
        with self._guard:
            (self._of_all if run_id is None else self._of_run.setdefault(run_id, set())).add(one)
        return one

    def unsubscribe(self, one: Subscription) -> None:
        """Forgets the subscription."""
        with self._guard:
            if one.run_id is None:
                self._of_all.discard(one)
            else:
                _drop(self._of_run, one.run_id, one)

    def waiter(self, run_id: str, *, every: bool = False) -> EndWaiter:
        """For a thread that waits for the run's end, or for anything that happens to it."""
        return EndWaiter(self, run_id, every)

    def add_waiter(self, one: EndWaiter) -> None:
        """Used by EndWaiter."""
        with self._guard:
            self._waiters.setdefault(one.run_id, set()).add(one)

    def remove_waiter(self, one: EndWaiter) -> None:
        """Used by EndWaiter."""
        with self._guard:
            _drop(self._waiters, one.run_id, one)

    def wanted(self, run_id: str) -> bool:
        """Whether somebody waits for news of this run in particular."""
        return run_id in self._waiters or run_id in self._of_run

    def publish(self, events: Sequence[AppliedEvent]) -> None:
        """Tells of events that were just committed; from any thread, in the order of their numbers."""
        told: list[tuple[Subscription, Sequence[AppliedEvent]]] = []
        rung: list[EndWaiter] = []
        with self._guard:
            told.extend((one, events) for one in self._of_all)
            if self._of_run or self._waiters:
                by_run: dict[str, list[AppliedEvent]] = {}
                for event in events:
                    if event.run_id in self._of_run:
                        by_run.setdefault(event.run_id, []).append(event)
                    ends = event.type in _ENDS
                    rung.extend(one for one in self._waiters.get(event.run_id, ()) if ends or one.every)
                for run_id, some in by_run.items():
                    told.extend((one, some) for one in self._of_run[run_id])
        for one, some_events in told:
            one.push(some_events)
        for waiter in rung:
            waiter.ring()

    def resync(self) -> None:
        """Tells everybody that events were committed which this process has not seen: read the history."""
        with self._guard:
            everyone = self._everyone()
            rung = [one for some in self._waiters.values() for one in some]
        for one in everyone:
            one.push(None)
        for waiter in rung:
            waiter.ring()

    def close(self) -> None:
        """Ends every subscription and every wait: the server stops."""
        with self._guard:
            everyone = self._everyone()
            rung = [one for some in self._waiters.values() for one in some]
        for one in everyone:
            one.close()
        for waiter in rung:
            waiter.ring()

    def _everyone(self) -> list[Subscription]:
        return [*self._of_all, *(one for some in self._of_run.values() for one in some)]


def _drop(groups: dict[str, set[T]], name: str, one: T) -> None:
    group = groups.get(name)
    if group is not None:
        group.discard(one)
        if not group:
            del groups[name]
