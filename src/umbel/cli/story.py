"""The story of a run: where each task stands, and one sentence for each thing that happens. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from umbel.cli.words import brief_error, count, first_line, local, seconds
from umbel.machine import TASK_TERMINAL, TERMINAL_EVENTS, EventType, RunState, TaskState
from umbel.service.models import Event, RunDetail, TaskView

SHOWN: Final = 5
"""Names in one sentence."""

_LISTED: Final = {
    "released": TaskState.QUEUED,
    "scheduled": TaskState.SCHEDULED,
    "blocked": TaskState.UPSTREAM_FAILED,
    "skipped": TaskState.SKIPPED,
}
_STATES: Final = frozenset(TaskState)


@dataclass(slots=True)
class Items:
    """The items of a map, folded into it: how many there are, have ended, have failed."""

    total: int
    ended: int = 0
    failed: int = 0


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
    items: Items | None = None


class Story:
    """Told from a run's events, from the first on."""

    def __init__(self, run: RunDetail) -> None:
        self.run = run
        self.state = RunState.PENDING
        self.ended: datetime | None = None
        self.epoch = 1
        depths = depths_of(run.tasks)
        self.rows = {task.key: Row(task.key, depths[task.key]) for task in run.tasks}

    def apply(self, event: Event) -> str:
        """Take in an event; what to say about it, or nothing."""
        row = self.rows.get(event.task or "")
        for name, state in _LISTED.items():
            for key in self._keys(event, name):
                self.rows[key].state = state
        blocked = list(self._keys(event, "blocked"))
        if event.type in TERMINAL_EVENTS:
            return self._end(event)
        if event.task is None:
            return self._run(event)
        if row is None:
            return self._item(event)
        if self.state is RunState.PENDING:
            self.state = RunState.RUNNING
        if event.state in _STATES:
            row.state = TaskState(event.state)
        return self._task(row, event) + self._unreached(row.key, blocked)

    def _run(self, event: Event) -> str:
        by = f" by {event.data['by']}" if event.data.get("by") else ""
        match event.type:
            case EventType.RUN_PAUSED:
                return f"run paused{by}: nothing new begins"
            case EventType.RUN_RESUMED:
                return f"run resumed{by}"
            case EventType.RUN_STOPPED:
                self._cancel_rest()
                return f"run stopped{by}"
            case EventType.RUN_RESTORED:
                return self._restored(event)
        return ""

    def _restored(self, event: Event) -> str:
        self.epoch = int(event.data.get("epoch") or self.epoch + 1)
        self.state, self.ended = RunState(event.state or RunState.PENDING), None
        again = [key for key in event.data.get("reset") or () if key in self.rows]
        kept = event.data.get("maps") or ()
        for key in again:
            row = self.rows[key]
            row.state, row.note, row.ended, row.due = TaskState.WAITING, "", None, None
            row.items = (
                Items(row.items.total, row.items.ended - row.items.failed) if row.items and key in kept else None
            )
        return f"run begins again, epoch {self.epoch}: {_listed(again)} {'runs' if len(again) == 1 else 'run'} again"

    def _item(self, event: Event) -> str:
        """Items of maps are many: only what goes wrong is told."""
        row = self.rows.get(str(event.task).rpartition("[")[0])
        if row is None or row.items is None:
            return ""
        if event.type in (EventType.TASK_SUCCEEDED, EventType.TASK_SKIPPED):
            row.items.ended += 1
        elif event.type == EventType.TASK_FAILED:
            row.items.ended += 1
            row.items.failed += 1
            return f"{event.task} failed: {brief_error(event.data.get('type'), event.data.get('exception'))}"
        return ""

    def _expanded(self, row: Row, event: Event) -> str:
        total = int(event.data.get("count") or 0)
        before = row.items
        if before is not None and before.total == total:  # those that succeeded in an earlier epoch stay
            row.items = Items(total, before.ended)
            return f"{row.key} goes on with {count(total - row.items.ended, 'item')} of {total:,}"
        row.items = Items(total)
        return f"{row.key} has {count(total, 'item')}"

    def _task(self, row: Row, event: Event) -> str:
        data, key = event.data, row.key
        error = brief_error(data.get("type"), data.get("exception"))
        match event.type:
            case EventType.TASK_EXPANDED:
                return self._expanded(row, event)
            case EventType.TASK_SPAWNED:
                row.note = f"run {data.get('run')}"
                return f"{key} started the run {data.get('run')} of {data.get('definition')}"
            case EventType.TASK_ASKED:
                row.note = f"`umbel approve {self.run.id} {key}`, or reject"
                row.due = datetime.fromtimestamp(data["due"] / 1000, event.at.tzinfo) if data.get("due") else None
                until = f" until {local(row.due)}" if row.due else ""
                return f"{key} waits for a decision{until}: {row.note}"
            case EventType.TASK_STARTED if row.items and row.items.ended >= row.items.total:
                row.attempt, row.note = event.attempt or 1, ""
                return f"{key} gathers the results of {count(row.items.total, 'item')}"
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
            self._cancel_rest()
        word = {RunState.SUCCESS: "succeeded", RunState.ERROR: "failed"}.get(self.state, "canceled")
        why = ": it took longer than its deadline" if event.data.get("reason") == "deadline" else ""
        return f"run {word} after {seconds(self.age(event.at))}{why}{self._others() if not why else ''}"

    def _others(self) -> str:
        """What goes on although the run has failed; of one that was canceled, or has succeeded, nothing does."""
        going = sum(row.state not in TASK_TERMINAL and row.state is not TaskState.WAITING for row in self.rows.values())
        return f"; {count(going, 'other task')} {'goes' if going == 1 else 'go'} on" if going else ""

    def _cancel_rest(self) -> None:
        for row in self.rows.values():
            if row.state not in TASK_TERMINAL:
                row.state = TaskState.CANCELED

    def _unreached(self, key: str, blocked: list[str]) -> str:
        if not blocked:
            return ""
        return f"\n{_listed(blocked)} will not run: {'it needs' if len(blocked) == 1 else 'they need'} {key}"

    def _keys(self, event: Event, name: str) -> Iterator[str]:
        listed = event.data.get(name)
        return (key for key in listed if key in self.rows) if isinstance(listed, list) else iter(())

    def _took(self, row: Row) -> str:
        return f" in {seconds((row.ended - row.started).total_seconds())}" if row.ended and row.started else ""

    def age(self, at: datetime) -> float:
        """Seconds from the run's creation to `at`."""
        return max((at - self.run.created_at).total_seconds(), 0.0)


def _listed(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (f" and {len(keys) - SHOWN:,} more" if len(keys) > SHOWN else "")


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
