"""Runs and events made up for the tests of the history."""

import uuid
from collections.abc import Iterator
from typing import Any

from umbel.events import EventRecord
from umbel.plan.model import Node, Plan
from umbel.store import IdempotencyKey, NewRun

DIAMOND = Plan(
    "demo.PIPELINE",
    (
        Node(0, "A", "TASK_A"),
        Node(1, "B", "TASK_B", (0,)),
        Node(2, "C", "TASK_C", (0,)),
        Node(3, "D", "TASK_D", (1, 2)),
    ),
)
NOW = 1_700_000_000_000


def new_run(at: int = NOW, *, run_id: str = "", key: IdempotencyKey | None = None, **more: Any) -> NewRun:
    """A run of the diamond, accepted at `at`."""
    values: dict[str, Any] = {
        "id": run_id or str(uuid.uuid4()),
        "definition": "demo.PIPELINE",
        "project": "demo",
        "name": "PIPELINE",
        "plan": DIAMOND,
        "payload": '{"text": "hello"}',
        "partition": 0,
        "created_at": at,
        "idempotency": key,
    }
    return NewRun(**{**values, **more})


class Script:
    """Writes a run's events with their numbers and times, one second apart."""

    def __init__(self, run: str, at: int = NOW) -> None:
        self.run = run
        self.at = at
        self.events: list[EventRecord] = []

    def add(
        self, kind: str, task: int | None = None, attempt: int | None = None, value: str | None = None, /, **data: Any
    ) -> "Script":
        """One more event."""
        number = len(self.events) + 1
        self.events.append(EventRecord(self.run, number, kind, self.at + number * 1000, task, attempt, data, value))
        return self

    def start(self, task: int, attempt: int = 1, /, **data: Any) -> "Script":
        """A worker takes the task."""
        details = {"worker": "celery@host", "pid": 77, "queued_at": self.at, "retries": 0, "epoch": 1, **data}
        return self.add("task.started", task, attempt, **details)

    def __iter__(self) -> Iterator[EventRecord]:
        return iter(self.events)


def diamond(run: str) -> list[EventRecord]:
    """A -> (B | C) -> D, all well: 11 events."""
    script = Script(run).add("run.launched", released=[0], plan=DIAMOND.hash, n=4)
    for task, released in ((0, [1, 2]), (1, []), (2, [3]), (3, [])):
        script.start(task).add("task.succeeded", task, 1, f'{{"task": {task}}}', released=released, blocked=[])
    return script.add("run.succeeded").add("run.settled").events


def troubled(run: str) -> list[EventRecord]:
    """A is lost once and retried once; B fails; C succeeds with output and a late result; D never runs."""
    script = Script(run).add("run.launched", released=[0], plan=DIAMOND.hash, n=4)
    script.start(0).add(
        "task.lost", 0, 1, worker="celery@host", pid=77, why="its process died", losses=1, requeued=True
    )
    script.start(0, 2).add(
        "task.retrying", 0, 2, exception="HTTP 500", type="HTTPError", traceback="T1", countdown=2.0, due=NOW, retries=1
    )
    script.add("task.queued", 0, why="due").start(0, 3).add("task.succeeded", 0, 3, "1", released=[1, 2], blocked={})
    script.start(1).start(2).add("task.log", 2, 1, lines=[[NOW, "stdout", "one"], [NOW + 1, "stderr", "two"]])
    script.add(
        "task.failed", 1, 1, exception="boom", type="ValueError", traceback="T2", blocked=[3], reason="exception"
    )
    script.add("run.failed", task=1)
    script.add("task.lost", 2, 1, worker="celery@host", pid=77, why="no sign of life", losses=1, requeued=True)
    script.start(2, 2, worker="celery@other").add("task.fenced", 2, 1, outcome="success", epoch=1)
    script.add("task.succeeded", 2, 2, "2", released=[], blocked=[])
    return script.add("run.settled").events
