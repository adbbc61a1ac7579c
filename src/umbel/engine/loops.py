"""The loops that keep runs going: due retries, lost workers, lost messages, wide releases.

They know neither Celery nor SQL: whatever has to be published goes through the function they are given. Every worker
and every server runs them, so that either alone suffices; the scripts make a turn taken by two at once harmless.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from umbel.engine.engine import Engine, GoneWorker
from umbel.engine.wire import Item
from umbel.errors import UmbelError
from umbel.failpoints import failpoint
from umbel.observe.logs import of

log = logging.getLogger(__name__)

SLOW_TURN = 1.0
"""Seconds between two looks at what is overdue; due retries are looked at every `settings.loop_interval`."""
MOST_UNSENT = 1000
"""Items that the broker did not take and that are kept to try again; the engine finds what is beyond them."""
BACKLOG = 500
"""First tasks of each queue that are sent again when the broker is back."""


class Loops:
    """One thread that takes the turns of one process.

    Args:
        engine: its own, since it is used from its own thread.
        publish: sends one message per item to the broker; may raise UmbelError, then the tasks stay released and are
            sent again as soon as it works.
        name: who releases and publishes, as the engine should know it.
    """

    def __init__(self, engine: Engine, publish: Callable[[Sequence[Item]], None], name: str) -> None:
        self._engine = engine
        self._publish = publish
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="umbel-loops", daemon=True)
        self._slow_due = 0.0
        self._away = True
        self._unsent: deque[Item] = deque(maxlen=MOST_UNSENT)

    def start(self) -> None:
        """Begin taking turns."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End after the present turn; waits up to `timeout` seconds for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        pause = self.interval
        while not self._stop.wait(pause):
            pause = self.step(pause)

    @property
    def interval(self) -> float:
        """Seconds between two turns if all is well."""
        return self._engine.settings.loop_interval

    def step(self, pause: float) -> float:
        """One turn, `pause` seconds after the one before; the seconds until the next. Never raises."""
        try:
            if self._away:
                # Those who live get the time to say so before anybody is taken for lost.
                self._slow_due = time.monotonic() + 2 * self._engine.settings.heartbeat
            self.turn()
            self._away = False
            return self.interval
        except UmbelError as error:
            self._away = True
            pause = min(max(pause * 2, self.interval), 5.0)
            log.warning("the loops pause for %.1f s: %s", pause, error)
        except Exception:
            pause = 5.0
            log.exception("the loops failed; they go on in %.0f s", pause)
        return pause

    def turn(self) -> None:
        """One look at everything that may be due, in every partition; what is found is published at its end."""
        slow = time.monotonic() >= self._slow_due
        if slow:
            self._slow_due = time.monotonic() + SLOW_TURN
        items: list[Item] = []
        try:
            for partition in self._engine.partitions:
                self._promote(partition, items)
                self._advance(partition, items)
                if slow:
                    self._sweep(partition, items)
                    items += self._engine.redispatch(partition)
        finally:
            if items or slow:
                self._send(items)

    def later(self, items: Iterable[Item]) -> None:
        """These could not be published; they are as soon as the broker is back. May be called from any thread."""
        self._unsent.extend(items)

    def _send(self, items: Sequence[Item]) -> None:
        """Publish these, and what could not be published before; if the broker does not take them, they wait here.

        When it is back, others have been in vain too, and what was in its memory may be gone. So the backlog of each
        queue is sent again at once: the engine's own pauses are for single messages that went astray.
        """
        before = [self._unsent.popleft() for _ in range(len(self._unsent))]
        items = list(dict.fromkeys([*before, *items]))
        try:
            if items:
                self._publish(items)
            if before:
                log.warning("the broker takes messages again")
                self._publish(self._backlog())
        except UmbelError as error:
            self.later(items)
            log.warning("%d messages wait for the broker: %s", len(items), error)

    def _backlog(self) -> list[Item]:
        """The first of all queues that have workers, and what this process itself has released."""
        queues = {queue for worker in self._engine.workers() for queue in self._heads(worker)}
        heads = dict.fromkeys(queues, BACKLOG)
        found: list[Item] = []
        for partition in self._engine.partitions:
            found += self._engine.redispatch_of(partition, self._name, heads=heads)
        return found

    def _promote(self, partition: int, items: list[Item]) -> None:
        while found := self._engine.promote(partition, by=self._name)[0]:
            items += found
            failpoint("promoted")

    def _advance(self, partition: int, items: list[Item]) -> None:
        while True:
            found, more = self._engine.advance(partition, by=self._name)
            items += found
            if not found and not more:
                return
            failpoint("advance-portion")

    def _sweep(self, partition: int, items: list[Item]) -> None:
        attempts, gone = self._engine.sweep(partition)
        for worker in gone:  # first, since the engine has already forgotten them
            items += self._bury(partition, worker)
        for lost in attempts:
            answer = self._engine.lose(lost.token, sure=lost.sure, counts=lost.counts, why=lost.why, by=self._name)
            if answer.released:
                failpoint("taken-over")
                log.warning(
                    "task %s of run %s was lost: %s",
                    lost.token.task,
                    lost.token.run,
                    lost.why,
                    extra=of(run=lost.token.run, index=lost.token.task, attempt=lost.token.attempt),
                )
                items += [self._engine.item(lost.token, index) for index in answer.released]

    def _bury(self, partition: int, gone: GoneWorker) -> tuple[Item, ...]:
        """What a dead worker may have taken with it: messages it had fetched, and releases it never published."""
        log.warning("worker %s is gone; its tasks are taken over", gone.worker)
        since = gone.beat - round(2000 * self._engine.settings.lease)
        return self._engine.redispatch_of(partition, gone.worker, since=since, heads=self._heads(gone.info))

    def welcome(self, info: Mapping[str, Any]) -> None:
        """A worker has started: what waits first in its queues is sent again.

        The message may be gone: dropped by workers that did not know the task, or fetched by one that is dead for long.
        """
        for partition in self._engine.partitions:
            self._send(self._engine.redispatch_of(partition, self._name, heads=self._heads(info)))

    def _heads(self, info: Mapping[str, Any]) -> dict[str, int]:
        """From what a worker says of itself: how many of the first tasks of each queue it may have fetched."""
        prefetch = int(info.get("prefetch", 0)) + 10
        heads = dict.fromkeys(info.get("queues", ()), prefetch)
        if self._engine.settings.default_queue in heads:
            heads[""] = prefetch  # tasks whose definition names no queue
        return heads
