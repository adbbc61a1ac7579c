"""What a server would restore a run with: what its history knows."""

from dataclasses import dataclass
from typing import Any

from tests.model.history import ENDED
from umbel.engine.portions import Kept, KeptMap
from umbel.engine.reference_control import Wanted
from umbel.engine.reference_state import Run, Task
from umbel.machine import TaskState
from umbel.plan.model import Plan

GOOD = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})


@dataclass(frozen=True)
class Restoration:
    """The arguments of a restore."""

    tasks: list[Kept]
    maps: list[KeptMap]
    state: str
    size: int
    kept: dict[int, bool]
    """Own tasks and items that have ended, well or badly: what checks the history must know."""

    def arguments(self, run: Run, plan: Plan, epoch: int) -> dict[str, Any]:
        return {
            "run": run.id,
            "plan": plan,
            "payload": run.payload,
            "epoch": epoch,
            "seq": run.seq,
            "state": self.state,
            "tasks": self.tasks,
            "maps": self.maps,
            "size": self.size,
            "parent": str(run.parent or ""),
            "info": {"kept": {str(index): good for index, good in self.kept.items()}},
        }

    def wanted(self, run: Run, plan: Plan, epoch: int, request: str) -> Wanted:
        about = self.arguments(run, plan, epoch)
        del about["tasks"]
        return Wanted(**{**about, "parent": run.parent, "request": request})


def restoration(run: Run, plan: Plan, again: int | None = None) -> Restoration:
    """To go on with the run; or again from this task on (-1: from whatever went wrong), with all that follows it."""
    reset = {index for index in range(plan.tasks) if _of(run, index).state not in ENDED}
    if again is not None:
        bad = (i for i in range(plan.tasks) if _of(run, i).state not in GOOD)
        reset |= {again} if again >= 0 else set(bad)
        for index in tuple(reset):
            reset |= set(plan.descendants(index))
    tasks: list[Kept] = []
    kept: dict[int, bool] = {}
    for index, task in sorted(run.tasks.items()):
        one = _kept(run, plan, index, task, reset, lost=again is None)
        if one.state or one.attempt:
            tasks.append(one)
        if one.state in ENDED:
            kept[index] = one.state in GOOD
    maps = {items.node: items for items in run.maps}
    counts = {node: sum(index in kept for index in range(m.base, m.base + m.size)) for node, m in maps.items()}
    bad_ones = [
        index for index, good in kept.items() if index < plan.tasks and _of(run, index).state is TaskState.ERROR
    ]
    failed = [index for index in bad_ones if not plan.nodes[index].quiet]
    return Restoration(
        tasks,
        [KeptMap(node, items.base, items.size, counts[node]) for node, items in maps.items()],
        "error" if failed else "pending",
        run.size or run.nodes,
        kept,
    )


def _of(run: Run, index: int) -> Task:
    return run.tasks.get(index) or Task()


def _kept(run: Run, plan: Plan, index: int, task: Task, reset: set[int], *, lost: bool) -> Kept:
    attempt = task.attempt or 0
    if index >= len(
        plan.nodes
    ):  # an item: what it gave is kept, if the map that it belongs to comes to the same length
        last = {items.node: items for items in run.maps}
        present = any(items.base <= index < items.base + items.size for items in last.values())
        good = task.state in GOOD and present
        return Kept(index, task.state if good else "", attempt, run.results.get(index, ""))
    if plan.nodes[index].hook:
        if not lost:
            return Kept(index, "", attempt)
        return Kept(index, task.state if task.state in ENDED else "queued", attempt, run.results.get(index, ""))
    if lost and task.state is TaskState.EXPANDED and task.child:
        return Kept(index, task.state, attempt, task.child)
    if index in reset:
        return Kept(index, "", attempt)
    result = run.errors.get(index, "") if task.state is TaskState.ERROR else run.results.get(index, "")
    return Kept(index, task.state, attempt, result)
