"""Why a task that is in a queue is not taken: the workers, the broker, its message."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final, Literal, NamedTuple

from umbel.errors import UmbelError
from umbel.plan.model import Node
from umbel.service.models import WorkerView
from umbel.service.phrases import listed, nearest, seconds
from umbel.service.umbel import Umbel
from umbel.service.workers import list_workers
from umbel.store import RunRow

SHOWN: Final = 3
"""Tasks that are named of those that a busy worker runs."""
LOOKED_AT: Final = 8
"""Of those that busy workers run, so many are looked up."""
SOON: Final = 3_000
"""Milliseconds within which nobody asks why."""


class Obstacle(NamedTuple):
    """What keeps a task from being taken. `missing`: nobody is there who would; `broken`: they cannot; `busy`: they do
    something else first; `none`: somebody is about to."""

    text: str = ""
    kind: Literal["missing", "broken", "busy", "none"] = "none"


class Fleet:
    """The live workers, asked once."""

    def __init__(self, umbel: Umbel) -> None:
        self._umbel = umbel
        self.error = ""
        """What the state store said instead."""

    @cached_property
    def workers(self) -> Sequence[WorkerView] | None:
        """The workers that are alive; None if the state store does not say."""
        try:
            return [each for each in list_workers(self._umbel).items if each.alive]
        except UmbelError as error:
            self.error = str(error).rstrip(".")
            return None

    @cached_property
    def now(self) -> int:
        """This moment by the state store's clock, in ms. Raises StateUnavailable."""
        return self._umbel.engine.now()

    def silence(self, name: str | None) -> str | None:
        """That a worker is late with its sign of life, if it is."""
        worker = next((each for each in self.workers or () if each.name == name), None)
        if worker is None or (ago := self._ago(worker)) <= 2500 * self._beats(worker):
            return None
        lease = worker.settings.get("lease", self._umbel.settings.lease)
        return f"its last sign of life was {seconds(ago)} ago, and after {lease:g} s it counts as lost"

    def _ago(self, worker: WorkerView) -> float:
        return self.now - worker.last_seen.timestamp() * 1000

    def _beats(self, worker: WorkerView) -> float:
        return float(worker.settings.get("heartbeat", self._umbel.settings.heartbeat))

    def why(self, node: Node) -> Obstacle:
        """Why nobody takes a task."""
        return self.why_not(node.queue or self._umbel.settings.default_queue, node.task)

    def why_not(self, queue: str, task: str | None = None) -> Obstacle:
        """Why nobody takes what is in a queue, or this task of it. Without the stop of a sentence."""
        if self.workers is None:
            return Obstacle(f"the state store does not answer, so nobody can take it ({self.error})", "broken")
        if trouble := self._umbel.publish.trouble:
            ago = seconds(self._umbel.publish.ago())
            text = f"the broker has taken no messages for {ago} ({trouble.why}); it is sent when it does"
            return Obstacle(text, "broken")
        if not self.workers:
            return Obstacle("no worker is alive", "missing")
        there = [each for each in self.workers if queue in each.queues]
        if not there:
            heard = sorted({name for each in self.workers for name in each.queues})
            others = f"; they listen on {listed(heard)}" if heard else ""
            return Obstacle(f"no worker listens on queue {queue}{others}{nearest(queue, heard)}", "missing")
        knowing = there if task is None else [each for each in there if knows(each, task)]
        if not knowing:
            names = sorted({name for each in there for name in each.tasks})
            return Obstacle(f"no worker of queue {queue} knows the task {task}{nearest(task or '', names)}", "missing")
        return self._held_up(queue, task, knowing)

    def _held_up(self, queue: str, task: str | None, workers: Sequence[WorkerView]) -> Obstacle:
        """What keeps workers from it that would take it."""
        cut_off = [each for each in workers if self._cut_off(each) is not None]
        if len(cut_off) == len(workers):
            ago = seconds(min(self._cut_off(each) or 0 for each in cut_off))
            return Obstacle(
                f"{_workers(workers)} of queue {queue} has no connection to the broker, since {ago}", "broken"
            )
        workers = [each for each in workers if each not in cut_off]
        silent = {each.name: text for each in workers if (text := self.silence(each.name))}
        if len(silent) == len(workers):
            name, text = next(iter(silent.items()))
            return Obstacle(f"worker {name} is late: {text}", "broken")
        workers = [each for each in workers if each.name not in silent]
        if all(each.concurrency is not None and each.running >= each.concurrency for each in workers):
            return Obstacle(f"every worker of queue {queue} is busy: {self._busy(workers)}", "busy")
        rates = {each.rates.get(task) for each in workers} if task is not None else {None}
        if None not in rates:
            return Obstacle(
                f"Celery's rate limit of {task} ({', '.join(sorted(filter(None, rates)))}) lets it wait", "busy"
            )
        return Obstacle()

    def _cut_off(self, worker: WorkerView) -> float | None:
        """For how many ms a worker has had no connection to the broker; a moment at its start is none."""
        if worker.broker_lost_at is None:
            return None
        ago = self.now - worker.broker_lost_at.timestamp() * 1000
        return ago if ago >= SOON else None

    def _busy(self, workers: Sequence[WorkerView]) -> str:
        """`4 of 4 slots taken, by A of run 0b0f5c2e since 12.3 s, ...`."""
        umbel = self._umbel
        held = [token for each in workers for _, token in umbel.engine.held(each.name)][:LOOKED_AT]
        found: list[tuple[float, str]] = []
        for token in held:
            names = umbel.names_of(token.run, token.task)
            mine = [row for row in umbel.store.attempts(token.run, token.task) if row.attempt == token.attempt]
            if names is not None and mine and mine[-1].started_at:
                found.append((self.now - mine[-1].started_at, f"{names.key(token.task)} of run {token.run[:8]}"))
        found.sort(reverse=True)
        slots = f"{sum(each.running for each in workers)} of {sum(each.concurrency or 0 for each in workers)} slots"
        by = ", ".join(f"{what} since {seconds(ago)}" for ago, what in found[:SHOWN])
        return f"{slots} taken" + (f", the longest by {by}" if by else "")

    def message(self, run: RunRow, index: int, node: Node) -> str:
        """What has become of a queued task's message, if that is worth a word."""
        found = self._umbel.engine.released(run.id, index, node.queue)
        if found is None or found.ago < SOON:
            return ""
        again = f"it is sent again in {seconds(found.again)}" if found.again else "it is being sent again"
        if found.passed:
            ago = seconds(found.ago)
            return f"its message, sent {ago} ago, seems lost: later ones have been taken; {again}"
        if found.again is None:
            return ""
        return f"if its message, sent {seconds(found.ago)} ago, was lost, {again}"


def knows(worker: WorkerView, task: str) -> bool:
    """Whether a worker knows a task, as far as it has told: of very many it tells only the first."""
    more = worker.tasks_total is not None and worker.tasks_total > len(worker.tasks)
    return task in worker.tasks or not worker.tasks or more


def _workers(workers: Sequence[WorkerView]) -> str:
    return f"worker {workers[0].name}" if len(workers) == 1 else f"each of {len(workers)} workers"
