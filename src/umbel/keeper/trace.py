"""Traces: when a run is settled, its history as spans: run -> task -> attempt."""

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from umbel.keeper.loop import ThreadLoop
from umbel.machine import TASK_TERMINAL, RunState, TaskState
from umbel.observe import meters
from umbel.observe.metrics import Metrics
from umbel.observe.spans import Exporter, Span, span_id, trace_of
from umbel.plan.model import Plan, task_id
from umbel.store import Applied, AttemptRow, RunRow, TaskRow, maps_of
from umbel.store.fold import map_of

log = logging.getLogger(__name__)

WAITING: Final = 1000
"""Settled runs that wait to be told of; beyond that the oldest are left out."""
MOST_TASKS: Final = 2000
"""Tasks of one run that get spans."""
IDLE: Final = 60.0

_RESULTS: Final[Mapping[str, str]] = {
    RunState.SUCCESS: "success",
    RunState.ERROR: "failure",
    RunState.CANCELED: "cancellation",
}
_TASK_RESULTS: Final[Mapping[str, str]] = {
    TaskState.SUCCESS: "success",
    TaskState.ERROR: "failure",
    TaskState.SKIPPED: "skip",
}
_FAILED: Final = frozenset({"error", "retrying", "lost"})


class History(Protocol):
    """What is read of the store."""

    def run(self, run_id: str) -> RunRow | None:
        """The run."""
        ...

    def tasks(self, run_id: str, *, first: int = 0, below: int = ...) -> list[TaskRow]:
        """Its tasks."""
        ...

    def attempts(self, run_id: str, idx: int | None = None, *, first: int = 0, below: int = ...) -> list[AttemptRow]:
        """Its attempts."""
        ...


class Plans(Protocol):
    """A plan by its hash."""

    def __call__(self, plan_hash: str) -> Plan:
        """The plan."""
        ...


class Tracer(ThreadLoop):
    """Sends the spans of runs whose end this server has committed. At most once each; what cannot be sent is dropped.

    Args:
        exporter: where to.
        url: of the server, for links.
        default_queue: of tasks whose definition names none.
    """

    def __init__(
        self, history: History, plan: Plans, exporter: Exporter, metrics: Metrics, url: str, default_queue: str
    ) -> None:
        super().__init__("trace")
        self._history = history
        self._plan = plan
        self._exporter = exporter
        self._metrics = metrics
        self._url = url
        self._default_queue = default_queue
        self._settled: deque[str] = deque(maxlen=WAITING)

    def note(self, applied: Applied) -> None:
        """Runs have been settled, perhaps."""
        if applied.settled:
            self._settled.extend(applied.settled)
            self.wake()

    def turn(self) -> float:
        """Tells of all that are settled."""
        while self._settled and not self.stopping.is_set():
            spans = self.spans(self._settled.popleft())
            taken = bool(spans) and self._exporter.export(spans)
            self._metrics.count(meters.SPANS, "exported" if taken else "dropped", by=len(spans))
        return IDLE

    def stop(self, timeout: float = 5.0) -> None:
        """Ends after the present turn."""
        super().stop(timeout)
        self._exporter.close()

    def spans(self, run_id: str) -> list[Span]:
        """The spans of the run's newest epoch."""
        run = self._history.run(run_id)
        if run is None:
            return []
        trace, parent = self._trace(run)
        rows = [row for row in self._history.tasks(run_id) if row.epoch == run.epoch and row.state in TASK_TERMINAL]
        attempts: dict[int, list[AttemptRow]] = {}
        for one in self._history.attempts(run_id):
            if one.epoch == run.epoch:
                attempts.setdefault(one.idx, []).append(one)
        rows = [row for row in rows if row.started_at is not None or row.idx in attempts]
        begun = [at for at in (one.queued_at or one.started_at for each in attempts.values() for one in each) if at]
        end = run.finished_at or run.updated_at
        start = run.created_at if run.epoch == 1 else min(begun, default=end)
        plan, found = self._plan(run.plan_hash), [self._of_run(run, trace, parent, start, end, len(rows))]
        for row in rows[:MOST_TASKS]:
            found += self._of_task(run, plan, row, attempts.get(row.idx, []), trace)
        return found

    def _trace(self, run: RunRow) -> tuple[str, str | None]:
        """The trace; and its parent: the caller's span, or the attempt whose task has started this run."""
        if run.root_run is None or run.root_run == run.id:
            return trace_of(run.id, run.traceparent)
        root = self._history.run(run.root_run)
        trace, _ = trace_of(run.root_run, root.traceparent if root is not None else None)
        for row in self._history.tasks(run.parent_run or ""):
            if row.key == run.parent_task:
                return trace, span_id(row.run_id, row.idx, row.epoch)
        return trace, None

    def _of_run(self, run: RunRow, trace: str, parent: str | None, start: int, end: int, tasks: int) -> Span:
        attributes: dict[str, str | int] = {
            "cicd.pipeline.name": run.definition,
            "cicd.pipeline.run.id": run.id,
            "cicd.pipeline.run.url.full": f"{self._url}/runs/{run.id}",
            "cicd.pipeline.action.name": "RUN",
            "cicd.pipeline.result": _RESULTS.get(run.state, "error"),
            "umbel.epoch": run.epoch,
            "umbel.tasks": run.tasks_total,
        }
        error = None
        if run.state is RunState.ERROR:
            error = run.error or ""
            attributes["error.type"] = "task" if run.failed_task else "deadline"
        if tasks > MOST_TASKS:
            attributes["umbel.tasks.left_out"] = tasks - MOST_TASKS
        identity = span_id(run.id, run.epoch)
        return Span(
            f"RUN {run.definition}", "server", trace, identity, parent, start, max(start, end), attributes, error
        )

    def _of_task(self, run: RunRow, plan: Plan, row: TaskRow, attempts: list[AttemptRow], trace: str) -> Iterator[Span]:
        node = plan.nodes[row.idx] if row.idx < len(plan.nodes) else plan.nodes[_node_of(run, row.idx)]
        identity = span_id(run.id, row.idx, row.epoch)
        end = row.finished_at or row.updated_at
        starts = [at for at in (one.queued_at or one.started_at for one in attempts) if at]
        start = min(starts, default=row.queued_at or row.started_at or end)
        error = (row.exception or "") if row.state is TaskState.ERROR else None
        about: dict[str, str | int] = {
            "cicd.pipeline.task.name": row.key,
            "cicd.pipeline.task.run.id": node.id or task_id(run.id, row.idx),
            "cicd.pipeline.task.run.url.full": f"{self._url}/runs/{run.id}",
            "cicd.pipeline.task.run.result": _TASK_RESULTS.get(row.state, "cancellation"),
            "celery.task_name": node.task,
        }
        if error is not None:
            about["error.type"] = row.error_type or "unknown"
        parent = span_id(run.id, run.epoch)
        yield Span(row.key, "internal", trace, identity, parent, start, max(start, end), about, error)
        for one in attempts:
            yield self._of_attempt(run, node.task, node.queue or self._default_queue, row.key, one, trace)

    def _of_attempt(self, run: RunRow, name: str, queue: str, key: str, one: AttemptRow, trace: str) -> Span:
        start = one.started_at or one.queued_at or run.created_at
        failed = one.outcome in _FAILED
        about: dict[str, str | int] = {
            "celery.action": "run",
            "celery.task_name": name,
            "messaging.destination.name": queue,
            "cicd.pipeline.run.id": run.id,
            "cicd.pipeline.task.name": key,
            "umbel.attempt": one.attempt,
            "umbel.epoch": one.epoch,
            "umbel.outcome": one.outcome,
        }
        if one.worker:
            about["cicd.worker.name"] = one.worker.partition("~")[0]
            about["cicd.worker.id"] = one.worker
        if one.queued_at and one.started_at:
            about["umbel.queue_wait_ms"] = max(0, one.started_at - one.queued_at)
        exception: dict[str, str] = {}
        if failed and one.exception:
            about["error.type"] = one.error_type or one.outcome
            exception = {"exception.type": one.error_type or one.outcome, "exception.message": one.exception}
            if one.traceback:
                exception["exception.stacktrace"] = one.traceback
        return Span(
            f"attempt {one.attempt}",
            "consumer",
            trace,
            span_id(run.id, one.idx, one.epoch, one.attempt),
            span_id(run.id, one.idx, one.epoch),
            start,
            max(start, one.finished_at or start),
            about,
            (one.exception or "") if failed else None,
            exception,
        )


def _node_of(run: RunRow, index: int) -> int:
    """The map of which a task is an item."""

    entry = map_of(index, maps_of(run.maps))
    return entry.node if entry is not None else 0
