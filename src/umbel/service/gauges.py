"""The gauges of `/metrics`: read from the stores at the moment of the scrape, each within a time limit."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from umbel import __version__
from umbel.celery.lengths import Depth
from umbel.errors import UmbelError
from umbel.keeper.count import host
from umbel.observe import meters
from umbel.observe.metrics import Sample
from umbel.service.patient import NotInTime, Patient

if TYPE_CHECKING:
    from umbel.service.umbel import Umbel

PATIENCE: Final = 2.0
"""Seconds that all stores together have to answer."""
FRESH: Final = 1.5
"""Seconds for which an answer serves further scrapes."""
GONE: Final = 600.0
"""Seconds for which a worker that has gone is still told of."""

_DELIVERIES: Final = ("delivered", "pending", "failed")

Read = Callable[[], list[Sample]]
Lengths = Callable[[Sequence[str]], dict[str, Depth]]


class Gauges:
    """Reads the gauges of one server.

    Args:
        lengths: messages in the broker's queues; None where no broker is known.
    """

    def __init__(self, umbel: "Umbel", lengths: Lengths | None) -> None:
        self._umbel = umbel
        self._lengths = lengths
        self._queues: list[str] = []
        self._seen: dict[str, float] = {}
        reads: dict[str, Read] = {"state": self._state, "history": self._history}
        if lengths is not None:
            reads["broker"] = self._broker
        self._sources = {name: Patient(f"metrics-{name}", read) for name, read in reads.items()}
        self._guard = threading.Lock()
        self._until = 0.0
        self._last: list[Sample] = []

    def read(self) -> list[Sample]:
        """Every gauge; what does not answer in time is left out, and said to be down. Never raises."""
        with self._guard:
            if time.monotonic() >= self._until:
                deadline = time.monotonic() + PATIENCE
                for source in self._sources.values():
                    source.ask()
                found = [Sample(meters.BUILD, (__version__,), 1)]
                sent = self._umbel.keeper.deliver.sent
                found += [Sample(meters.WEBHOOKS, (state,), sent[state]) for state in _DELIVERIES]
                for name, source in self._sources.items():
                    try:
                        found += source.answer(max(0.0, deadline - time.monotonic()))
                        found.append(Sample(meters.UP, (name,), 1))
                    except (UmbelError, NotInTime):
                        found.append(Sample(meters.UP, (name,), 0))
                self._last, self._until = found, time.monotonic() + FRESH
            return self._last

    def close(self) -> None:
        """Ends the threads."""
        for source in self._sources.values():
            source.close()

    def _state(self) -> list[Sample]:
        umbel = self._umbel
        positions = {each.partition: each.position for each in umbel.keeper.projectors}
        found = umbel.engine.measure({number: at for number, at in positions.items() if at is not None})
        live = [each for each in found.workers if each.alive]
        default = umbel.settings.default_queue
        ready: dict[str, int] = {}
        for queue, number in found.ready.items():
            ready[queue or default] = ready.get(queue or default, 0) + number
        served = {queue for worker in live for queue in worker.queues}
        self._queues = sorted(ready.keys() | served)
        samples = [
            Sample(meters.STUCK, ("no_worker",), sum(n for queue, n in ready.items() if queue not in served)),
            Sample(meters.STUCK, ("lease",), found.leases_overdue),
            Sample(meters.SCHEDULER_LAG, ("timers",), found.overdue_ms / 1000),
            Sample(meters.LAG_SECONDS, (), found.lag_ms / 1000),
            Sample(meters.LAG_EVENTS, (), found.lag_events),
            Sample(meters.WORKERS, (), len(live)),
            Sample(meters.STATE_MEMORY, (), found.memory),
            Sample(meters.STATE_MAX, (), found.memory_max),
        ]
        samples += [Sample(meters.READY, (queue,), number) for queue, number in ready.items()]
        for worker in live:
            samples += [Sample(meters.WORKER_ACTIVE, (host(worker.host),), worker.running)]
            for queue in worker.queues:
                samples.append(Sample(meters.ACTIVE_WORKERS, (queue,), 1))
                samples.append(Sample(meters.ACTIVE_PROCESSES, (queue,), worker.concurrency))
        return samples + list(self._up({host(worker.host) for worker in live}))

    def _up(self, live: set[str]) -> Iterator[Sample]:
        now = time.monotonic()
        self._seen.update(dict.fromkeys(live, now))
        self._seen = {name: at for name, at in self._seen.items() if now - at < GONE}
        for name in self._seen:
            yield Sample(meters.WORKER_UP, (name,), float(name in live))

    def _history(self) -> list[Sample]:
        found = self._umbel.store.measure()
        now = self._umbel.keeper.now()
        late = max(0, now - found.next_tick) / 1000 if found.next_tick is not None and now else 0.0
        states: dict[str, Any] = {"pending": 0, "running": 0, **found.live}
        return [
            *(Sample(meters.RUNS_LIVE, (state,), number) for state, number in states.items()),
            Sample(meters.SCHEDULER_LAG, ("schedules",), late),
            Sample(meters.SQL, ("in_use",), found.in_use),
            Sample(meters.SQL, ("idle",), found.idle),
        ]

    def _broker(self) -> list[Sample]:
        assert self._lengths is not None
        lengths = self._lengths(self._queues or [self._umbel.settings.default_queue])
        return [Sample(meters.QUEUE_LENGTH, (queue,), depth.waiting) for queue, depth in lengths.items()]
