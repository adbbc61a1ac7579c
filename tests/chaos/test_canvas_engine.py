"""`engine: canvas` on a real worker: Celery's own canvas sequences, we record; and where that leaves a run behind."""

import hashlib
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.chaos.lab import Lab, open_lab
from tests.waiting import wait_until
from umbel.celery import canvas_out
from umbel.engine.portions import Kept
from umbel.machine import Code
from umbel.plan.model import Node, Plan, task_id

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory):
    with open_lab(tmp_path_factory.mktemp("canvas"), LAB_CANVAS="1") as lab:
        yield lab


def keys(lab: Lab, pattern: str) -> list[str]:
    with redis.Redis.from_url(lab.stack.urls.state, decode_responses=True) as client:
        return sorted(client.scan_iter(pattern))


def kinds(lab: Lab, run: str, task: int) -> list[tuple[str, int | None]]:
    return [(e.type, e.attempt) for e in lab.events(run) if e.task == task and e.type != "task.log"]


def results(lab: Lab, run: str) -> dict[int | None, Any]:
    return {e.task: json.loads(e.value or "null") for e in lab.events(run) if e.type == "task.succeeded"}


def without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_ids(each) for name, each in value.items() if name != "id"}
    return [without_ids(each) for each in value] if isinstance(value, list) else value


def test_a_diamond_ends_as_with_relay_and_celery_counts_its_chord(lab: Lab) -> None:
    before = set(keys(lab, "celery-taskset-meta-*.s"))  # runs that failed elsewhere have left theirs
    run = lab.canvas("lab.DIAMOND", hold=["B"])
    lab.wait_event(run, "task.succeeded", task=2)
    (size,) = set(keys(lab, "celery-taskset-meta-*.s")) - before
    wait_until(lambda: f"{size[:-2]}.j" in keys(lab, "celery-taskset-meta-*"), 10, "Celery to count C")
    lab.let_go(run, "B")
    assert lab.settled(run) == "run.succeeded"
    assert set(lab.outcomes(run).values()) == {1}
    assert f"celery-task-meta-{task_id(run, 3)}" in keys(lab, "celery-task-meta-*")
    relayed = lab.start("lab.DIAMOND")
    lab.settled(relayed)
    assert without_ids(results(lab, run)) == without_ids(results(lab, relayed))
    assert results(lab, run)[3]["id"] == task_id(run, 3)


def test_a_retry_is_celerys_and_both_attempts_are_recorded(lab: Lab) -> None:
    run = lab.canvas("lab.DIAMOND", do={"A": {"retry": 0.1}})
    assert lab.settled(run) == "run.succeeded"
    assert kinds(lab, run, 0) == [
        ("task.started", 1),
        ("task.retrying", 1),
        ("task.started", 2),
        ("task.succeeded", 2),
    ]
    assert results(lab, run)[0]["retries"] == 1


def test_a_failure_ends_the_run_as_with_relay(lab: Lab) -> None:
    run = lab.canvas("lab.DIAMOND", do={"B": {"fail": "no luck"}})
    relayed = lab.start("lab.DIAMOND", do={"B": {"fail": "no luck"}})
    for each in (run, relayed):
        assert lab.settled(each) == "run.failed"
        failed = lab.wait_event(each, "task.failed")
        assert (failed.task, failed.data["exception"], failed.data["blocked"]) == (1, "no luck", [3])
        assert sorted(results(lab, each)) == [0, 2]


def test_hooks_are_called(lab: Lab) -> None:
    good = lab.canvas("lab.HOOKED")
    bad = lab.canvas("lab.HOOKED", do={"B": {"fail": "no"}})
    assert (lab.settled(good), lab.settled(bad)) == ("run.succeeded", "run.failed")
    assert [e.task for e in lab.events(good) if e.type == "task.succeeded"] == [0, 1, 2]
    assert [e.task for e in lab.events(bad) if e.type == "task.succeeded"] == [0, 3]


def digests(plan: Plan, run: str, payload: Any) -> dict[int, str]:
    """What the tasks DIGEST return if each gets what the plan says."""
    found: dict[int, str] = {}
    for index in plan.order:
        given = plan.nodes[index].argument([found[need] for need in plan.nodes[index].needs])
        text = json.dumps([task_id(run, index), given, payload])
        found[index] = hashlib.sha1(text.encode()).hexdigest()
    return found


@pytest.mark.parametrize(
    "needs",
    [
        [(), ()],
        [(), (), (0, 1)],
        [(), (), (0, 1), (0, 1), (2, 3), (2, 3)],
        [(), (), (0, 1), (0, 1), (2, 3), (4,)],
        [(), (0,), (0,), (1, 2), (3,), (3,), (4, 5), (6,)],
        [(), (0,), (1,), (0,), (2, 3)],
        [(), (0,), (0,), (1, 2), (0,), (3, 4), (5,), (5,)],
        [(), (), (), (0, 1), (3, 2), (4,)],
        [(), (0,), (0,), (0,), (2, 3), (1, 4)],
    ],
)
def test_every_shape_hands_on_what_relay_would(lab: Lab, needs: list[tuple[int, ...]]) -> None:
    plan = Plan("lab.SHAPE", tuple(Node(i, f"k{i}", "DIGEST", each) for i, each in enumerate(needs)))
    run = lab.canvas(plan, x=1)
    assert lab.settled(run) == "run.succeeded"
    assert results(lab, run) == digests(plan, run, {"x": 1})


def test_a_canvas_that_was_sent_twice_ends_once(lab: Lab) -> None:
    """The server died between sending and launching, and sends again."""
    run = lab.canvas("lab.DIAMOND", times=2)
    assert lab.settled(run) == "run.succeeded"
    assert set(lab.outcomes(run).values()) == {1}


def test_cancel_stops_what_runs_and_drops_what_comes(lab: Lab) -> None:
    run = lab.canvas("lab.DIAMOND", hold=["B"])
    lab.wait_event(run, "task.succeeded", task=2)
    lab.started(run, "B")
    lab.engine.cancel(run)
    assert lab.settled(run) == "run.canceled"
    assert [line for line in lab.ledger(run) if line[1] == "D" or line[:2] == ("end", "B")] == []


def test_ignore_ends_the_run_since_celery_goes_no_further(lab: Lab) -> None:
    run = lab.canvas(Plan("lab.IGNORED", (Node(0, "a", "ERROR"), Node(1, "b", "DIGEST", (0,)))), error="ignore")
    assert lab.settled(run) == "run.failed"
    failed = lab.wait_event(run, "task.failed")
    assert (failed.data["reason"], failed.data["blocked"]) == ("rejected", [1])


def test_a_canvas_that_celery_cannot_build_is_a_failure_of_its_first_task(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(*_: Any) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(canvas_out, "send", send)
    run = lab.canvas("lab.DIAMOND")
    assert lab.settled(run) == "run.failed"
    failed = lab.wait_event(run, "task.failed")
    assert (failed.task, failed.data["reason"], failed.data["exception"]) == (0, "canvas", "too deep")


def test_a_run_that_is_launched_is_not_sent_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    run = lab.canvas("lab.ONE")
    lab.settled(run)
    monkeypatch.setattr(canvas_out, "send", None)
    plan = Plan("lab.ONE", (Node(0, "a", "A"),), engine="canvas")
    assert canvas_out.launch(lab.app, lab.engine, run, plan, "{}", by="lab") == []


def test_a_later_epoch_is_relayed(lab: Lab) -> None:
    """Nobody sends a canvas for a part of a run, so the engine releases what runs again."""
    plan = Plan(
        "lab.AGAIN", (Node(0, "a", "DIGEST"), Node(1, "b", "B", (0,)), Node(2, "d", "DIGEST", (1,))), deadline=60
    )
    run = lab.canvas(plan, do={"B": {"fail": "at first"}})
    assert lab.settled(run) == "run.failed"
    native, seq = replace(plan, engine="canvas"), lab.events(run)[-1].seq
    kept = [Kept(0, "success", 1, json.dumps("kept")), Kept(1, "", 1)]
    asked = {"epoch": 2, "seq": seq, "state": "pending", "tasks": kept}
    assert lab.engine.restore(run, native, "{}", **asked) is Code.OK
    items, _ = lab.engine.advance(lab.engine.partition(run), by="lab", run=run)
    assert [item.task for item in items] == [1]
    lab.dispatcher.publish(items)
    lab.wait_event(run, "run.succeeded")
    assert kinds(lab, run, 1)[-2:] == [("task.started", 2), ("task.succeeded", 2)]
    assert results(lab, run)[1]["given"] == "kept"


def test_a_killed_pool_process_is_celerys_failure(lab: Lab) -> None:
    run = lab.canvas("lab.DIAMOND", hold=["B"])
    os.kill(lab.started(run, "B"), signal.SIGKILL)
    assert lab.settled(run) == "run.failed"
    failed = lab.wait_event(run, "task.failed")
    assert (failed.task, failed.data["reason"], failed.data["blocked"]) == (1, "lost", [3])


def test_what_is_sent_to_a_killed_worker_is_gone_and_the_deadline_says_so(lab: Lab) -> None:
    run = lab.canvas("lab.DIAMOND", deadline=13, hold=["B"])  # longer than a lease
    lab.wait_event(run, "task.succeeded", task=2)
    lab.started(run, "B")
    lab.stack.kill("worker")
    lab.stack.start("worker")
    lost = lab.wait_event(run, "task.lost")
    assert (lost.task, lost.data["requeued"]) == (1, True)
    assert lab.settled(run) == "run.failed"
    assert lab.wait_event(run, "run.failed").data["reason"] == "deadline"
    assert kinds(lab, run, 1) == [("task.started", 1), ("task.lost", 1)]
    lab.let_go(run, "B")


def test_with_late_acks_celery_delivers_again(tmp_path: Path) -> None:
    with open_lab(tmp_path, LAB_CANVAS="1", LAB_LATE="1", LAB_VISIBILITY="2") as late:
        run = late.canvas("lab.DIAMOND", hold=["B"])
        late.wait_event(run, "task.succeeded", task=2)
        late.started(run, "B")
        late.stack.kill("worker")
        late.let_go(run, "B")
        late.stack.start("worker")
        assert late.settled(run, timeout=60) == "run.succeeded"
        last, attempt = kinds(late, run, 1)[-1]
        assert (last, attempt) == ("task.succeeded", len([e for e, _ in kinds(late, run, 1) if e == "task.started"]))
        assert attempt > 1
        assert set(late.outcomes(run).values()) == {1}
