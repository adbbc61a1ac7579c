"""All that can happen to three tasks on two workers with one of each disturbance, searched to the end."""

import os

import pytest

from tests.model.plans import CHAIN, FORK, JOIN
from tests.model.small_scope import World, search
from umbel.machine import RUN_TERMINAL, TASK_TERMINAL, TaskState, effective
from umbel.plan.model import Plan

DISTURBANCES = int(os.environ.get("UMBEL_TEST_DISTURBANCES") or 3)
"""At most so many of retry, failure, cancel, ended leases, lost message and doubled message in one history; 6: all of
them, which makes 8,606 states for the chain, 48,358 for the fork and 32,233 for the join."""

DONE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})


def check(before: World, step: str, after: World) -> None:
    """[U-2] one outcome for ever, [U-3] zombies free nothing, [U-4] no start too early or after the cancel, [U-5]
    terminal is for ever, [U-6] nothing stays with an owner whose lease is over, [U-7] a poisoned task fails."""
    old, new = before.run, after.run
    assert old.state not in RUN_TERMINAL or new.state is old.state, f"{step}: run {old.state} -> {new.state}"
    assert not old.settled or new.settled
    assert new.left >= 0
    assert new.live >= 0
    plan = after.engine._partitions[0].plans[new.plan].plan
    changed = False
    for index in range(len(plan.nodes)):
        was = old.tasks[index].state if index in old.tasks else TaskState.WAITING
        task = new.tasks.get(index)
        now = task.state if task else TaskState.WAITING
        changed |= was is not now
        assert effective(was, old.state) not in TASK_TERMINAL or effective(now, new.state) is effective(was, old.state)
        if now is TaskState.RUNNING and was is not now:
            assert all(new.tasks[need].state in DONE for need in plan.nodes[index].needs), step
            assert not before.cancel_acknowledged, step
        if task and (task.losses or 0) >= 1:
            assert now in (TaskState.ERROR, TaskState.CANCELED), f"{step}: lost too often, yet {now}"
        assert (index in new.results) == (now in DONE), step
    if step.startswith(("succeed", "fail", "retry")):
        assert not changed or owner(before, after), f"{step}: a zombie changed something"
    if step.startswith("leases run out"):
        assert not after.engine._partitions[0].leases
        assert not [task for task in new.tasks.values() if task.state is TaskState.RUNNING]


def owner(before: World, after: World) -> bool:
    """The token that was just spent was the task's present one."""
    spent = [
        token for held, left in zip(before.believes, after.believes, strict=True) for token in held if token not in left
    ]
    (token,) = spent
    task = before.run.tasks[token.task]
    return task.state is TaskState.RUNNING and task.attempt == token.attempt


@pytest.mark.parametrize("plan", [CHAIN, FORK, JOIN], ids=lambda plan: plan.definition)
def test_search_to_closure(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    states, ends = search(plan, DISTURBANCES, check)
    with capsys.disabled():
        print(f"\n{plan.definition}: {states:,} states, {ends:,} of them final")
    assert ends > 10
