"""A run beside another one: what was given, what was planned, what became of it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from umbel.errors import RunNotFound, UmbelError
from umbel.machine import RunState, TaskState
from umbel.plan.model import Node, Plan, as_dict
from umbel.secrets import hide
from umbel.service.differences import cut, differences
from umbel.service.models import (
    ComparedTask,
    ComparedWorker,
    Comparison,
    FieldChange,
    PlanChange,
    TaskChange,
    TaskSide,
    WorkerView,
)
from umbel.service.operations.compare import LAST_SUCCESS, CompareRuns
from umbel.service.phrases import first_line
from umbel.service.reading import is_there, require, state_of, summary
from umbel.service.umbel import Umbel
from umbel.service.values import read
from umbel.service.workers import list_workers
from umbel.store import AttemptRow, RunFilter, RunRow, TaskRow

MOST: Final = 200
"""Tasks that are named as added, removed or changed."""
LONGEST: Final = 200
"""Characters of an error that are shown."""
_ASIDE: Final = ("index", "key", "needs")


def compare(umbel: Umbel, asked: CompareRuns) -> Comparison:
    """How a run differs from another one, or from the last one that succeeded.

    Raises:
        RunNotFound: there is no such run, or none before it has succeeded.
        HistoryUnavailable: the database does not answer.
    """
    run = require(umbel, asked.run_id)
    other = _last_success(umbel, run) if asked.other == LAST_SUCCESS else require(umbel, asked.other)
    new, old = _Side(umbel, run), _Side(umbel, other)
    payload, left_out = differences(read(other.payload), read(run.payload))
    plan = plan_change(old.plan, new.plan)
    tasks = [_task(key, new.tasks.get(key), old.tasks.get(key)) for key in dict.fromkeys([*new.tasks, *old.tasks])]
    first = next((each for each in tasks if {"state", "error"} & set(each.differs)), None)
    return Comparison(
        run=summary(run),
        other=summary(other),
        verdict=_verdict(run, other, first, len(payload) + left_out, plan.same),
        first_difference=first.key if first else None,
        payload=payload,
        payload_left_out=left_out,
        plan=plan,
        tasks=tasks,
        workers=_workers(umbel, new.attempts, old.attempts),
    )


def _last_success(umbel: Umbel, run: RunRow) -> RunRow:
    wanted = RunFilter(states=[RunState.SUCCESS], definition=run.definition, until=run.created_at)
    found = umbel.store.runs(wanted, limit=1).runs
    if not found:
        raise RunNotFound(
            f"No earlier run of {run.definition} has succeeded.", hint="Name the run to compare with by its id."
        )
    return require(umbel, found[0].id)


class _Side:
    """One of the two runs: its plan, and its tasks by key in the order of what needs what, with their results."""

    def __init__(self, umbel: Umbel, run: RunRow) -> None:
        names = umbel.names(run.plan_hash, run.maps)
        self.plan = names.plan
        own = len(self.plan.nodes)
        rows = {row.idx: row for row in umbel.store.tasks(run.id, below=own)} if run.last_seq else {}
        self.attempts = umbel.store.attempts(run.id, below=own) if run.last_seq else []
        tries: dict[int, list[AttemptRow]] = {}
        for each in self.attempts:
            tries.setdefault(each.idx, []).append(each)
        self.tasks: dict[str, tuple[TaskSide, str | None]] = {}
        for index in (*self.plan.order, *range(self.plan.tasks, own)):
            node, row = self.plan.nodes[index], rows.get(index)
            if is_there(node, rows):
                items = names.items(index)
                side = _side(state_of(run, row), row, tries.get(index, ()), items.size if items else None)
                self.tasks[node.key] = (side, row.result if row else None)


def _side(state: TaskState, row: TaskRow | None, tries: Sequence[AttemptRow], items: int | None) -> TaskSide:
    waits = [each.started_at - each.queued_at for each in tries if each.started_at and each.queued_at]
    ended = row is not None and row.started_at is not None and row.finished_at is not None
    return TaskSide(
        state=state,
        attempts=len(tries),
        duration=(row.finished_at - row.started_at) / 1000 if ended else None,  # type: ignore[union-attr, operator]
        queue_wait=sum(max(0, wait) for wait in waits) / 1000 if waits else None,
        worker=tries[-1].worker if tries else None,
        items=items,
        error=_error(row),
    )


def _error(row: TaskRow | None) -> str | None:
    if row is None or (row.exception is None and not row.error_type):
        return None
    return f"{row.error_type}: {first_line(row.exception)}"[:LONGEST] if row.error_type else first_line(row.exception)


def _task(key: str, new: tuple[TaskSide, str | None] | None, old: tuple[TaskSide, str | None] | None) -> ComparedTask:
    differs: list[Any] = []
    if new is not None and old is not None:
        one, two = new[0], old[0]
        pairs = {
            "state": (one.state, two.state),
            "error": (one.error, two.error) if one.state is two.state else (None, None),
            "attempts": (one.attempts, two.attempts),
            "items": (one.items, two.items),
            "result": (new[1], old[1]) if one.state is two.state is TaskState.SUCCESS else (None, None),
        }
        differs = [name for name, (after, before) in pairs.items() if after != before]
    return ComparedTask(key=key, run=new[0] if new else None, other=old[0] if old else None, differs=differs)


def plan_change(old: Plan, new: Plan) -> PlanChange:
    """How one plan became another one."""
    before, after = ({node.key: node for node in plan.nodes} for plan in (old, new))
    changed = []
    if old.hash != new.hash:
        for key, node in after.items():
            if key in before and (fields := list(_fields(old, before[key], new, node))):
                changed.append(TaskChange(key=key, fields=fields))
    added, removed = [key for key in after if key not in before], [key for key in before if key not in after]
    return PlanChange(
        same=old.hash == new.hash,
        hash=new.hash,
        other_hash=old.hash,
        added=added[:MOST],
        removed=removed[:MOST],
        changed=changed[:MOST],
        # No values: the address of a webhook may hold a secret; and what returns which index, nobody can read.
        settings=[
            name for name in ("returns", "deadline", "engine", "webhook") if getattr(old, name) != getattr(new, name)
        ],
        left_out=sum(max(0, len(each) - MOST) for each in (added, removed, changed)),
    )


def _fields(old: Plan, before: Node, new: Plan, after: Node) -> Iterator[FieldChange]:
    one, two = said(old, before), said(new, after)
    for name in dict.fromkeys([*one, *two]):
        was, now = one.get(name), two.get(name)
        if was != now:
            yield FieldChange(name=name, before=was and cut(was), after=now and cut(now))


def said(plan: Plan, node: Node) -> Mapping[str, str]:
    """What a plan says of a task, as JSON texts without secrets."""
    needs = [plan.nodes[need].key for need in node.needs]
    rest = {name: value for name, value in as_dict(node).items() if name not in _ASIDE and value is not None}
    return {name: json.dumps(hide(value), ensure_ascii=False) for name, value in {"needs": needs, **rest}.items()}


def _workers(umbel: Umbel, new: Sequence[AttemptRow], old: Sequence[AttemptRow]) -> list[ComparedWorker]:
    after, before = (Counter(each.worker for each in rows if each.worker) for rows in (new, old))
    known: dict[str, WorkerView] = {}
    with suppress(UmbelError):  # the comparison is of the history; only versions are missing
        known = {worker.name: worker for worker in list_workers(umbel).items}
    return [
        ComparedWorker(
            name=name,
            host=name.partition("@")[2] or None,
            attempts=after[name],
            other_attempts=before[name],
            version=known[name].version if name in known else None,
            versions=known[name].versions if name in known else {},
        )
        for name in sorted({*after, *before})
    ]


def _verdict(run: RunRow, other: RunRow, first: ComparedTask | None, changes: int, same_plan: bool) -> str:
    if first is None or first.run is None or first.other is None:
        outcome = "No task that both have ended otherwise"
    else:
        states = [side.state.replace("_", " ") for side in (first.run, first.other)]
        error = f" ({first.run.error})" if first.run.error else ""
        outcome = f"{first.key} is the first task that ended otherwise: {states[0]} here{error}, {states[1]} there"
    places = {0: "the payload is the same", 1: "the payload differs at 1 place"}
    plan = "the plan is the same" if same_plan else "the plan is another one"
    if run.definition != other.definition:
        plan = f"the other is a run of {other.definition}"
    return f"{outcome}; {places.get(changes, f'the payload differs at {changes} places')}; {plan}."
