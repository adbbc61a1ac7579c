"""What a run in memory tells a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from umbel.celery import codec
from umbel.events import EventRecord
from umbel.machine import EventType, RunState, TaskState


@dataclass(frozen=True, slots=True)
class TestTask:
    """One task of a run, or one item of a `map` (its key is `KEY[i]`)."""

    __test__ = False  # pytest takes classes by this name for tests

    index: int
    """Its place in the plan."""
    key: str
    state: TaskState
    """`success`, `error`, `skipped`, `upstream_failed`, ..."""
    attempts: int = 0
    result: Any = None
    """What it returned, after a trip through JSON as between real workers."""
    error: str | None = None
    """The text of the exception that it failed with."""
    error_type: str | None = None
    """The name of its class."""
    traceback: str | None = None
    waits: tuple[float, ...] = ()
    """Seconds of pause before each further attempt. Nobody slept them."""
    run: "TestRun | None" = None
    """The run that it started, of a `workflow` step."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """A run of a definition in memory."""

    __test__ = False

    id: str
    state: RunState
    payload: Mapping[str, Any]
    """With the definition's defaults."""
    result: Any
    """Of the last task, or a list if several end the run; None unless it succeeded."""
    tasks: Mapping[str, TestTask]
    """By key, in definition order; hooks that were called, too."""
    seconds: float
    """How long it would have taken if bodies took no time: the pauses."""
    events: tuple[EventRecord, ...] = field(default=(), repr=False)

    @property
    def status(self) -> str:
        """`success`, `error` or `canceled`; `running` if it waits for what the test does not give."""
        return str(self.state)

    @property
    def error(self) -> str | None:
        """The text of the first task's failure."""
        failed = next((event.task for event in self.events if event.type == EventType.TASK_FAILED), None)
        return next((task.error for task in self.tasks.values() if task.index == failed), None)

    def order(self) -> list[str]:
        """The keys of the tasks in the order in which their attempts began."""
        keys = {task.index: key for key, task in self.tasks.items()}
        begun = [event.task for event in self.events if event.type == EventType.TASK_STARTED]
        return [keys[index] for index in begun if index in keys]


_ENDS: Final = (EventType.TASK_SUCCEEDED, EventType.TASK_FAILED)


def task_of(
    index: int, key: str, state: TaskState, events: Sequence[EventRecord], run: TestRun | None = None
) -> TestTask:
    """A task by what happened to it, in order."""
    attempts, waits = 0, list[float]()
    told: dict[str, Any] = {}
    for event in events:
        attempts = max(attempts, event.attempt or 0)
        if event.type == EventType.TASK_RETRYING:
            waits.append(float(event.data.get("countdown") or 0.0))
        elif event.type in _ENDS:
            data = event.data
            told = {"result": codec.decode(event.value) if event.value is not None else None}
            if event.type == EventType.TASK_FAILED:
                told |= {
                    "error": data.get("exception"),
                    "error_type": data.get("type"),
                    "traceback": data.get("traceback"),
                }
    return TestTask(index, key, state, attempts, waits=tuple(waits), run=run, **told)
