"""From the rows of the history to the arguments of the engine's `restore`."""

import logging
from collections.abc import Iterator, Sequence

from umbel.engine.engine import Engine
from umbel.engine.portions import Kept, KeptMap
from umbel.machine import TASK_TERMINAL, Code, RunState, TaskState
from umbel.plan.model import Plan
from umbel.store import MapRow, Rerun, RunRow, Store, TaskRow, maps_of
from umbel.store.fold import map_of

log = logging.getLogger(__name__)

_GOOD = (TaskState.SUCCESS, TaskState.SKIPPED)


def restore(engine: Engine, store: Store, run: RunRow, plan: Plan) -> None:
    """Lets the engine begin the epoch that `run.rerun` asks for, unless it has.

    Raises:
        StateUnavailable: it has to be done again.
    """
    assert run.rerun is not None
    rerun, maps = Rerun.from_json(run.rerun), maps_of(run.maps)
    kept = list(kept_tasks(plan, maps, rerun, store.tasks(run.id)))
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
        info=rerun.details(),
    )
    if code not in (Code.OK, Code.EXISTS):
        log.warning("run %s cannot begin epoch %d now (%s); it is tried again", run.id, run.epoch, code)


def is_item(index: int, entry: tuple[int, int, int]) -> bool:
    """Whether a task is an item of this map."""
    _, base, size = entry
    return base <= index < base + size


def kept_tasks(plan: Plan, maps: Sequence[MapRow], rerun: Rerun, rows: Sequence[TaskRow]) -> Iterator[Kept]:
    """What the new epoch starts with: results that stay, and how many attempts the others have had."""
    reset, again, own = set(rerun.reset), set(rerun.again), plan.tasks
    kept_maps = set(rerun.maps)
    for row in rows:
        stays = row.idx < own and row.idx not in reset and row.state in TASK_TERMINAL
        if row.idx >= len(plan.nodes):
            entry = map_of(row.idx, maps)
            if entry is None or not entry.live or entry[:3] not in kept_maps:
                continue  # the items of a map that stays are not asked for any more; those of another get new places
            stays = row.state in _GOOD and row.idx not in again
        if own <= row.idx < len(plan.nodes) and rerun.lost:
            ended = row.state in TASK_TERMINAL
            yield Kept(row.idx, row.state if ended else TaskState.QUEUED, row.attempts, row.result or "")
        elif stays:
            yield Kept(row.idx, row.state, row.attempts, (row.result or "null") if row.state in _GOOD else "")
        elif row.attempts:
            yield Kept(row.idx, "", row.attempts)


def lost(plan: Plan, run: RunRow, rows: Sequence[TaskRow]) -> Rerun:
    """What has to run again of a run that was under way: everything that has not ended. How the run has ended, if only
    its hook was left, stays."""
    ended = {row.idx for row in rows if row.state in TASK_TERMINAL}
    reset = tuple(index for index in range(plan.tasks) if index not in ended)
    maps = tuple(
        (entry.node, entry.base, entry.size) for entry in maps_of(run.maps) if entry.live and entry.node not in ended
    )
    state = run.state if run.state in (RunState.ERROR, RunState.SUCCESS) else RunState.PENDING
    return Rerun(reset, maps, (), state, "lost", run.paused, lost=True)
