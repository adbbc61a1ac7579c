"""All that can happen to three tasks on two workers with one of each disturbance, searched to the end."""

import os
from dataclasses import replace

import pytest

from tests.model.plans import ASKS, CHAIN, FORK, JOIN, ONE, starts
from tests.model.small_scope import World, search
from umbel.engine.reference_state import Partition, Run
from umbel.machine import RUN_TERMINAL, TASK_TERMINAL, RunState, TaskState, effective
from umbel.plan.model import Node, Plan

DISTURBANCES = int(os.environ.get("UMBEL_TEST_DISTURBANCES") or 2)
"""At most so many of retry, failure, cancel, ended leases, lost message, doubled message, pause and restore in
one history; 8: all of them, which takes hours."""

DONE = frozenset({TaskState.SUCCESS, TaskState.SKIPPED})
ALIVE = frozenset({TaskState.QUEUED, TaskState.RUNNING, TaskState.RETRYING})
EITHER = Plan("either", (Node(0, "a", "a"), Node(1, "b", "b"), Node(2, "c", "c", (0, 1), run_if="any_failed")))
ITEMS = Plan("items", (Node(0, "m", "m", map="${x}"),))
ASKED = Plan("asked", ASKS.nodes[:2])
BELOW = starts("below", ONE)


def check(before: World, step: str, after: World) -> None:
    """[U-2] one outcome for ever, [U-3] zombies free nothing, [U-4] no start too early or after the cancel, [U-5]
    terminal is for ever, [U-6] nothing stays with an owner whose lease is over, [U-7] a poisoned task fails.

    For ever means: in its epoch."""
    partition = after.engine._partitions[0]
    for id, new in partition.runs.items():
        old = before.engine._partitions[0].runs.get(id)
        if old is None or old.epoch == new.epoch:
            check_run(
                before, step, old or replace(new, tasks={}, settled=False, state=RunState.PENDING), new, partition
            )
    if step.startswith("leases run out"):
        assert not partition.leases


def check_run(before: World, step: str, old: Run, new: Run, partition: Partition) -> None:
    """The same of one run."""
    assert old.state not in RUN_TERMINAL or new.state is old.state, f"{step}: run {old.state} -> {new.state}"
    assert new.settled or not old.settled
    assert new.stopped or not old.stopped
    assert new.left >= 0
    assert new.live == sum(task.state is TaskState.RUNNING for task in new.tasks.values())
    changed = False
    for index in new.tasks:
        was, now = state_of(old, index), new.tasks[index].state
        changed |= was is not now
        assert effective(was, old.state, old.stopped) not in TASK_TERMINAL or (
            effective(now, new.state, new.stopped) is effective(was, old.state, old.stopped)
        )
        if now is TaskState.RUNNING and was is not now:
            assert needs_allow(new, index, partition), f"{step}: started too early"
            assert not old.stopped, step
            assert not old.paused, step
        if (new.tasks[index].losses or 0) >= 1:
            assert now in (TaskState.ERROR, TaskState.CANCELED), f"{step}: lost too often, yet {now}"
        assert (index in new.results) == (now in DONE), step
    for items in new.maps:
        alive = [index for index in range(items.base, items.base + items.size) if state_of(new, index) in ALIVE]
        assert len(alive) <= 1, f"{step}: more items at once than allowed"
    if step.startswith(("succeed", "fail", "retry")) and f"run='{new.id}'" in step:
        assert not changed or owner(before, step), f"{step}: a zombie changed something"


def state_of(run: Run, index: int) -> TaskState:
    return run.tasks[index].state if index in run.tasks else TaskState.WAITING


def needs_allow(run: Run, index: int, partition: Partition) -> bool:
    """What the task waits for has ended as its author wants it."""
    plan = partition.plans[run.plan].plan
    if index >= len(plan.nodes):
        return True
    node = plan.nodes[index]
    items = [item for m in run.maps if m.node == index for item in range(m.base, m.base + m.size)]
    if run.tasks[index].phase and not all(state_of(run, item) in TASK_TERMINAL for item in items):
        return False
    ends = [state_of(run, need) for need in node.needs]
    good = [end in DONE for end in ends]
    if node.run_if == "all_ok":
        return all(good)
    reason = {"all_done": True, "one_ok": any(good), "any_failed": not all(good)}[node.run_if]
    return reason and all(end in TASK_TERMINAL for end in ends)


def owner(before: World, step: str) -> bool:
    """The token that is spent in this step is the task's present one."""
    (token,) = {each for held in before.believes for each in held if step.endswith(str(each))}
    run = before.engine._partitions[0].runs[token.run]
    task = run.tasks[token.task]
    return task.state is TaskState.RUNNING and (run.epoch, task.attempt) == (token.epoch, token.attempt)


PLANS = [CHAIN, FORK, JOIN, EITHER, ITEMS, ASKED, BELOW]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.definition)
def test_search_to_closure(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    states, ends = search(plan, DISTURBANCES, check)
    with capsys.disabled():
        print(f"\n{plan.definition}: {states:,} states, {ends:,} of them final")
    assert ends > 10
