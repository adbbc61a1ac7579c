"""Definitions by chance, of up to 200 tasks: a worker and the engine in memory come to the same, in an order that every
`needs` allows.

A dozen by default; UMBEL_TEST_DAGS=1000 for more.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.chaos.lab import PROJECT, Lab, open_lab
from tests.chaos.random_dags import NAME, PAYLOAD, text_of
from umbel.definition import parse
from umbel.events import EventRecord
from umbel.machine import RunState, TaskState, effective
from umbel.plan import build_all
from umbel.plan.model import Plan
from umbel.testing import TestRun, TestTask, run
from umbel.testing.result import task_of

MANY = int(os.environ.get("UMBEL_TEST_DAGS") or 0)
AT_ONCE = 6
ENDS = {"task.succeeded", "task.failed", "task.skipped"}
BAD = {TaskState.ERROR, TaskState.UPSTREAM_FAILED}
Size = tuple[int, int]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    spec = importlib.util.spec_from_file_location("chance_nodes", PROJECT / "tasks" / "nodes.py")
    assert spec
    assert spec.loader
    nodes = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nodes)  # its tasks are those of the engine in memory, too
    with open_lab(tmp_path_factory.mktemp("dags"), "-c", "2", "--loglevel", "WARNING") as lab:
        yield lab


@pytest.mark.timeout(0 if MANY else 180)
@pytest.mark.long
def test_a_real_worker_comes_to_what_the_engine_in_memory_comes_to(lab: Lab) -> None:
    compared = [0, 0]

    @settings(
        max_examples=max(MANY or 2 * AT_ONCE, AT_ONCE) // AT_ONCE,
        derandomize=not MANY,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    @given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 2**32)), min_size=AT_ONCE, max_size=AT_ONCE))
    @example([(200, 1), (150, 2), (60, 3)])
    def compare(sizes: list[Size]) -> None:
        texts = [text_of(*size) for size in sizes]
        plans = []
        for text in texts:
            built, catalog = build_all(parse(text))
            assert catalog.problems == ()
            plans.append(built[NAME])
        runs = [lab.run(plan, **PAYLOAD) for plan in plans]
        for size, text, plan, identity in zip(sizes, texts, plans, runs, strict=True):
            there = run(text, NAME, PAYLOAD)
            lab.settled(identity, timeout=60)
            here = seen(lab, identity, plan)
            assert outcome(here) == outcome(there), size
            for each in (here, there):
                in_order(plan, each)
            compared[0] += 1
            compared[1] += len(here.tasks)

    compare()
    print(f"\n{compared[0]} definitions by chance with {compared[1]:,} tasks run by a worker and in memory")


def seen(lab: Lab, identity: str, plan: Plan) -> TestRun:
    """A run on the worker, told as `umbel.testing` tells one."""
    events = lab.events(identity)
    by_task: dict[int | None, list[EventRecord]] = {}
    keys = {node.index: node.key for node in plan.nodes}
    for event in events:
        by_task.setdefault(event.task, []).append(event)
        if event.type == "task.expanded" and event.task is not None:
            base, count = int(event.data["base"]), int(event.data["count"])
            keys |= {base + place: f"{keys[event.task]}[{place}]" for place in range(count)}
    ended = next(e.type for e in events if e.type in {"run.succeeded", "run.failed"})
    state = RunState.SUCCESS if ended == "run.succeeded" else RunState.ERROR
    tasks: dict[str, TestTask] = {}
    ends = dict(zip(keys, lab.engine.ends(identity, list(keys)), strict=True))
    for index, key in keys.items():
        own = by_task.get(index, [])
        if index < plan.tasks or own:
            tasks[key] = task_of(index, key, effective(TaskState(ends[index].state), state), own, child(lab, plan, own))
    return TestRun(identity, state, PAYLOAD, None, tasks, 0.0, tuple(events))


def child(lab: Lab, plan: Plan, events: Sequence[EventRecord]) -> TestRun | None:
    """The run that a task started."""
    for event in events:
        if event.type == "task.spawned":
            identity = str(event.data["run"])
            lab.settled(identity)
            launched = lab.wait_event(identity, "run.launched")
            (sub,) = (each for each in plan.subplans if each.hash == launched.data["plan"])
            return seen(lab, identity, sub if sub.subplans else Plan(sub.definition, sub.nodes, subplans=plan.subplans))
    return None


def outcome(told: TestRun) -> dict[str, Any]:
    """All that must be the same wherever a run has run."""
    return {
        "state": told.state,
        **{
            key: (
                task.state,
                task.attempts,
                task.result,
                task.error_type,
                re.sub(r"[0-9a-f-]{36}", "RUN", task.error or ""),
                outcome(task.run) if task.run else None,
            )
            for key, task in told.tasks.items()
        },
    }


def in_order(plan: Plan, told: TestRun) -> None:
    """No task began before all that it needs had ended, nor ended twice; a map ends after its items."""
    begun: dict[int, int] = {}
    ended: dict[int, int] = {}
    for event in told.events:
        over = [*event.data.get("blocked", ()), *event.data.get("skipped", ())]
        if event.task is not None and event.type == "task.started":
            begun.setdefault(event.task, event.seq)
        elif event.task is not None and event.type in ENDS:
            over.append(event.task)
        for index in over:
            assert index not in ended
            ended[index] = event.seq
    state = {task.index: task.state for task in told.tasks.values()}
    for node in plan.nodes[: plan.tasks]:
        assert node.index in ended
        if state[node.index] is TaskState.UPSTREAM_FAILED and node.run_if == "all_ok":
            assert any(state[need] in BAD for need in node.needs)
            continue  # by the first bad one
        for need in node.needs:
            assert ended[need] <= begun.get(node.index, ended[node.index]), (node.key, plan.nodes[need].key)
            assert node.run_if != "all_ok" or state[need] not in BAD
    for task in told.tasks.values():
        mapped, _, item = task.key.partition("[")
        assert not item or ended[task.index] < ended[told.tasks[mapped].index]
