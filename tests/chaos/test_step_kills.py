"""kill -9 of the worker in the middle of steps that are more than one task: each is recorded once. [U-1] [U-2] [U-4]"""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.chaos.lab import Lab, open_lab
from tests.waiting import wait_until
from umbel.plan.model import STEP_TASK, Node, Plan, SubRun

pytestmark = [pytest.mark.chaos, pytest.mark.long]

QUICK = {"UMBEL_LEASE": "3", "UMBEL_HEARTBEAT": "0.5"}
END = Node(1, "end", "NONE", (0,))
CHILD = Plan("lab.CHILD", (Node(0, "a", "A"),))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    arguments = ("-c", "4", "--loglevel", "WARNING", "--without-mingle", "--without-gossip")
    with open_lab(tmp_path_factory.mktemp("step_kills"), *arguments, **QUICK) as lab:
        yield lab


def odd(*, most: int | None = None) -> Plan:
    return Plan("lab.MAP", (Node(0, "odd", "ODD", map="${payload.all}", max_parallel=most), END))


def parent() -> Plan:
    step = Node(0, "sub", STEP_TASK, workflow=SubRun("lab.CHILD", CHILD.hash, {"hold": "${payload.hold}"}))
    return Plan("lab.PARENT", (step, END), subplans=(CHILD,))


def killed(lab: Lab) -> None:
    wait_until(lambda: "worker" not in lab.stack.pids, 20, "death of the worker")
    lab.stack.start("worker")


def finished(lab: Lab, run: str, tasks: int) -> None:
    assert lab.settled(run, 30) == "run.succeeded"
    ends = lab.outcomes(run)
    assert set(ends.values()) == {1}
    assert len(ends) == tasks


def test_while_a_list_becomes_tasks_and_much_is_under_way(lab: Lab) -> None:
    """Between two portions of 2,000 items; meanwhile items run and wait, another run runs, and someone is asked."""
    few = lab.run(odd(most=2), all=list(range(6)), hold=["2", "3"])
    sub = lab.run(parent(), hold=["A"])
    asks = lab.run(Plan("lab.ASK", (Node(0, "ask", STEP_TASK, approval=True), END)))
    child = lab.wait_event(sub, "task.spawned").data["run"]
    lab.started(child, "A")
    lab.wait_event(asks, "task.asked")
    wait_until(lambda: {each["number"] for each in lab.said(few, "odd")} >= {2, 3}, 10, "items that are held")
    (lab.home / "kill-in-expand").touch()
    many = lab.run(odd(), all=list(range(2000)))
    killed(lab)
    lab.let_go(few, "ODD")
    lab.let_go(child, "A")
    decided = lab.engine.decide(asks, 0, approved=True, info={}, by="lab")
    lab.publish(asks, *decided.released)
    finished(lab, few, 8)
    assert lab.result(few) == [1, 3, 5, 7, 9, 11]
    begun = Counter(each["number"] for each in lab.said(few, "odd"))
    assert [begun[number] for number in range(6)] == [1, 1, 2, 2, 1, 1]
    finished(lab, sub, 2)
    finished(lab, child, 1)
    finished(lab, asks, 2)
    finished(lab, many, 2002)
    assert [e.attempt for e in lab.events(many) if e.type == "task.expanded"] == [2]
    assert lab.result(many) == [2 * number + 1 for number in range(2000)]


def test_between_the_start_of_a_run_and_its_first_task(lab: Lab) -> None:
    lab.break_at("recorded", "kill-parent")
    run = lab.run(parent(), hold=[])
    killed(lab)
    child = lab.wait_event(run, "task.spawned").data["run"]
    finished(lab, run, 2)
    finished(lab, child, 1)
    assert Counter(line[:2] for line in lab.ledger(child))["start", "A"] == 1
