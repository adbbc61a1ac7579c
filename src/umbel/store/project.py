"""Applying a batch of events to the history, exactly once [U-9]."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from orjson import dumps
from sqlalchemy import Connection, Select, bindparam, delete, insert, select, tuple_, update

from umbel.events import EventRecord
from umbel.machine import EventType, RunState, TaskState
from umbel.store import deliveries, plans, tables
from umbel.store.database import Database
from umbel.store.fold import LISTS, Changes, Known, Shape, TaskKey, fold, sub_run
from umbel.store.rows import AppliedEvent, AttemptRow, ChildRun, RunHead, TaskRow
from umbel.store.sql import ManyRows, upsert

START: Final = "0-0"
"""The position before a stream's first entry."""
_CHUNK: Final = 400
"""Rows asked for by one SELECT: SQLite's planner and its limit on parameters both like short lists."""
_PLANS_KEPT: Final = 256

_HEAD: Final = tuple(RunHead.__slots__)
_TASK: Final = tuple(TaskRow.__slots__)
_ATTEMPT: Final = tuple(AttemptRow.__slots__)
_EVENT: Final = tuple(AppliedEvent.__slots__)
_CHANGED: Final = tuple(
    column.name for column in tables.runs.c if column.name in {*_HEAD} - {"id", "plan_hash", "root_run"}
)
_tasks, _attempts = tables.tasks.c, tables.attempts.c

_heads: Final = select(*(tables.runs.c[name] for name in _HEAD)).where(
    tables.runs.c.id.in_(bindparam("ids", expanding=True))
)
_known_tasks: Final = select(*(_tasks[name] for name in _TASK)).where(
    tuple_(_tasks.run_id, _tasks.idx).in_(bindparam("places", expanding=True))
)
_all_tasks: Final = select(*(_tasks[name] for name in _TASK)).where(_tasks.run_id.in_(bindparam("ids", expanding=True)))
_known_attempts: Final = select(*(_attempts[name] for name in _ATTEMPT)).where(
    tuple_(_attempts.run_id, _attempts.idx).in_(bindparam("places", expanding=True))
)
_save_runs: Final = ManyRows(
    update(tables.runs)
    .where(tables.runs.c.id == bindparam("b_id"))
    .values({name: bindparam(name) for name in _CHANGED}),
    (*_CHANGED, "b_id"),
)
_save_tasks: Final = ManyRows(tables.tasks, _TASK)
_drop_tasks: Final = ManyRows(
    delete(tables.tasks).where(_tasks.run_id == bindparam("b_run"), _tasks.idx == bindparam("b_idx")),
    ("b_run", "b_idx"),
)
_save_attempts: Final = ManyRows(tables.attempts, _ATTEMPT)
_save_events: Final = ManyRows(insert(tables.events), _EVENT)
_save_logs: Final = ManyRows(insert(tables.logs), ("run_id", "idx", "attempt", "at", "stream", "line"))
_head_values: Final = attrgetter(*_CHANGED, "id")
_task_values: Final = attrgetter(*_TASK)
_attempt_values: Final = attrgetter(*_ATTEMPT)
_event_values: Final = attrgetter(*_EVENT[:-1])
_move: Final = (
    update(tables.positions)
    .where(
        tables.positions.c.partition == bindparam("b_partition"),
        tables.positions.c.stream_id == bindparam("b_old"),
        tables.positions.c.generation == bindparam("b_generation"),
    )
    .values(stream_id=bindparam("b_new"))
)
_generation: Final = select(tables.positions.c.generation).where(tables.positions.c.partition == bindparam("partition"))
_number: Final = (
    update(tables.counters)
    .where(tables.counters.c.name == "events")
    .values(value=tables.counters.c.value + bindparam("b_count"))
    .returning(tables.counters.c.value)
)
_attempt_events: Final = frozenset(
    {
        EventType.TASK_SUCCEEDED,
        EventType.TASK_FAILED,
        EventType.TASK_RETRYING,
        EventType.TASK_LOST,
        EventType.TASK_SKIPPED,
        EventType.TASK_FENCED,
        EventType.TASK_STARTED,
        EventType.TASK_EXPANDED,
        EventType.TASK_SPAWNED,
        EventType.TASK_ASKED,
    }
)


class PositionMoved(Exception):
    """Somebody else has projected this partition, or changed its runs, since the position was read. Read it again."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did: the new events with their global numbers, and the runs whose end is now in the history."""

    events: list[AppliedEvent] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    quarantined: list[tuple[EventRecord, str]] = field(default_factory=list)
    """Events that could not be used, and why. They are passed over: one bad event must not stop the history."""
    duplicates: int = 0
    changes: Changes = field(default_factory=Changes)
    """The rows as they are now."""


class Projection:
    """Writes events into the history. The stream position is saved in the same transaction as the rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._shapes: dict[str, Shape] = {}

    def position(self, partition: int) -> str:
        """The stream id up to which the partition's events are in the history.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        table = tables.positions
        asked = select(table.c.stream_id).where(table.c.partition == partition)
        with self._database.read() as connection:
            found = connection.scalar(asked)
        if found is not None:
            return str(found)
        with self._database.write() as connection:
            row = {"partition": partition, "stream_id": START}
            connection.execute(upsert(connection.dialect.name, table, update=()), row)
            return str(connection.scalar(asked))

    def apply(self, partition: int, events: Sequence[EventRecord], expected: str, new: str) -> Applied:
        """Writes `events`, which follow position `expected` and end at `new`, in one transaction.

        Raises:
            PositionMoved: the position is not `expected`; nothing was written.
            HistoryUnavailable: the database does not answer; whether it was written tells `position`.
        """
        # Reading and folding happen before the write transaction, to keep it short: only a projector changes these
        # rows, and if another one did so meanwhile, the position has moved and the write is given up. Who else changes
        # them (a rerun) raises the generation.
        with self._database.read() as connection:
            generation = connection.scalar(_generation, {"partition": partition})
            known = self._known(connection, events)
        changes = fold(known, events)
        with self._database.write() as connection:
            now = {"b_partition": partition, "b_old": expected, "b_new": new, "b_generation": generation}
            moved = connection.execute(_move, now)
            if moved.rowcount != 1:
                raise PositionMoved(f"partition {partition} is no longer at {expected}")
            _write(connection, changes, partition)
            hooks = {end.run: known.shapes[known.runs[end.run].plan_hash].webhook for end in changes.ends}
            deliveries.note(connection, changes.ends, {run: hook for run, hook in hooks.items() if hook})
        settled = [event.run_id for event in changes.events if event.type == EventType.RUN_SETTLED]
        return Applied(changes.events, settled, changes.quarantined, changes.duplicates, changes)

    def _known(self, connection: Connection, events: Sequence[EventRecord]) -> Known:
        known = Known()
        wanted = {event.run for event in events} | {
            run for event in events if (run := _parent(event) or sub_run(event))
        }
        for ids in _chunks(wanted):
            for row in connection.execute(_heads, {"ids": ids}):
                head = RunHead(*row)
                head.state = RunState(head.state)
                known.runs[head.id] = head
        hashes = {head.plan_hash for head in known.runs.values()}
        hashes |= {str(event.data.get("plan")) for event in events if _parent(event) and event.run not in known.runs}
        known.shapes = self._shapes_of(connection, hashes)
        begun = {head.id for head in known.runs.values() if head.last_seq}
        whole = _changed_as_a_whole(events, known) & begun
        places, attempted = _touched(events, begun)
        for chunk in _chunks({place for place in places if place[0] not in whole}):
            _add_tasks(known, connection, _known_tasks, {"places": chunk})
        for chunk in _chunks(whole):
            _add_tasks(known, connection, _all_tasks, {"ids": chunk})
        for chunk in _chunks(attempted):
            for row in connection.execute(_known_attempts, {"places": chunk}):
                one = AttemptRow(*row)
                known.attempts[one.run_id, one.idx, one.epoch, one.attempt] = one
        return known

    def _shapes_of(self, connection: Connection, hashes: set[str]) -> dict[str, Shape]:
        missing = hashes - self._shapes.keys()
        found = {key: self._shapes[key] for key in hashes - missing}
        if missing:
            for key, plan in plans.load(connection, missing).items():
                keys, native = tuple(node.key for node in plan.nodes), plan.engine == "canvas"
                found[key] = Shape(keys, plan.tasks, plan.deadline, native, plan.webhook)
            # A plan never changes under its hash, so the only reason to drop one is room.
            if len(self._shapes) + len(found) > _PLANS_KEPT:
                self._shapes = {}
            self._shapes.update(found)
        return found


def _parent(event: EventRecord) -> str | None:
    """The run whose task has started the run of this event, if it is its first."""
    parent = event.data.get("parent") if event.type == EventType.RUN_LAUNCHED else None
    return str(parent.get("run")) if isinstance(parent, dict) else None


def _changed_as_a_whole(events: Sequence[EventRecord], known: Known) -> set[str]:
    """Runs of which an event may change any task: all in a new epoch, the items of one before when a map expands."""
    heads = known.runs
    return {
        event.run
        for event in events
        if event.type == EventType.RUN_RESTORED
        or (event.type == EventType.TASK_EXPANDED and event.run in heads and heads[event.run].maps != "[]")
    }


def _add_tasks(known: Known, connection: Connection, statement: Select[Any], values: dict[str, Any]) -> None:
    for row in connection.execute(statement, values):
        task = TaskRow(*row)
        task.state = TaskState(task.state)
        known.tasks[task.run_id, task.idx] = task


def _touched(events: Sequence[EventRecord], begun: set[str]) -> tuple[set[TaskKey], set[TaskKey]]:
    """The tasks, and the tasks whose attempts, may have rows already. A run with no event so far has none."""
    places: set[TaskKey] = set()
    attempted: set[TaskKey] = set()
    for event in events:
        if event.run not in begun:
            continue
        if event.task is not None and event.type != EventType.TASK_LOG:
            places.add((event.run, event.task))
            if event.type in _attempt_events:
                attempted.add((event.run, event.task))
        data = event.data
        for name in LISTS:
            listed = data.get(name)
            if isinstance(listed, list):
                indices = (each[0] if isinstance(each, list) and each else each for each in listed)
                places.update((event.run, index) for index in indices if type(index) is int)
        if event.type == EventType.RUN_FAILED and type(data.get("task")) is int:
            places.add((event.run, data["task"]))
    # Numbers that no column can hold belong to events that the fold puts aside.
    return {p for p in places if abs(p[1]) < 2**31}, {p for p in attempted if abs(p[1]) < 2**31}


def _write(connection: Connection, changes: Changes, partition: int) -> None:
    add_events(connection, changes.events)
    if changes.children:
        rows = [_child_values(child, partition) for child in changes.children.values()]
        connection.execute(insert(tables.runs), rows)
    _save_runs.execute(connection, [_head_values(row) for row in changes.runs.values()])
    _drop_tasks.execute(connection, list(changes.dropped))
    _save_tasks.execute(connection, [_task_values(row) for row in changes.tasks.values()])
    _save_attempts.execute(connection, [_attempt_values(row) for row in changes.attempts.values()])
    _save_logs.execute(connection, changes.logs)


def add_events(connection: Connection, events: Sequence[AppliedEvent]) -> None:
    """Writes events, and gives them their numbers among all."""
    if events:
        # The counter's row is also what makes projectors of several partitions commit in the order of their numbers,
        # so that who reads the events after a number misses none.
        last = connection.scalar(_number, {"b_count": len(events)})
        assert last is not None, "the migration made the counter"
        for number, event in enumerate(events, int(last) - len(events) + 1):
            event.id = number
        rows = [(*_event_values(event), dumps(event.data).decode() if event.data else "{}") for event in events]
        _save_events.execute(connection, rows)


def _child_values(child: ChildRun, partition: int) -> dict[str, Any]:
    project, _, name = child.definition.partition(".")
    return {
        "id": child.id,
        "definition": child.definition,
        "project": project,
        "name": name,
        "state": RunState.PENDING.value,
        "settled": False,
        "payload": child.payload,
        "plan_hash": child.plan_hash,
        "partition": partition,
        "created_at": child.created_at,
        "updated_at": child.created_at,
        "periodic": False,
        "tasks_total": child.tasks_total,
        "tasks_done": 0,
        "retries": 0,
        "last_seq": 0,
        "parent_run": child.parent_run,
        "parent_task": child.parent_task,
        "root_run": child.root_run,
    }


def _chunks(values: Collection[Any]) -> Iterable[list[Any]]:
    ordered = list(values)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
