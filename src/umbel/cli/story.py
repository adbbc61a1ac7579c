"""The story of a run: where each task stands, and one sentence for each thing that happens. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from umbel.cli.words import brief_error, count, first_line, seconds
from umbel.machine import TERMINAL_EVENTS, EventType, RunState, TaskState
from umbel.service.models import Event, RunDetail, TaskView

SHOWN: Final = 5
"""Names in one sentence."""

_STATES: Final = frozenset(TaskState)


@dataclass(slots=True)
class Row:
    """One task as it now stands. `depth`: tasks on the longest path to it."""

    key: str
    depth: int
    state: TaskState = TaskState.WAITING
    attempt: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    due: datetime | None = None
    note: str = ""


class Story:
    """Told from a run's events, from the first on."""

    def __init__(self, run: RunDetail) -> None:
        self.run = run
        self.state = RunState.PENDING
        self.ended: datetime | None = None
        depths = depths_of(run.tasks)
        self.rows = {task.key: Row(task.key, depths[task.key]) for task in run.tasks}

    def apply(self, event: Event) -> str:
        """Take in an event; what to say about it, or nothing."""
        row = self.rows.get(event.task or "")
        for key in self._keys(event, "released"):
            self.rows[key].state = TaskState.QUEUED
        blocked = list(self._keys(event, "blocked"))
        for key in blocked:
            self.rows[key].state = TaskState.UPSTREAM_FAILED
        if event.type in TERMINAL_EVENTS:
            return self._end(event)
        if row is None:
            return ""
        if self.state is RunState.PENDING:
            self.state = RunState.RUNNING
        if event.state in _STATES:
            row.state = TaskState(event.state)
        return self._task(row, event) + self._unreached(row.key, blocked)

    def _task(self, row: Row, event: Event) -> str:
        data, key = event.data, row.key
        error = brief_error(data.get("type"), data.get("exception"))
        match event.type:
            case EventType.TASK_STARTED:
                row.attempt, row.started, row.ended, row.note = event.attempt or 1, event.at, None, ""
                return f"{key} started" + (f", attempt {row.attempt}" if row.attempt > 1 else "")
            case EventType.TASK_SUCCEEDED:
                row.ended = event.at
                return f"{key} succeeded{self._took(row)}"
            case EventType.TASK_FAILED:
                row.ended, row.note = event.at, error
                after = f", after {count(row.attempt, 'attempt')}" if row.attempt > 1 else ""
                return f"{key} failed: {error}{after}"
            case EventType.TASK_RETRYING:
                attempt = attempt_of(data)
                row.ended, row.note = event.at, f"{error}, {attempt}"
                row.due = datetime.fromtimestamp(data["due"] / 1000, event.at.tzinfo) if data.get("due") else None
                return f"{key} failed: {error}, {attempt} in {float(data.get('countdown') or 0):.1f} s"
            case EventType.TASK_LOST:
                row.ended, row.note = event.at, f"lost its worker: {first_line(str(data.get('why', '')))}"
                return f"{key} {row.note}" + ("; queued again" if row.state is TaskState.QUEUED else "")
            case EventType.TASK_SKIPPED:
                row.ended = event.at
                return f"{key} skipped"
            case EventType.TASK_FENCED:
                return f"{key}: a late outcome of attempt {event.attempt} was refused"
        return ""

    def _end(self, event: Event) -> str:
        self.state, self.ended = TERMINAL_EVENTS[EventType(event.type)], event.at
        if self.state is RunState.CANCELED:
            for row in self.rows.values():
                if row.state in (TaskState.WAITING, TaskState.QUEUED, TaskState.RUNNING, TaskState.RETRYING):
                    row.state = TaskState.CANCELED
        word = {RunState.SUCCESS: "succeeded", RunState.ERROR: "failed"}.get(self.state, "canceled")
        return f"run {word} after {seconds(self.age(event.at))}"

    def _unreached(self, key: str, blocked: list[str]) -> str:
        if not blocked:
            return ""
        names = ", ".join(blocked[:SHOWN]) + (f" and {len(blocked) - SHOWN:,} more" if len(blocked) > SHOWN else "")
        return f"\n{names} will not run: {'it needs' if len(blocked) == 1 else 'they need'} {key}"

    def _keys(self, event: Event, name: str) -> Iterator[str]:
        listed = event.data.get(name)
        return (key for key in listed if key in self.rows) if isinstance(listed, list) else iter(())

    def _took(self, row: Row) -> str:
        return f" in {seconds((row.ended - row.started).total_seconds())}" if row.ended and row.started else ""

    def age(self, at: datetime) -> float:
        """Seconds from the run's creation to `at`."""
        return max((at - self.run.created_at).total_seconds(), 0.0)


def attempt_of(data: dict[str, Any]) -> str:
    """`attempt 2 of 4` in the data of `task.retrying`: the attempt that comes, of as many as the task may have."""
    most = data.get("max_retries")
    return f"attempt {int(data.get('retries') or 0) + 1}" + (f" of {most + 1}" if isinstance(most, int) else "")


def depths_of(tasks: list[TaskView]) -> dict[str, int]:
    """For each task how many tasks are on the longest path that leads to it."""
    needed_by: dict[str, list[str]] = {}
    open_needs = {task.key: len(task.needs) for task in tasks}
    for task in tasks:
        for need in task.needs:
            needed_by.setdefault(need, []).append(task.key)
    depth = dict.fromkeys(open_needs, 0)
    ready = [key for key, needs in open_needs.items() if not needs]
    for key in ready:
        for follower in needed_by.get(key, ()):
            depth[follower] = max(depth[follower], depth[key] + 1)
            open_needs[follower] -= 1
            if not open_needs[follower]:
                ready.append(follower)
    return depth
