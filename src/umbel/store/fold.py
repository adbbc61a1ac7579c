"""From events to rows: a pure function, so that any split of a stream into batches ends in the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orjson import dumps

from umbel.definition import Webhook
from umbel.events import UNREADABLE, EventRecord
from umbel.machine import TASK_TERMINAL, TERMINAL_EVENTS, EventType, RunState, TaskState
from umbel.store.rows import AppliedEvent, AttemptRow, ChildRun, End, MapRow, RunHead, TaskRow, maps_of
from umbel.store.values import MAX, as_decimal, as_number, as_numbers, as_text, clean

TaskKey = tuple[str, int]
AttemptKey = tuple[str, int, int, int]
LogTuple = tuple[str, int, int, int, str, str]

ENDED: Final = frozenset({TaskState.SUCCESS, TaskState.ERROR, TaskState.SKIPPED})
"""States that count in `tasks_done`: the task ended by itself."""

LISTS: Final = ("released", "scheduled", "blocked", "skipped")
"""Where an event says what has become of other tasks than its own."""
_TYPES: Final = frozenset(str(each) for each in EventType)
_OF_A_TASK: Final = frozenset(str(each) for each in EventType if each.startswith("task."))
_GOOD: Final = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})
LOST_BY_CELERY: Final = (
    " It runs with `engine: canvas`, where Celery does not send again what a worker had when it died,"
    " unless the task has acks_late."
)

_MAX_INDEX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Shape:
    """What the fold needs of a plan: the keys of its nodes by index, how many are tasks, its deadline in seconds, and
    whether Celery's own canvas sequences it. Whom to tell of an end is for those who write what was folded."""

    keys: Sequence[str]
    tasks: int
    deadline: float | None = None
    native: bool = False
    webhook: Webhook | None = None


@dataclass(slots=True)
class Known:
    """The rows as they stand before the events: what `fold` starts from, and changes in place."""

    runs: dict[str, RunHead] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    """By plan hash."""
    tasks: dict[TaskKey, TaskRow] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRow] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """What to write: first rows that go, then rows that come or change. Rows are whole: all columns."""

    dropped: set[TaskKey] = field(default_factory=set)
    children: dict[str, ChildRun] = field(default_factory=dict)
    """Runs that the history did not know."""
    runs: dict[str, RunHead] = field(default_factory=dict)
    tasks: dict[TaskKey, TaskRow] = field(default_factory=dict)
    attempts: dict[AttemptKey, AttemptRow] = field(default_factory=dict)
    events: list[AppliedEvent] = field(default_factory=list)
    """In stream order; their `id` is still 0."""
    logs: list[LogTuple] = field(default_factory=list)
    """(run, index, attempt, ms, stream, line)"""
    ends: list[End] = field(default_factory=list)
    quarantined: list[tuple[EventRecord, str]] = field(default_factory=list)
    """Events that could not be used, and why."""
    duplicates: int = 0


def fold(known: Known, events: Sequence[EventRecord]) -> Changes:
    """Applies `events`, in stream order, to `known`.

    An event whose number is not above its run's newest one is a duplicate and ignored. One that cannot be understood,
    or whose run is not in `known.runs`, is put aside and changes nothing; but the first event of a run that a task has
    started makes it known.
    """
    changes = Changes()
    for event in events:
        run = known.runs.get(event.run) or _child(known, changes, event)
        problem = _problem(event, run, known)
        if problem:
            changes.quarantined.append((event, problem))
        elif run is not None:
            if event.seq <= run.last_seq:
                changes.duplicates += 1
            else:
                _Step(known, changes, run, event).take()
    return changes


def _child(known: Known, changes: Changes, event: EventRecord) -> RunHead | None:
    """The run that a task has started, by its first event; None if this is none, or one that cannot be used."""
    data, parent = event.data, event.data.get("parent")
    if event.type != EventType.RUN_LAUNCHED or not isinstance(parent, dict) or len(event.run) != 36:
        return None
    plan_hash, definition, task = str(data.get("plan")), as_text(data.get("definition")), as_number(parent.get("task"))
    by = known.runs.get(str(parent.get("run")))
    shape = known.shapes.get(plan_hash)
    if shape is None or by is None or task is None or not definition:
        return None
    head = RunHead(
        event.run, plan_hash, RunState.PENDING, False, None, None, event.at, 0, 0, None, None, 0, shape.tasks
    )
    head.root_run = by.root_run or by.id
    if _problem(event, head, known):
        return None
    key = key_of(task, known.shapes[by.plan_hash].keys, maps_of(by.maps)) if by.plan_hash in known.shapes else None
    payload = clean(event.value) or "{}"
    changes.children[head.id] = ChildRun(
        head.id, plan_hash, definition, payload, by.id, key or str(task), head.root_run, event.at, shape.tasks
    )
    known.runs[head.id] = head
    return head


def sub_run(event: EventRecord) -> str | None:
    """The run whose failure is that of the event's task, which has started it."""
    run = event.data.get("run") if event.type == EventType.TASK_FAILED and event.data.get("reason") == "run" else None
    return run if isinstance(run, str) else None


def key_of(index: int, keys: Sequence[str], maps: Sequence[MapRow]) -> str | None:
    """The key of a task: its node's, or that of an item of a map; None if there is no such task."""
    if 0 <= index < len(keys):
        return keys[index]
    entry = map_of(index, maps)
    return f"{keys[entry.node]}[{index - entry.base}]" if entry is not None else None


def map_of(index: int, maps: Sequence[MapRow]) -> MapRow | None:
    """The map that a task is an item of."""
    for entry in reversed(maps):
        if entry.base <= index < entry.base + entry.size:
            return entry
    return None


def _problem(event: EventRecord, run: RunHead | None, known: Known) -> str | None:
    """Why an event cannot be used. Everything that a step relies on is checked here, before anything changes."""
    if event.type not in _TYPES:
        return str(event.data.get("why", "unreadable")) if event.type == UNREADABLE else "unknown type"
    if run is None:
        return "unknown run"
    shape = known.shapes.get(run.plan_hash)
    if shape is None:
        return "unknown plan"
    if not (0 < event.seq <= MAX and 0 <= event.at <= MAX):
        return "seq or time out of range"
    keys, maps = shape.keys, maps_of(run.maps)
    if event.task is None:
        if event.type in _OF_A_TASK:
            return "no task"
    elif key_of(event.task, keys, maps) is None:
        return "no such task"
    if event.attempt is not None and not 0 <= event.attempt < 2**31:
        return "attempt out of range"
    if event.type == EventType.TASK_EXPANDED:
        entry = _expansion(event)
        if entry is None or not len(keys) <= entry.base <= _MAX_INDEX - entry.size or not 0 <= entry.node < shape.tasks:
            return "items out of range"
        maps = (*maps, entry)  # it may release the first of them
    for name in LISTS:
        listed = event.data.get(name) or ()
        if not isinstance(listed, (list, tuple)):
            return f"{name} is not a list"
        for index in listed:
            if name == "scheduled":
                index = index[0] if isinstance(index, list) and len(index) == 2 and as_number(index[1]) else None
            if type(index) is not int or key_of(index, keys, maps) is None:
                return f"{name} names no such task"
    return None


def _expansion(event: EventRecord) -> MapRow | None:
    """What a `task.expanded` says of the items; None if it says nothing that can be used."""
    base, count = as_number(event.data.get("base")), as_number(event.data.get("count"))
    if event.task is None or base is None or count is None or count < 1:
        return None
    return MapRow(event.task, base, count, 1)


class _Step:
    """One event applied to the rows of its run."""

    __slots__ = ("at", "changes", "data", "event", "known", "run", "shape")

    def __init__(self, known: Known, changes: Changes, run: RunHead, event: EventRecord) -> None:
        self.known = known
        self.changes = changes
        self.run = run
        self.event = event
        self.data = event.data
        self.at = event.at
        self.shape = known.shapes[run.plan_hash]

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
        for index, due in self.data.get("scheduled") or ():
            self._set(self._task_row(index), TaskState.SCHEDULED, due=as_number(due))
        for index in self.data.get("blocked") or ():
            self._set(self._task_row(index), TaskState.UPSTREAM_FAILED)
        for index in self.data.get("skipped") or ():
            self._skip(self._task_row(index))
        run.last_seq = event.seq
        run.updated_at = self.at
        self.changes.events.append(
            AppliedEvent(0, run.id, event.seq, event.type, self.at, event.task, event.attempt, self._told())
        )

    def _run(self) -> None:
        run, kind = self.run, self.event.type
        if kind == EventType.RUN_LAUNCHED:
            self._begin()
        elif kind == EventType.RUN_SETTLED:
            run.settled, run.paused = True, False
            if run.finished_at is None:  # only now, if it was an error from its epoch's first moment
                self._end()
        elif kind == EventType.RUN_STOPPED:
            run.stopped, run.paused = True, False
            if run.finished_at is None:
                self._end()
        elif kind in (EventType.RUN_PAUSED, EventType.RUN_RESUMED):
            run.paused = kind == EventType.RUN_PAUSED
        elif kind == EventType.RUN_RESTORED:
            self._restored()
        elif kind in TERMINAL_EVENTS:
            run.state = TERMINAL_EVENTS[EventType(kind)]
            if kind == EventType.RUN_CANCELED:
                run.stopped, run.paused = True, False
            elif kind == EventType.RUN_FAILED:
                self._run_failed()
            self._end()

    def _end(self) -> None:
        run = self.run
        run.finished_at = self.at
        self.changes.ends.append(End(run.id, run.epoch, run.state, self.at, run.failed_task))

    def _begin(self) -> None:
        seconds = self.shape.deadline
        self.run.deadline_at = self.at + round(seconds * 1000) if seconds else None

    def _run_failed(self) -> None:
        run, failed = self.run, as_number(self.data.get("task"))
        key = key_of(failed, self.shape.keys, maps_of(run.maps)) if failed is not None else None
        if failed is not None and key is not None:
            run.failed_task = key
            run.error = self._task_row(failed).exception
        elif self.data.get("reason") == "deadline":
            run.error = f"It had not ended {self.shape.deadline or 0:g} s after its launch: its deadline."
            if self.shape.native:
                run.error += LOST_BY_CELERY

    def _restored(self) -> None:
        """A new epoch: what runs again is as if it had never run, but for the history of its attempts."""
        run, data = self.run, self.data
        epoch = as_number(data.get("epoch")) or run.epoch
        if epoch >= run.epoch:
            run.epoch, run.rerun = epoch, None
        run.settled = run.stopped = run.paused = False
        self._begin()
        lost, state = data.get("lost") is True, data.get("state")
        run.state = RunState(state) if state in (RunState.ERROR, RunState.SUCCESS) else RunState.PENDING
        if run.state is not RunState.ERROR:
            run.failed_task = run.error = None
        if not lost or run.state is RunState.PENDING:
            run.finished_at = None
        reset, again = set(as_numbers(data.get("reset"))), set(as_numbers(data.get("again")))
        listed = data.get("maps")
        kept = {tuple(as_numbers(entry)) for entry in (listed if isinstance(listed, list) else ())}
        maps = [
            entry._replace(live=0) if entry.node in reset and entry[:3] not in kept else entry
            for entry in maps_of(run.maps)
        ]
        self._set_maps(maps)
        for row in [row for (run_id, _), row in self.known.tasks.items() if run_id == run.id]:
            if row.idx < self.shape.tasks:
                if row.idx in reset:
                    self._reset(row)
                continue
            entry = map_of(row.idx, maps)
            stays = row.state in _GOOD and row.idx not in again
            if lost and row.idx < len(self.shape.keys):
                if row.state not in TASK_TERMINAL:
                    self._reset(row)  # a hook that has been called, and is released again
            elif entry is None or not entry.live or (entry.node in reset and not stays):
                self._drop(row)  # a hook, which is called anew, or an item

    def _set_maps(self, maps: Sequence[MapRow]) -> None:
        self.run.maps = dumps([tuple(entry) for entry in maps]).decode()
        self.run.tasks_total = self.shape.tasks + sum(entry.size for entry in maps if entry.live)

    def _reset(self, row: TaskRow) -> None:
        self._set(self._task_row(row.idx), TaskState.WAITING)
        row.queued_at = row.started_at = row.result = row.child = None
        row.exception = row.error_type = row.traceback = None

    def _drop(self, row: TaskRow) -> None:
        if self._counts(row.idx):
            self.run.tasks_done -= row.state in ENDED
        place = (row.run_id, row.idx)
        self.known.tasks.pop(place, None)
        self.changes.tasks.pop(place, None)
        self.changes.dropped.add(place)

    def _expanded(self, task: TaskRow) -> None:
        """Its items are tasks now. A list as long as in an earlier epoch goes on with the items that are left."""
        entry = _expansion(self.event)
        maps = maps_of(self.run.maps)
        if entry is not None and entry not in maps:
            for old in [old for old in maps if old.live and old.node == task.idx]:
                for index in range(old.base, old.base + old.size):
                    row = self.known.tasks.get((self.run.id, index))
                    if row is not None:
                        self._drop(row)
            before = (old._replace(live=0) if old.node == task.idx else old for old in maps)
            self._set_maps((*before, entry))
        self._set(task, TaskState.EXPANDED)

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
            task.result = clean(self.event.value)
            task.exception = task.error_type = task.traceback = None
            self._set(task, TaskState.SUCCESS, finished=True)
        elif kind == EventType.TASK_SKIPPED:
            attempt.outcome = "skipped"
            self._skip(task)
        elif kind == EventType.TASK_EXPANDED:
            attempt.outcome = "expanded"
            self._expanded(task)
        elif kind == EventType.TASK_SPAWNED:
            attempt.outcome = "expanded"
            task.child = (as_text(data.get("run")) or "")[:36] or None
            self._set(task, TaskState.EXPANDED)
        elif kind == EventType.TASK_ASKED:
            attempt.outcome = "asked"
            self._set(task, TaskState.AWAITING_INPUT, due=as_number(data.get("due")))
        elif kind == EventType.TASK_FAILED:
            # After the last loss allowed, the attempt stays a lost one; only the task has failed.
            attempt.outcome = "lost" if data.get("reason") == "lost" or attempt.outcome == "lost" else "error"
            self._error(task, attempt)
            self._set(task, TaskState.ERROR, finished=True)
        elif kind == EventType.TASK_RETRYING:
            attempt.outcome = "retrying"
            attempt.countdown = as_decimal(data.get("countdown"))
            attempt.due_at = as_number(data.get("due"))
            self._error(task, attempt)
            self._set(task, TaskState.RETRYING, due=attempt.due_at)
            self.run.retries += 1
        elif kind == EventType.TASK_LOST:
            attempt.outcome = "lost"
            attempt.exception = as_text(data.get("exception")) or as_text(data.get("why"))
            if data.get("requeued", True):
                self._queue(index)

    def _started(self, task: TaskRow) -> None:
        run, data, at = self.run, self.data, self.at
        if run.state is RunState.PENDING:
            run.state = RunState.RUNNING
            run.started_at = at if run.started_at is None else run.started_at
        task.epoch = as_number(data.get("epoch")) or task.epoch
        task.attempts = self.event.attempt or task.attempts + 1
        if task.started_at is None:
            task.started_at = at
        self._set(task, TaskState.RUNNING)
        attempt = self._attempt_row(task)
        attempt.worker = as_text(data.get("worker"))
        attempt.pid = as_number(data.get("pid"))
        queued_at = as_number(data.get("queued_at"))
        attempt.queued_at = task.queued_at if queued_at is None else queued_at
        attempt.started_at = at
        attempt.outcome = "running"

    def _fenced(self, task: TaskRow) -> None:
        """A late result changes nothing but the history of the attempt that had lost its task, or its run."""
        attempt = self._attempt_row(task, as_number(self.data.get("attempt")))
        attempt.late_outcome = as_text(self.data.get("outcome")) or "unknown"
        attempt.exception = attempt.exception or as_text(self.data.get("exception"))
        attempt.worker = attempt.worker or as_text(self.data.get("worker"))
        if attempt.outcome == "running":
            attempt.outcome = "canceled" if self.run.stopped else "fenced"
            attempt.finished_at = self.at

    def _error(self, task: TaskRow, attempt: AttemptRow) -> None:
        data = self.data
        task.exception = attempt.exception = self._exception() or attempt.exception
        task.error_type = attempt.error_type = as_text(data.get("type")) or attempt.error_type
        task.traceback = attempt.traceback = as_text(data.get("traceback")) or attempt.traceback

    def _exception(self) -> str | None:
        """What the event tells; of a task whose run has failed, with the cause that this run names."""
        text = as_text(self.data.get("exception"))
        child = self.known.runs.get(sub_run(self.event) or "")
        if child is None or not child.error:
            return text
        return f"{text} {child.failed_task}: {child.error}" if child.failed_task else f"{text} {child.error}"

    def _lines(self, index: int) -> None:
        number = self.event.attempt or 0
        lines = self.data.get("lines")
        for line in lines if isinstance(lines, list) else ():
            if isinstance(line, list) and len(line) == 3:
                at, stream, words = line
                at = as_number(at)
                when = self.at if at is None else at
                self.changes.logs.append(
                    (self.run.id, index, number, when, (as_text(stream) or "")[:16], as_text(words) or "")
                )

    def _queue(self, index: int) -> None:
        task = self._task_row(index)
        self._set(task, TaskState.QUEUED)
        task.queued_at = self.at

    def _skip(self, task: TaskRow) -> None:
        task.result = "null"
        self._set(task, TaskState.SKIPPED, finished=True)

    def _counts(self, index: int) -> bool:
        """Hooks stand between the tasks and the items of maps, and do not count."""
        return index < self.shape.tasks or index >= len(self.shape.keys)

    def _set(self, task: TaskRow, state: TaskState, *, finished: bool = False, due: int | None = None) -> None:
        if self._counts(task.idx):
            self.run.tasks_done += (state in ENDED) - (task.state in ENDED)
        task.state = state
        task.finished_at = self.at if finished else None
        task.due_at = due
        task.updated_at = self.at

    def _task_row(self, index: int) -> TaskRow:
        place = (self.run.id, index)
        row = self.known.tasks.get(place)
        if row is None:
            key = key_of(index, self.shape.keys, maps_of(self.run.maps))
            assert key is not None, "looked at before anything changed"
            row = TaskRow(self.run.id, index, key, TaskState.WAITING, updated_at=self.at)
            self.known.tasks[place] = row
        self.changes.tasks[place] = row
        return row

    def _attempt_row(self, task: TaskRow, number: int | None = None) -> AttemptRow:
        if number is None:
            number = self.event.attempt if self.event.attempt is not None else task.attempts
        epoch = as_number(self.data.get("epoch")) or task.epoch
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
