"""From events to rows: a pure function, so that any split of a stream into batches ends in the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from umbel.events import UNREADABLE, EventRecord
from umbel.machine import TERMINAL_EVENTS, EventType, RunState, TaskState
from umbel.store.rows import AppliedEvent, AttemptRow, RunHead, TaskRow

TaskKey = tuple[str, int]
AttemptKey = tuple[str, int, int, int]
LogTuple = tuple[str, int, int, int, str, str]

ENDED: Final = frozenset({TaskState.SUCCESS, TaskState.ERROR, TaskState.SKIPPED})
"""States that count in `tasks_done`: the task ended by itself."""

_TYPES: Final = frozenset(str(each) for each in EventType)
_OF_A_TASK: Final = frozenset(str(each) for each in EventType if each.startswith("task."))
_MAX: Final = 2**63 - 1


@dataclass(slots=True)
class Known:
    """The rows as they stand before the events: what `fold` starts from, and changes in place."""

    runs: dict[str, RunHead] = field(default_factory=dict)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Plan hash -> the plan's task keys, by index."""
    tasks: dict[TaskKey, TaskRow] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRow] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """What to write. Rows are whole: the newest value of every column."""

    runs: dict[str, RunHead] = field(default_factory=dict)
    tasks: dict[TaskKey, TaskRow] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRow] = field(default_factory=dict)
    events: list[AppliedEvent] = field(default_factory=list)
    """In stream order; their `id` is still 0."""
    logs: list[LogTuple] = field(default_factory=list)
    """(run, index, attempt, ms, stream, line)"""
    quarantined: list[tuple[EventRecord, str]] = field(default_factory=list)
    """Events that could not be used, and why."""
    duplicates: int = 0


def fold(known: Known, events: Sequence[EventRecord]) -> Changes:
    """Applies `events`, in stream order, to `known`.

    An event whose number is not above its run's newest one is a duplicate and ignored. One that cannot be understood,
    or whose run is not in `known.runs`, is put aside and changes nothing.
    """
    changes = Changes()
    for event in events:
        run = known.runs.get(event.run)
        problem = _problem(event, run, known)
        if problem:
            changes.quarantined.append((event, problem))
        elif run is not None:
            if event.seq <= run.last_seq:
                changes.duplicates += 1
            else:
                _Step(known, changes, run, event).take()
    return changes


def _problem(event: EventRecord, run: RunHead | None, known: Known) -> str | None:
    """Why an event cannot be used. Everything that a step relies on is checked here, before anything changes."""
    if event.type not in _TYPES:
        return str(event.data.get("why", "unreadable")) if event.type == UNREADABLE else "unknown type"
    if run is None:
        return "unknown run"
    keys = known.keys.get(run.plan_hash)
    if keys is None:
        return "unknown plan"
    if not (0 < event.seq <= _MAX and 0 <= event.at <= _MAX):
        return "seq or time out of range"
    count = len(keys)
    if event.task is None:
        if event.type in _OF_A_TASK:
            return "no task"
    elif not 0 <= event.task < count:
        return "no such task"
    if event.attempt is not None and not 0 <= event.attempt < 2**31:
        return "attempt out of range"
    for name in ("released", "blocked"):
        listed = event.data.get(name) or ()
        if not isinstance(listed, (list, tuple)):
            return f"{name} is not a list"
        for index in listed:
            if type(index) is not int or not 0 <= index < count:
                return f"{name} names no such task"
    return None


class _Step:
    """One event applied to the rows of its run."""

    __slots__ = ("at", "changes", "data", "event", "keys", "known", "run")

    def __init__(self, known: Known, changes: Changes, run: RunHead, event: EventRecord) -> None:
        self.known = known
        self.changes = changes
        self.run = run
        self.event = event
        self.data = event.data
        self.at = event.at
        self.keys = known.keys[run.plan_hash]

    def take(self) -> None:
        """Changes the rows and notes the event."""
        event, run = self.event, self.run
        self.changes.runs[run.id] = run
        if event.task is not None and event.type in _OF_A_TASK:
            self._task(event.task)
        else:
            self._run()
        for index in self.data.get("released") or ():
            self._queue(index)
        for index in self.data.get("blocked") or ():
            self._set(self._task_row(index), TaskState.UPSTREAM_FAILED)
        run.last_seq = event.seq
        run.updated_at = self.at
        self.changes.events.append(
            AppliedEvent(0, run.id, event.seq, event.type, self.at, event.task, event.attempt, self._told())
        )

    def _run(self) -> None:
        run, kind = self.run, self.event.type
        if kind == EventType.RUN_SETTLED:
            run.settled = True
        elif kind in TERMINAL_EVENTS:
            run.state = TERMINAL_EVENTS[EventType(kind)]
            run.finished_at = self.at
            failed = _number(self.data.get("task"))
            if kind == EventType.RUN_FAILED and failed is not None and 0 <= failed < len(self.keys):
                run.failed_task = self.keys[failed]
                run.error = self._task_row(failed).exception

    def _task(self, index: int) -> None:
        kind, data, at = self.event.type, self.data, self.at
        if kind == EventType.TASK_LOG:
            self._lines(index)
            return
        task = self._task_row(index)
        if kind == EventType.TASK_FENCED:
            self._fenced(task)
            return
        if kind == EventType.TASK_QUEUED:
            self._queue(index)
            return
        if kind == EventType.TASK_STARTED:
            self._started(task)
            return
        attempt = self._attempt_row(task)
        attempt.finished_at = at
        if kind == EventType.TASK_SUCCEEDED:
            attempt.outcome = "success"
            task.result = _clean(self.event.value)
            task.exception = task.error_type = task.traceback = None
            self._set(task, TaskState.SUCCESS, finished=True)
        elif kind == EventType.TASK_SKIPPED:
            attempt.outcome = "skipped"
            task.result = "null"
            self._set(task, TaskState.SKIPPED, finished=True)
        elif kind == EventType.TASK_FAILED:
            # After the last loss allowed, the attempt stays a lost one; only the task has failed.
            attempt.outcome = "lost" if data.get("reason") == "lost" or attempt.outcome == "lost" else "error"
            self._error(task, attempt)
            self._set(task, TaskState.ERROR, finished=True)
        elif kind == EventType.TASK_RETRYING:
            attempt.outcome = "retrying"
            attempt.countdown = _decimal(data.get("countdown"))
            attempt.due_at = _number(data.get("due"))
            self._error(task, attempt)
            self._set(task, TaskState.RETRYING)
            task.due_at = attempt.due_at
            self.run.retries += 1
        elif kind == EventType.TASK_LOST:
            attempt.outcome = "lost"
            attempt.exception = _text(data.get("exception")) or _text(data.get("why"))
            if data.get("requeued", True):
                self._queue(index)

    def _started(self, task: TaskRow) -> None:
        run, data, at = self.run, self.data, self.at
        if run.state is RunState.PENDING:
            run.state = RunState.RUNNING
            run.started_at = at
        task.epoch = _number(data.get("epoch")) or task.epoch
        task.attempts = self.event.attempt or task.attempts + 1
        if task.started_at is None:
            task.started_at = at
        self._set(task, TaskState.RUNNING)
        attempt = self._attempt_row(task)
        attempt.worker = _text(data.get("worker"))
        attempt.pid = _number(data.get("pid"))
        queued_at = _number(data.get("queued_at"))
        attempt.queued_at = task.queued_at if queued_at is None else queued_at
        attempt.started_at = at
        attempt.outcome = "running"

    def _fenced(self, task: TaskRow) -> None:
        """A late result changes nothing but the history of the attempt that had lost its task, or its run."""
        attempt = self._attempt_row(task, _number(self.data.get("attempt")))
        attempt.late_outcome = _text(self.data.get("outcome")) or "unknown"
        attempt.exception = attempt.exception or _text(self.data.get("exception"))
        attempt.worker = attempt.worker or _text(self.data.get("worker"))
        if attempt.outcome == "running":
            attempt.outcome = "canceled" if self.run.state is RunState.CANCELED else "fenced"
            attempt.finished_at = self.at

    def _error(self, task: TaskRow, attempt: AttemptRow) -> None:
        data = self.data
        task.exception = attempt.exception = _text(data.get("exception")) or attempt.exception
        task.error_type = attempt.error_type = _text(data.get("type")) or attempt.error_type
        task.traceback = attempt.traceback = _text(data.get("traceback")) or attempt.traceback

    def _lines(self, index: int) -> None:
        number = self.event.attempt or 0
        lines = self.data.get("lines")
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, list) and len(line) == 3:
                at, stream, words = line
                at = _number(at)
                when = self.at if at is None else at
                self.changes.logs.append(
                    (self.run.id, index, number, when, (_text(stream) or "")[:16], _text(words) or "")
                )

    def _queue(self, index: int) -> None:
        task = self._task_row(index)
        self._set(task, TaskState.QUEUED)
        task.queued_at = self.at

    def _set(self, task: TaskRow, state: TaskState, *, finished: bool = False) -> None:
        if task.idx < self.run.tasks_total:  # hooks stand behind the tasks and do not count
            self.run.tasks_done += (state in ENDED) - (task.state in ENDED)
        task.state = state
        task.finished_at = self.at if finished else None
        task.due_at = None
        task.updated_at = self.at

    def _task_row(self, index: int) -> TaskRow:
        place = (self.run.id, index)
        row = self.known.tasks.get(place)
        if row is None:
            row = TaskRow(self.run.id, index, self.keys[index], TaskState.WAITING, updated_at=self.at)
            self.known.tasks[place] = row
        self.changes.tasks[place] = row
        return row

    def _attempt_row(self, task: TaskRow, number: int | None = None) -> AttemptRow:
        if number is None:
            number = self.event.attempt if self.event.attempt is not None else task.attempts
        epoch = _number(self.data.get("epoch")) or task.epoch
        place = (task.run_id, task.idx, epoch, number)
        row = self.known.attempts.get(place)
        if row is None:
            row = AttemptRow(task.run_id, task.idx, epoch, number)
            self.known.attempts[place] = row
        self.changes.attempts[place] = row
        return row

    def _told(self) -> dict[str, Any]:
        """The event's details without what its rows hold anyway."""
        data = self.data
        if self.event.type == EventType.TASK_LOG:
            lines = data.get("lines")
            return {"count": len(lines) if isinstance(lines, list) else 0}
        if "traceback" in data:
            return {name: value for name, value in data.items() if name != "traceback"}
        return data


def _number(value: object) -> int | None:
    """A whole number that a 64-bit column can hold, or None. Lua writes whole numbers as floats now and then."""
    if isinstance(value, (int, float)) and abs(value) <= _MAX:
        return int(value)
    return None


def _decimal(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _text(value: object) -> str | None:
    if value is None:
        return None
    return _clean(value if isinstance(value, str) else str(value))


def _clean(value: str | None) -> str | None:
    """PostgreSQL's text cannot hold NUL."""
    return value.replace("\0", "\ufffd") if value is not None and "\0" in value else value
