"""Every kind of step on a real worker: conditions, maps, sub-runs, approvals, retries, errbacks, limits."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.chaos.lab import Lab, open_lab
from tests.waiting import wait_until
from umbel.definition import RetryPolicy
from umbel.plan.model import STEP_TASK, Call, Node, Plan, SubRun, task_id


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("steps"), "-c", "2", "--loglevel", "INFO", UMBEL_HEARTBEAT="0.5") as lab:
        yield lab


def plan(*nodes: Node, **more: Any) -> Plan:
    return Plan("lab.STEPS", nodes, **more)


def called(**kwargs: Any) -> Call:
    return Call(kwargs=kwargs, template=True)


def states(lab: Lab, run: str) -> dict[int | None, str]:
    """How each task of a run ended."""
    return {e.task: e.type for e in lab.events(run) if e.type in {"task.succeeded", "task.failed", "task.skipped"}}


def ran_by(lab: Lab, run: str) -> None:
    assert lab.settled(run) == "run.succeeded", [e for e in lab.events(run) if e.type == "task.failed"]


def test_a_condition(lab: Lab) -> None:
    run = lab.run(
        plan(
            Node(0, "give", "GIVE"),
            Node(1, "no", "CALLED", (0,), when="tasks.give.result.n > 10"),
            Node(2, "yes", "CALLED", (0,), when="tasks.give.result.n > payload.least && run.definition == 'lab.STEPS'"),
            Node(3, "after", "CALLED", (1, 2), when="tasks.no.state == 'skipped' && tasks.no.result == null"),
        ),
        give={"n": 7},
        least=5,
    )
    ran_by(lab, run)
    assert states(lab, run) == {
        0: "task.succeeded",
        1: "task.skipped",
        2: "task.succeeded",
        3: "task.succeeded",
    }
    assert lab.result(run, 3)["args"][0][0] is None


@pytest.mark.parametrize("text", ["payload.missing == 1", "1 + 1", "tasks.nobody.result"])
def test_a_condition_that_is_none(lab: Lab, text: str) -> None:
    run = lab.run(plan(Node(0, "a", "NONE", when=text, retry=RetryPolicy(5))))
    assert lab.settled(run) == "run.failed"
    kind, told, reason = lab.error(run)
    assert (kind, reason) == ("ExpressionError", "expression")
    assert text in told


def test_exactly_these_arguments(lab: Lab) -> None:
    run = lab.run(
        plan(
            Node(0, "give", "GIVE"),
            Node(
                1,
                "a",
                "CALLED",
                (0,),
                call=called(rows="${tasks.give.result.rows}", text="n=${size(tasks.give.result.rows)}", plain=[1]),
                id="mine",
            ),
        ),
        give={"rows": [1, {"two": 2}]},
    )
    ran_by(lab, run)
    kwargs = {"rows": [1, {"two": 2}], "text": "n=2", "plain": [1]}
    assert lab.result(run, 1) == {"args": [], "kwargs": kwargs, "id": "mine"}


def test_a_map(lab: Lab) -> None:
    run = lab.run(
        plan(
            Node(0, "give", "GIVE"),
            Node(1, "odd", "ODD", (0,), map="${tasks.give.result}", max_parallel=2),
            Node(
                2,
                "with",
                "CALLED",
                (0,),
                map=["x", "${payload.give[1]}"],
                call=called(i="${item}", n="${tasks.give.result}"),
            ),
            Node(3, "empty", "ODD", (0,), map="${tasks.give.result.filter(n, n > 9)}"),
            Node(4, "end", "CALLED", (1, 2, 3)),
        ),
        give=[3, 1, 2],
    )
    ran_by(lab, run)
    assert lab.result(run, 1) == [7, 3, 5]
    assert [each["kwargs"] for each in lab.result(run, 2)] == [{"i": "x", "n": [3, 1, 2]}, {"i": 1, "n": [3, 1, 2]}]
    assert lab.result(run, 3) == []
    assert lab.result(run, 4)["args"][0][0] == [7, 3, 5]
    base = next(e.data["base"] for e in lab.events(run) if e.type == "task.expanded" and e.task == 1)
    open_at, most = 0, 0
    for event in lab.events(run):
        if event.task in range(base, base + 3):
            open_at += {"task.started": 1, "task.succeeded": -1}.get(event.type, 0)
            most = max(most, open_at)
    assert most <= 2


def test_a_map_of_wide_lists_has_no_limit_of_its_own(lab: Lab) -> None:
    item = "x" * 3_000_000
    run = lab.run(plan(Node(0, "big", "CALLED", map=[1, 2], call=called(text="${payload.text}"))), text=item)
    ran_by(lab, run)
    assert [len(each["kwargs"]["text"]) for each in lab.result(run)] == [3_000_000] * 2


def test_a_map_whose_items_fail(lab: Lab) -> None:
    run = lab.run(
        plan(Node(0, "odd", "ODD", map="${payload.all}"), Node(1, "end", "CALLED", (0,))), all=[1, 2, 3, 4], bad=[2, 3]
    )
    assert lab.settled(run) == "run.failed"
    assert lab.error(run) == ("ItemsFailed", "2 of 4 items failed; the first was item 1: ValueError: 2 is bad", "items")
    assert sum(state == "task.succeeded" for state in states(lab, run).values()) == 2


def test_a_timeout_holds_for_each_item(lab: Lab) -> None:
    slow = Node(0, "slow", "SLOW", map=[1, 2], timeout=0.3, retry=RetryPolicy(2, "constant", 0.0))
    run = lab.run(plan(slow))
    ran_by(lab, run)
    assert lab.result(run) == [1, 1]
    assert [e.data["type"] for e in lab.events(run) if e.type == "task.retrying"] == ["TaskTimeout"] * 2


def test_a_map_over_no_list(lab: Lab) -> None:
    run = lab.run(plan(Node(0, "odd", "ODD", map="${payload.n}")), n=5)
    assert lab.settled(run) == "run.failed"
    assert lab.error(run) == ("ExpressionError", "map: '${payload.n}' gives no list, but 5.", "expression")


def sub(child: Plan, **more: Any) -> SubRun:
    return SubRun(child.definition, child.hash, **more)


CHILD = Plan("lab.CHILD", (Node(0, "give", "GIVE"), Node(1, "odd", "ODD", (0,))))


def test_a_run_of_another_definition(lab: Lab) -> None:
    schema = {"type": "object", "properties": {"give": {"type": "integer"}}, "required": ["give", "more"]}
    given = sub(CHILD, payload={"give": "${payload.n}"}, defaults={"give": 0, "more": 1}, schema=schema)
    run = lab.run(
        plan(Node(0, "sub", STEP_TASK, workflow=given), Node(1, "end", "CALLED", (0,)), subplans=(CHILD,)), n=20
    )
    ran_by(lab, run)
    assert lab.result(run) == 41
    spawned = lab.wait_event(run, "task.spawned")
    child = spawned.data["run"]
    assert child != run
    launched = lab.wait_event(child, "run.launched")
    assert json.loads(launched.value or "") == {"give": 20, "more": 1}
    assert launched.data["parent"] == {"run": run, "task": 0}


def test_a_map_of_runs(lab: Lab) -> None:
    step = Node(0, "subs", STEP_TASK, map="${payload.all}", workflow=sub(CHILD, payload={"give": "${item}"}))
    run = lab.run(plan(step, subplans=(CHILD,)), all=[4, 5])
    ran_by(lab, run)
    assert lab.result(run) == [9, 11]


def test_a_payload_that_does_not_fit(lab: Lab) -> None:
    given = sub(CHILD, payload={"give": "text"}, schema={"properties": {"give": {"type": "integer"}}})
    run = lab.run(plan(Node(0, "sub", STEP_TASK, workflow=given), subplans=(CHILD,)))
    assert lab.settled(run) == "run.failed"
    text = "The payload does not fit the schema of lab.CHILD: 'text' is not of type 'integer'"
    assert lab.error(run) == ("PayloadInvalid", text, "payload")


def test_a_run_that_fails(lab: Lab) -> None:
    run = lab.run(plan(Node(0, "sub", STEP_TASK, workflow=sub(CHILD)), subplans=(CHILD,)))
    assert lab.settled(run) == "run.failed"
    assert lab.error(run)[0] == "RunFailed"


def test_an_approval(lab: Lab) -> None:
    asks = Node(0, "ask", STEP_TASK, approval=True, call=called(amount="${payload.amount}"))
    run = lab.run(plan(asks, Node(1, "end", "CALLED", (0,))), amount=7)
    assert lab.wait_event(run, "task.asked").data == {"about": {"amount": 7}}
    assert lab.engine.held(lab.engine.workers()[0]["worker"]) == [], "no worker waits with it"
    decided = lab.engine.decide(run, 0, approved=True, info={"approved": True, "by": "me"}, by="lab")
    lab.publish(run, *decided.released)
    ran_by(lab, run)
    assert lab.result(run, 1)["args"] == [{"approved": True, "by": "me"}]


def test_nobody_decides(lab: Lab) -> None:
    run = lab.run(plan(Node(0, "ask", STEP_TASK, approval=True, timeout=0.3)))
    assert lab.settled(run) == "run.failed"
    assert lab.error(run)[::2] == ("ApprovalTimeout", "timeout")


def test_a_definition_tries_again(lab: Lab) -> None:
    policy = RetryPolicy(3, "linear", 0.1, on=("Flaw",), not_on=("KeyError",))
    good = lab.run(plan(Node(0, "a", "FLAWED", retry=policy)), flaws=2)
    bad = lab.run(plan(Node(0, "a", "FLAWED", retry=policy)), flaws=3)
    other = lab.run(plan(Node(0, "a", "FLAWED", retry=RetryPolicy(3, not_on=("tasks.steps.Flaw",)))), flaws=3)
    ran_by(lab, good)
    assert lab.result(good) == 2
    again = [e.data for e in lab.events(good) if e.type == "task.retrying"]
    assert [(each["countdown"], each["max_retries"], each["exception"]) for each in again] == [
        (0.1, 2, "flaw 0"),
        (0.2, 2, "flaw 1"),
    ]
    assert lab.settled(bad) == "run.failed"
    assert lab.error(bad) == ("DeepFlaw", "flaw 2", "exception")
    assert lab.settled(other) == "run.failed"
    assert lab.error(other)[1] == "flaw 0"


def test_a_task_that_comes_too_late(lab: Lab) -> None:
    run = lab.run(plan(Node(0, "a", "NONE", expires=0.0), Node(1, "b", "NONE", expires_at=1)))
    assert lab.settled(run) == "run.failed"
    for task in (0, 1):
        assert lab.error(run, task)[::2] == ("TaskRevokedError", "expired")


def test_errbacks(lab: Lab) -> None:
    """Called as Celery calls them: new ones with request, error and traceback, old and bound ones with the id."""
    quiet: dict[str, Any] = {"errback": True, "run_if": "any_failed", "quiet": True}
    run = lab.run(
        plan(
            Node(0, "a", "FLAWED"),
            Node(1, "new", "NEW_STYLE", (0,), call=Call(("more",)), **quiet),
            Node(2, "old", "OLD_STYLE", (0,), call=Call(), **quiet),
            Node(3, "bound", "BOUND", (0,), call=Call(), **quiet),
            Node(4, "si", "BOUND", (0,), call=Call((1, 2), immutable=True), **quiet),
            Node(5, "next", "NONE", (0,), call=Call()),
            Node(6, "not", "BOUND", (5,), call=Call(), **quiet),
            Node(7, "body", "NONE", (0, 5), call=Call(gathers=True)),
            Node(8, "chord", "NEW_STYLE", (7,), call=Call(), **quiet),
        ),
        flaws=1,
    )
    assert lab.settled(run) == "run.failed"
    identity = task_id(run, 0)
    about = {"id": identity, "task": "FLAWED", "error": "DeepFlaw('flaw 0')", "traceback": True, "more": "more"}
    assert lab.result(run, 1) == about
    assert lab.result(run, 2) == identity
    assert lab.result(run, 3) == [identity]
    assert lab.result(run, 4) == [1, 2]
    assert states(lab, run)[6] == "task.skipped"
    assert lab.result(run, 8) == {
        "id": task_id(run, 7),
        "task": "NONE",
        "error": f"ChordError(\"Dependency {identity} raised DeepFlaw('flaw 0')\")",
        "traceback": False,
        "more": None,
    }


POOLS = {"prefork": ("-c", "3"), "threads": ("-c", "4"), "gevent": ("-c", "6"), "solo": ()}


class TooLong(NamedTuple):
    """What became of bodies that took too long on one pool."""

    lab: Lab
    out: str
    again: str
    hard: str
    task: str


@pytest.fixture(scope="module")
def too_long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "Future[TooLong]"]]:
    """On all pools side by side, since it is waiting most of the time."""
    with ThreadPoolExecutor(len(POOLS)) as threads:
        yield {pool: threads.submit(take_too_long, pool, tmp_path_factory.mktemp(pool)) for pool in POOLS}


def take_too_long(pool: str, home: Path) -> TooLong:
    policy = RetryPolicy(2, "constant", 0.0)
    fails = [
        Node(0, "a", "SLOW", timeout=0.3),
        Node(1, "b", "NONE", (0,)),
        Node(2, "c", "NONE", (0,), run_if="any_failed"),
    ]
    with open_lab(home, "-P", pool, *POOLS[pool], "--without-mingle", "--loglevel", "INFO") as lab:
        runs = (
            lab.run(plan(*fails)),
            lab.run(plan(Node(0, "a", "SLOW", timeout=0.3, retry=policy))),
            lab.run(plan(Node(0, "a", "SLOW", time_limit=1.0, retry=policy))),
            lab.run(plan(Node(0, "a", "SLOW_HARD"))),
        )
        for run in runs:
            lab.settled(run)
        if pool != "prefork":  # where a process that is killed says nothing
            stopped = (runs[0], runs[2], runs[3])
            wait_until(lambda: all(lab.said(run, "slow ended") for run in stopped), 5, "end of the bodies")
        ran_by(lab, lab.chain("ECHO", "ECHO"))
        assert "worker" in lab.stack.pids
        return TooLong(lab, *runs)


@pytest.mark.parametrize("pool", POOLS)
def test_a_body_that_takes_too_long(too_long: dict[str, "Future[TooLong]"], pool: str) -> None:
    """The end is recorded in time, dependents go on, the body is stopped, and the worker is free. [U-3] [U-8]"""
    lab, out, again, hard, task = too_long[pool].result()
    assert lab.error(out) == ("TaskTimeout", "The task ran longer than its timeout of 0.3 s.", "timeout")
    began = next(e.at for e in lab.events(out) if e.type == "task.started")
    failed = next(e.at for e in lab.events(out) if e.type == "task.failed")
    assert 300 <= failed - began < 1500
    assert states(lab, out)[2] == "task.succeeded"
    for run, kind in ((again, "TaskTimeout"), (hard, "TimeLimitExceeded")):
        assert lab.result(run) == 1
        assert [e.data["type"] for e in lab.events(run) if e.type == "task.retrying"] == [kind]
    text = "The task ran longer than its hard time limit of 1 s."
    assert lab.error(task) == ("TimeLimitExceeded", text, "time_limit")
    for run in (out, again, hard, task):
        # On prefork Celery keeps the hard limit: the process that it kills may ask for more time, and be refused.
        odd = {"task.lost"} if run in (hard, task) else {"task.lost", "task.fenced"}
        assert not [e for e in lab.events(run) if e.type in odd]
