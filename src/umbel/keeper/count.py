"""From committed events to metrics. Each event is written by exactly one server, which counts it once."""

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from umbel.machine import TERMINAL_EVENTS, EventType
from umbel.observe import meters
from umbel.observe.metrics import Metrics
from umbel.plan.model import Plan
from umbel.store import Applied, AppliedEvent, AttemptRow, maps_of
from umbel.store.fold import map_of
from umbel.store.rows import RunHead

log = logging.getLogger(__name__)

_ENDS: Final = {
    EventType.TASK_SUCCEEDED: ("success", meters.SUCCEEDED),
    EventType.TASK_FAILED: ("error", meters.FAILED),
    EventType.TASK_RETRYING: ("retrying", meters.RETRIED),
    EventType.TASK_LOST: ("lost", None),
    EventType.TASK_SKIPPED: ("skipped", None),
    EventType.TASK_EXPANDED: ("expanded", None),
    EventType.TASK_SPAWNED: ("expanded", None),
    EventType.TASK_ASKED: ("asked", None),
    EventType.TASK_FENCED: ("fenced", meters.REJECTED),
}
_TIMED: Final = frozenset({"success", "error", "retrying"})
_RUN_ENDS: Final = {str(event): str(state) for event, state in TERMINAL_EVENTS.items()}


class Counter:
    """Counts what projectors commit.

    What is not counted: events that another server wrote; those of a commit whose answer was lost, which this server
    later finds written.

    Args:
        plan: a plan by its hash; may raise.
        default_queue: of tasks whose definition names none.
    """

    def __init__(self, metrics: Metrics, plan: Callable[[str], Plan], default_queue: str) -> None:
        self._metrics = metrics
        self._plan = plan
        self._default_queue = default_queue

    def count(self, applied: Applied) -> None:
        """Counts a batch. Never raises: the history matters more than its figures."""
        try:
            self._metrics.count(meters.QUARANTINED, by=len(applied.quarantined))
            self._metrics.count(meters.PROJECTED, by=len(applied.events))
            if applied.events:
                batch = _Batch(self._metrics, self._plan, self._default_queue, applied)
                for event in applied.events:
                    batch.take(event)
                for (meter, *labels), number in batch.counts.items():
                    self._metrics.count(meter, *labels, by=number)
        except Exception:
            log.exception("events were not counted")


class _Batch:
    def __init__(self, metrics: Metrics, plan: Callable[[str], Plan], default_queue: str, applied: Applied) -> None:
        self._plan = plan
        self.counts: dict[tuple[Any, ...], int] = defaultdict(int)
        """(meter, label, ...) -> number: added up here first, since a counter of prometheus-client takes a lock."""
        self._observe: Callable[..., None] = metrics.observe
        self._default_queue = default_queue
        self._applied = applied
        self._attempts: dict[tuple[str, int, int], AttemptRow] = {}
        for row in applied.changes.attempts.values():
            known = self._attempts.setdefault((row.run_id, row.idx, row.attempt), row)
            if row.epoch > known.epoch:
                self._attempts[row.run_id, row.idx, row.attempt] = row

    def _count(self, *what: Any) -> None:
        self.counts[what] += 1

    def take(self, event: AppliedEvent) -> None:
        run = self._applied.changes.runs[event.run_id]
        plan = self._plan(run.plan_hash)
        if event.type == EventType.TASK_STARTED:
            self._started(event, run, plan)
        elif event.type in _ENDS and event.idx is not None:
            self._ended(event, run, plan)
        elif event.type == EventType.RUN_LAUNCHED:
            self._count(meters.RUNS_LAUNCHED, plan.definition)
        elif event.type in _RUN_ENDS:
            self._count(meters.RUNS, plan.definition, _RUN_ENDS[event.type])
            if run.started_at is not None and run.epoch == 1:
                self._observe(meters.RUN_DURATION, max(0, event.at - run.started_at) / 1000, plan.definition)
        elif event.type == EventType.RUN_RESTORED and event.data.get("lost") is True:
            self._count(meters.RECOVERED, "run")
        elif event.type == EventType.TASK_QUEUED and event.idx is not None:
            self._sent(event.idx, run, plan)
        for index in event.data.get("released") or ():
            self._sent(index, run, plan)

    def _call(self, index: int, run: RunHead, plan: Plan) -> tuple[str, str]:
        """Celery task and queue of a task, which may be an item of a map."""
        if index >= len(plan.nodes):
            entry = map_of(index, maps_of(run.maps))
            if entry is None:
                return "unknown", self._default_queue
            index = entry.node
        node = plan.nodes[index]
        return node.task, node.queue or self._default_queue

    def _sent(self, index: int, run: RunHead, plan: Plan) -> None:
        name, queue = self._call(index, run, plan)
        self._count(meters.SENT, name, "generic", queue)

    def _started(self, event: AppliedEvent, run: RunHead, plan: Plan) -> None:
        assert event.idx is not None
        name, queue = self._call(event.idx, run, plan)
        labels = (name, host(event.data.get("worker")), queue)
        self._count(meters.RECEIVED, *labels)
        self._count(meters.STARTED, *labels)
        queued_at = event.data.get("queued_at")
        if isinstance(queued_at, int):
            waited = max(0, event.at - queued_at) / 1000
            self._observe(meters.QUEUE_WAIT, waited, queue)
            self._observe(meters.CELERY_WAIT, waited, *labels)

    def _ended(self, event: AppliedEvent, run: RunHead, plan: Plan) -> None:
        assert event.idx is not None
        name, queue = self._call(event.idx, run, plan)
        number = event.data.get("attempt", event.attempt) if event.type == EventType.TASK_FENCED else event.attempt
        row = self._attempts.get((event.run_id, event.idx, number or 0))
        labels = (name, host(row.worker if row is not None else None), queue)
        outcome, meter = _ENDS[EventType(event.type)]
        if outcome == "fenced" and row is not None and row.outcome == "canceled":
            outcome, meter = "canceled", meters.REVOKED
        self._count(meters.ATTEMPTS, plan.definition, name, outcome)
        if meter is meters.FAILED:
            kind = str(event.data.get("type") or "unknown")
            self._count(meter, name, labels[1], kind, queue)
        elif meter is not None:
            self._count(meter, *labels)
        if outcome == "lost" and event.data.get("requeued", True):
            self._count(meters.RECOVERED, "task")
            if plan.engine != "canvas":
                self._sent(event.idx, run, plan)
        if outcome in _TIMED and row is not None and row.started_at is not None:
            seconds = max(0, event.at - row.started_at) / 1000
            self._observe(meters.RUNTIME, seconds, name)
            if outcome == "success":
                self._observe(meters.CELERY_RUNTIME, seconds, *labels)


def host(worker: object) -> str:
    """The host of a worker `celery@host~id`, as celery-exporter labels it."""
    return str(worker or "unknown").partition("~")[0].rpartition("@")[2]
