"""Workers that stop, freeze or lose their stores: runs go on, each task is recorded once. [U-1] [U-2] [U-6] [U-8]

There is no server: workers keep the runs going by themselves.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.chaos.lab import Lab, open_lab
from tests.waiting import wait_until

pytestmark = pytest.mark.chaos

ONCE = Counter({0: 1, 1: 1, 2: 1, 3: 1})
ARGS = ("-c", "2", "--loglevel", "INFO", "--without-mingle", "--without-gossip")
QUICK = {"UMBEL_LEASE": "3", "UMBEL_HEARTBEAT": "0.5"}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One worker that notices everything early."""
    with open_lab(tmp_path_factory.mktemp("quick"), *ARGS, **QUICK) as lab:
        yield lab


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Lab]]:
    """Two workers of the same stores, as they are by default."""
    with (
        open_lab(tmp_path_factory.mktemp("one"), *ARGS, "-n", "one@%h") as one,
        open_lab(tmp_path_factory.mktemp("two"), *ARGS, "-n", "two@%h", beside=one) as two,
    ):
        yield one, two


def begun(lab: Lab, run: str, task: str) -> int:
    return Counter(line[:2] for line in lab.ledger(run))["start", task]


def holder(pair: tuple[Lab, Lab], run: str) -> tuple[Lab, dict[str, Any]]:
    """The lab whose worker runs the body of a run's first task, and the event of its start."""
    event = pair[0].wait_event(run, "task.started")
    wait_until(lambda: begun(pair[0], run, "A") == 1, 20, "the body")
    name = event.data["worker"].partition("@")[0]
    return pair[0 if name == "one" else 1], event.data


def test_warm_shutdown_loses_nothing(quick: Lab) -> None:
    """SIGTERM: what runs is finished, what waits stays for others, and the worker takes its leave."""
    run = quick.start(hold=["B"])
    quick.started(run, "B")
    quick.wait_event(run, "task.succeeded", task=2)
    quick.stack.kill("worker", signal.SIGTERM)
    waiting = [quick.start("lab.ONE") for _ in range(6)]
    quick.let_go(run, "B")
    quick.wait_event(run, "task.succeeded", task=1)
    wait_until(lambda: "worker" not in quick.stack.pids, 10, "end of the worker")
    quick.stack.start("worker")
    assert quick.settled(run, 10) == "run.succeeded"
    assert quick.outcomes(run) == ONCE
    assert [quick.settled(each) for each in waiting] == ["run.succeeded"] * 6
    for each in (run, *waiting):
        assert [e.type for e in quick.events(each) if e.type in {"task.lost", "task.fenced"}] == []
    wait_until(lambda: len(quick.engine.workers()) == 1, 10, "leave of the old worker")


def test_a_task_that_no_worker_knows(quick: Lab, tmp_path: Path) -> None:
    """Celery drops its message. It stays queued, and a worker that knows it gets it as soon as it starts."""
    run = quick.chain("NEWER")
    dropped = quick.stack.log_path("worker")
    wait_until(lambda: "unregistered task of type 'NEWER'" in dropped.read_text(), 10, "refusal")
    assert [e.type for e in quick.events(run)] == ["run.launched"]
    quick.stack.stop("worker")
    with open_lab(tmp_path, *ARGS, "-n", "newer@%h", beside=quick, LAB_NEWER="1", **QUICK):
        assert quick.settled(run, 10) == "run.succeeded"
    quick.stack.start("worker")


def test_the_stores_restart_while_a_body_runs(quick: Lab) -> None:
    run = quick.start(hold=["B"])
    quick.started(run, "B")
    quick.wait_event(run, "task.succeeded", task=2)
    quick.stack.set_restart("worker", True)  # kombu may give up: facts on restore_unacked
    before = quick.stack.pids["valkey"]
    quick.stack.kill("valkey")
    wait_until(lambda: quick.stack.pids.get("valkey", before) != before and answers(quick), 20, "another Valkey")
    quick.let_go(run, "B")
    assert quick.settled(run, 15) == "run.succeeded"
    assert quick.outcomes(run) == ONCE
    quick.stack.set_restart("worker", False)


def test_the_stores_are_away_when_a_body_ends(quick: Lab) -> None:
    """Longer than a lease: the outcome is recorded when they are back, and the body does not run twice."""
    run = quick.start(hold=["B"])
    quick.started(run, "B")
    quick.wait_event(run, "task.succeeded", task=2)
    worker = quick.stack.pids["worker"]
    quick.stack.set_restart("valkey", False)
    quick.stack.kill("valkey")
    down = time.monotonic()
    quick.let_go(run, "B")
    wait_until(lambda: ("end", "B") in [line[:2] for line in quick.ledger(run)], 10, "end of B")
    wait_until(lambda: time.monotonic() - down > 4, 10, "end of the leases")
    quick.stack.start("valkey")
    quick.stack.set_restart("valkey", True)
    assert quick.settled(run, 15) == "run.succeeded"
    assert quick.outcomes(run) == ONCE
    assert begun(quick, run, "B") == 1
    assert quick.stack.pids["worker"] == worker


def test_connections_break(quick: Lab) -> None:
    run = quick.start(hold=["B"])
    quick.started(run, "B")
    quick.wait_event(run, "task.succeeded", task=2)
    worker = quick.stack.pids["worker"]
    with redis.Redis.from_url(quick.stack.urls.state) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    quick.let_go(run, "B")
    assert quick.settled(run, 15) == "run.succeeded"
    assert quick.outcomes(run) == ONCE
    assert begun(quick, run, "B") == 1
    assert quick.stack.pids["worker"] == worker


def test_a_greenlet_that_burns_cpu_is_alive(tmp_path: Path) -> None:
    """Longer than a lease, during which no other greenlet gets a turn."""
    env = {"UMBEL_LEASE": "2", "UMBEL_HEARTBEAT": "0.4"}
    with open_lab(tmp_path, "-P", "gevent", "-c", "4", "--without-mingle", "--without-gossip", **env) as lab:
        run = lab.chain("BURN", seconds=3)
        assert lab.settled(run) == "run.succeeded"
        assert [e.type for e in lab.events(run) if e.type in {"task.lost", "task.fenced"}] == []
        assert len(lab.engine.workers()) == 1


def test_the_other_worker_takes_over(pair: tuple[Lab, Lab]) -> None:
    """kill -9 of a worker: its task runs elsewhere, without any restart."""
    lab = pair[0]
    run = lab.start(hold=["A"])
    dead, before = holder(pair, run)
    dead.stack.kill("worker")
    wait_until(lambda: begun(lab, run, "A") == 2, 40, "another start of A")
    lab.let_go(run, "A")
    assert lab.settled(run) == "run.succeeded"
    assert lab.outcomes(run) == ONCE
    second = [e.data for e in lab.events(run) if e.type == "task.started" and e.task == 0][1]
    assert second["worker"] != before["worker"]
    dead.stack.start("worker")


def test_a_frozen_main_process(pair: tuple[Lab, Lab]) -> None:
    """SIGSTOP past the lease, then SIGCONT: it is taken for dead, its task goes elsewhere, and it works again. [U-3]"""
    lab = pair[0]
    run = lab.start(hold=["A"])
    frozen, before = holder(pair, run)
    pid = frozen.stack.pids["worker"]
    os.kill(pid, signal.SIGSTOP)
    try:
        lab.wait_event(run, "task.lost", timeout=12)
        lab.let_go(run, "A")
        assert lab.settled(run) == "run.succeeded"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert lab.outcomes(run) == ONCE
    wait_until(lambda: before["worker"] in [each["worker"] for each in lab.engine.workers()], 10, "its sign of life")
    others = [lab.start("lab.ONE") for _ in range(10)]
    assert [lab.settled(each) for each in others] == ["run.succeeded"] * 10


def answers(lab: Lab) -> bool:
    try:
        lab.engine.ping()
    except Exception:
        return False
    return True


def test_a_worker_outlives_a_restart_of_its_broker(quick: Lab) -> None:
    """Though it holds messages that it has fetched and not begun: kombu ends it then, if nobody minds."""
    held = [quick.start("lab.ONE", hold=["A"]) for _ in range(8)]  # two run; so many more are fetched
    for run in held[:2]:
        quick.started(run, "A")
    log = quick.stack.log_path("worker")
    wait_until(lambda: log.read_text().count("Task A[") >= 8, 20, "messages to be fetched")
    worker = quick.stack.pids["worker"]
    quick.stack.stop("valkey")
    wait_until(lambda: "Connection to broker lost" in log.read_text(), 20, "the worker to notice")
    quick.stack.start("valkey")
    for run in held:
        quick.let_go(run, "A")
    for run in held:
        assert quick.settled(run) == "run.succeeded"
        assert quick.outcomes(run) == Counter({0: 1})
    assert quick.stack.pids["worker"] == worker
