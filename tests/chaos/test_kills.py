"""kill -9 at the worst moments: the run finishes, and each task is recorded once. [U-1] [U-2] [U-6] [U-8]"""

import os
import signal
import time
from collections import Counter

import pytest

from tests.chaos.lab import Lab, open_lab
from tests.waiting import wait_until

pytestmark = pytest.mark.chaos

RECOVERY = 15.0
"""Seconds from the moment a worker is back to the run's end (the issue's bound)."""

ONCE = Counter({0: 1, 1: 1, 2: 1, 3: 1})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory):
    with open_lab(tmp_path_factory.mktemp("kills")) as lab:
        yield lab


def kill(lab: Lab, whom: str, child: int) -> float:
    """Kill the pool process, or the worker and bring another; when a worker was back (monotonic)."""
    if whom == "child":
        os.kill(child, signal.SIGKILL)
        return time.monotonic()
    lab.stack.kill("worker")
    lab.stack.start("worker")
    return time.monotonic()


def finished(lab: Lab, run: str, back: float) -> None:
    assert lab.settled(run, timeout=RECOVERY + 5) == "run.succeeded"
    assert time.monotonic() - back < RECOVERY
    assert lab.outcomes(run) == ONCE
    assert lab.engine.held("anyone") == []


@pytest.mark.parametrize("whom", ["child", "main"])
def test_while_a_runs(lab: Lab, whom: str) -> None:
    run = lab.start(hold=["A"])
    back = kill(lab, whom, lab.started(run, "A"))
    lab.let_go(run, "A")
    finished(lab, run, back)
    assert [e.attempt for e in lab.events(run) if e.type == "task.lost"] == [1]


@pytest.mark.parametrize("whom", ["child", "main"])
def test_while_a_waits_for_its_retry(lab: Lab, whom: str) -> None:
    run = lab.start(do={"A": {"retry": 3}})
    lab.wait_event(run, "task.retrying")
    back = kill(lab, whom, lab.started(run, "A"))
    finished(lab, run, back)
    assert [e.type for e in lab.events(run) if e.type == "task.lost"] == []
    assert Counter(line[:2] for line in lab.ledger(run))["start", "A"] == 2


@pytest.mark.parametrize("whom", ["child", "main"])
def test_while_b_runs_and_c_is_done(lab: Lab, whom: str) -> None:
    run = lab.start(hold=["B"])
    lab.wait_event(run, "task.succeeded", task=2)
    back = kill(lab, whom, lab.started(run, "B"))
    lab.let_go(run, "B")
    finished(lab, run, back)
    assert Counter(line[:2] for line in lab.ledger(run))["start", "C"] == 1


@pytest.mark.parametrize("whom", ["child", "main"])
def test_between_the_end_of_b_and_the_start_of_d(lab: Lab, whom: str) -> None:
    run = lab.start(hold=["B", "D"])
    lab.wait_event(run, "task.succeeded", task=2)
    lab.started(run, "B")
    wanted = lab.break_at("recorded", "kill-parent" if whom == "main" else "kill")
    lab.let_go(run, "B", "D")
    lab.wait_event(run, "task.succeeded", task=1)
    wait_until(lambda: not wanted.exists(), 10, "the kill")
    if whom == "main":
        wait_until(lambda: "worker" not in lab.stack.pids, 10, "death of the worker")
        lab.stack.start("worker")
    finished(lab, run, time.monotonic())
    assert Counter(line[:2] for line in lab.ledger(run))["start", "D"] == 1


def test_a_frozen_worker_that_comes_back_is_refused(lab: Lab) -> None:
    """SIGSTOP past the lease, then SIGCONT: the task ran elsewhere, the late outcome is shown as fenced. [U-3]"""
    run = lab.start("lab.ONE", hold=["A"])
    frozen, worker = lab.started(run, "A"), lab.stack.pids["worker"]
    os.kill(frozen, signal.SIGSTOP)
    try:
        lab.wait_event(run, "task.lost", timeout=20)
        lab.let_go(run, "A")
        assert lab.settled(run) == "run.succeeded"
    finally:
        os.kill(frozen, signal.SIGCONT)
    lab.wait_event(run, "task.fenced")
    assert lab.outcomes(run) == Counter({0: 1})
    assert lab.stack.pids["worker"] == worker


def test_a_task_that_kills_its_process_is_poisoned(lab: Lab) -> None:
    """Three losses, then an error; it does not take the worker with it. [U-7]"""
    run = lab.start(do={"B": "die"})
    assert lab.settled(run, timeout=40) == "run.failed"
    assert sum(e.type == "task.lost" for e in lab.events(run)) == 3
    failed = next(e for e in lab.events(run) if e.type == "task.failed")
    assert (failed.task, failed.data["type"], failed.data["blocked"]) == (1, "TaskPoisoned", [3])
    assert lab.outcomes(run) == Counter({0: 1, 1: 1, 2: 1})
