"""From the rows of the history to the arguments of the engine's `restore`."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from umbel.engine.engine import Engine
from umbel.engine.keys import MAX_ENDS
from umbel.engine.portions import Kept, KeptMap
from umbel.machine import TASK_TERMINAL, Code, RunState, TaskState
from umbel.plan.model import Plan
from umbel.store import MapRow, Rerun, RunRow, Store, TaskRow, maps_of
from umbel.store.fold import map_of

log = logging.getLogger(__name__)

_GOOD = (TaskState.SUCCESS, TaskState.SKIPPED)


PlanOf = Callable[[str], Plan]
"""From a plan's hash to the plan."""


def restore(engine: Engine, store: Store, run: RunRow, plan_of: PlanOf) -> None:
    """Lets the engine begin the epoch that `run.rerun` asks for, unless it has.

    Raises:
        StateUnavailable: it has to be done again.
        HistoryUnavailable: the database does not answer.
    """
    assert run.rerun is not None
    rerun, maps, plan = Rerun.from_json(run.rerun), maps_of(run.maps), plan_of(run.plan_hash)
    rows = store.tasks(run.id)
    ends = ends_of_children(store, plan_of, rows) if rerun.lost else {}
    kept = list(kept_tasks(plan, maps, rerun, rows, ends))
    good = [task.task for task in kept if task.state]
    kept_maps = [KeptMap(*entry, sum(is_item(index, entry) for index in good)) for entry in rerun.maps]
    code = engine.restore(
        run.id,
        plan,
        run.payload,
        epoch=run.epoch,
        seq=run.last_seq,
        state=rerun.state,
        tasks=kept,
        maps=kept_maps,
        size=max((entry.base + entry.size for entry in maps), default=0),
        parent=waiting(store, plan_of, run) or "",
        info=rerun.details(),
    )
    if code not in (Code.OK, Code.EXISTS):
        log.warning("run %s cannot begin epoch %d now (%s); it is tried again", run.id, run.epoch, code)


def is_item(index: int, entry: tuple[int, int, int]) -> bool:
    """Whether a task is an item of this map."""
    _, base, size = entry
    return base <= index < base + size


def waiting(store: Store, plan_of: PlanOf, run: RunRow) -> str | None:
    """The task, as `run:index`, that has started this run and waits for it; None if there is none."""
    parent = store.run(run.parent_run) if run.parent_run is not None else None
    if parent is None or parent.settled:
        return None
    for node in plan_of(parent.plan_hash).nodes:
        if node.key == run.parent_task:
            rows = store.tasks(parent.id, first=node.index, below=node.index + 1)
            waits = any(row.state is TaskState.EXPANDED and row.child == run.id for row in rows)
            return f"{parent.id}:{node.index}" if waits else None
    return None  # an item of a map, which starts anew


def children(plan: Plan, rows: Sequence[TaskRow]) -> dict[int, str]:
    """The runs that tasks (not items of maps) wait for."""
    return {
        row.idx: row.child for row in rows if row.state is TaskState.EXPANDED and row.child and row.idx < plan.tasks
    }


def ends_of_children(store: Store, plan_of: PlanOf, rows: Sequence[TaskRow]) -> dict[str, tuple[str, str]]:
    """How the runs that tasks wait for have ended, if they have, and what they gave (JSON)."""
    found = {}
    for child in (store.run(row.child) for row in rows if row.state is TaskState.EXPANDED and row.child):
        if child is not None and child.settled:
            found[child.id] = (child.state.value, _result(plan_of(child.plan_hash), store.tasks(child.id)))
    return found


def _result(plan: Plan, rows: Sequence[TaskRow]) -> str:
    """What a run gives to the task that has started it, as `include/close.lua` makes it of its last tasks' results."""
    results = {row.idx: row.result or "null" for row in rows}
    if not plan.ends or len(plan.ends) > MAX_ENDS:
        return "null"
    last = [results.get(index, "null") for index in plan.ends]
    return last[0] if len(last) == 1 else f"[{','.join(last)}]"


def kept_tasks(
    plan: Plan,
    maps: Sequence[MapRow],
    rerun: Rerun,
    rows: Sequence[TaskRow],
    ends: Mapping[str, tuple[str, str]] = {},
) -> Iterator[Kept]:
    """What the new epoch starts with: results that stay, and how many attempts the others have had. `ends`: how runs
    that tasks wait for have ended."""
    reset, again, own = set(rerun.reset), set(rerun.again), plan.tasks
    kept_maps = set(rerun.maps)
    for row in rows:
        stays = row.idx < own and row.idx not in reset and row.state in TASK_TERMINAL
        if row.idx >= len(plan.nodes):
            entry = map_of(row.idx, maps)
            if entry is None or not entry.live or entry[:3] not in kept_maps:
                continue  # the items of a map that stays are not asked for any more; those of another get new places
            stays = row.state in _GOOD and row.idx not in again
        if rerun.lost and row.idx < own and row.idx not in reset and row.state is TaskState.EXPANDED and row.child:
            yield Kept(row.idx, row.state, row.attempts, row.child, *ends.get(row.child, ()))
        elif own <= row.idx < len(plan.nodes) and rerun.lost:
            ended = row.state in TASK_TERMINAL
            yield Kept(row.idx, row.state if ended else TaskState.QUEUED, row.attempts, row.result or "")
        elif stays:
            yield Kept(row.idx, row.state, row.attempts, (row.result or "null") if row.state in _GOOD else "")
        elif row.attempts:
            yield Kept(row.idx, "", row.attempts)


def lost(plan: Plan, run: RunRow, rows: Sequence[TaskRow], known: Collection[str]) -> Rerun:
    """What has to run again of a run that was under way: everything that has not ended and does not wait for one of the
    `known` runs. How the run has ended, if only its hook was left, stays."""
    ended = {row.idx for row in rows if row.state in TASK_TERMINAL}
    waits = {index for index, child in children(plan, rows).items() if child in known}
    reset = tuple(index for index in range(plan.tasks) if index not in ended | waits)
    maps = tuple(
        (entry.node, entry.base, entry.size) for entry in maps_of(run.maps) if entry.live and entry.node not in ended
    )
    state = run.state if run.state in (RunState.ERROR, RunState.SUCCESS) else RunState.PENDING
    return Rerun(reset, maps, (), state, "lost", run.paused, lost=True)
