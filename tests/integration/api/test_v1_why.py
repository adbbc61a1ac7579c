"""Why a task does not run: each sentence once, with its cause made for real, in the diagnosis and with the task."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import Ask, Fail, Retry, Served, serving
from tests.waiting import wait_until
from umbel.errors import BrokerUnavailable, StateUnavailable
from umbel.service import queued

WORKFLOWS = """
why.ONE: {tasks: [A]}
why.CHAIN: {tasks: [A, B]}
why.GPU: {tasks: [A], queue: gpu}
why.WINDOW: {tasks: {each: {task: A, map: [1, 2, 3], max_parallel: 2}}}
why.LOST: {tasks: [A], queue: lost}
why.LIMITED: {concurrency: {limit: 1}, tasks: [A]}
why.ASKED: {tasks: {ok: {type: approval}}}
"""


@pytest.fixture(scope="module")
def shared_here(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("why")
    (home / "workflows.yml").write_text(WORKFLOWS)
    with serving(home, home, f"{valkey_url[:-1]}11") as served:
        yield served


@pytest.fixture
def here(shared_here: Served) -> Served:
    shared_here.messages.clear()
    for row in shared_here.engine.workers():
        shared_here.engine.beat(0, row["worker"], {}, leaving=True)
    shared_here.engine.sweep(0)
    return shared_here


def start(here: Served, definition: str) -> str:
    run = str(here.http.post("/api/v1/runs", json={"definition": definition}).json()["id"])
    here.projected(run, "run.launched")
    return run


def why(here: Served, run: str, task: str = "A") -> str:
    """What the task's own picture says, which the diagnosis must say too."""
    told = here.http.get(f"/api/v1/runs/{run}/tasks/{task}").json()["why"]
    noted = here.http.get(f"/api/v1/runs/{run}/diagnosis").json()
    reasons = {each["task"]: each["reason"] for each in noted["waiting"]}

    def same(text: str) -> str:
        return re.sub(r"[\d.]+ s\b", "n s", text)

    if task in reasons:
        assert same(reasons[task]) == same(told)
    return str(told)


def worker(here: Served, name: str = "w1@host", **info: Any) -> None:
    here.engine.beat(0, name, {"queues": ["celery"], "concurrency": 2, "tasks": ["A", "B"], "tasks_total": 2, **info})


def test_it_needs_others_and_says_how_they_stand(here: Served) -> None:
    run = start(here, "why.CHAIN")
    assert why(here, run, "B") == "needs A (queued)"
    here.work(lambda call: Retry("HTTP 500", "HTTPError", delay=60.0))
    here.projected(run, "task.retrying")
    assert why(here, run, "B") == "needs A (retrying)"
    assert re.fullmatch(r"retry due in (5\d\.\d s|60\.0 s|1 min 0 s) \(attempt 1 failed: HTTP 500\)", why(here, run))


def test_what_has_ended_needs_no_reason(here: Served) -> None:
    run = start(here, "why.CHAIN")
    here.work(lambda call: Fail("boom"))
    here.settled(run)
    assert [here.http.get(f"/api/v1/runs/{run}/tasks/{key}").json()["why"] for key in "AB"] == [None, None]


def test_no_worker(here: Served) -> None:
    assert why(here, start(here, "why.ONE")).endswith(": no worker is alive")


def test_nobody_listens_on_its_queue(here: Served) -> None:
    worker(here, queues=["celery", "gpus"])
    run = start(here, "why.GPU")
    told = why(here, run)
    assert told.endswith(": no worker listens on queue gpu; they listen on celery, gpus (did you mean gpus?)")
    tools = [each["tool"] for each in here.http.get(f"/api/v1/runs/{run}/diagnosis").json()["suggested_actions"]]
    assert tools == ["list_workers", "wait_for_run"]
    worker(here, "w2@host", queues=["gpu"])
    assert why(here, run).endswith(": a worker of queue gpu is about to take it")


def test_nobody_knows_the_task(here: Served) -> None:
    """Celery drops the message of a task it does not know; the run must not hang without a word."""
    run = start(here, "why.ONE")
    worker(here, tasks=["B", "lib.A1"])
    assert why(here, run).endswith(": no worker of queue celery knows the task A")
    worker(here, tasks=["B", "C"], tasks_total=600)
    assert why(here, run).endswith(": a worker of queue celery is about to take it"), "it may know more than it tells"


def test_all_are_busy_with_what(here: Served) -> None:
    worker(here, "busy@host", concurrency=1)
    first = start(here, "why.ONE")
    assert here.claim(here.messages[0], "busy@host") is not None
    here.projected(first, "task.started")
    second = start(here, "why.ONE")
    busy = rf": every worker of queue celery is busy: 1 of 1 slots taken, the longest by A of run {first[:8]} since "
    assert re.search(busy + r"\d+\.\d s$", why(here, second))
    assert re.fullmatch(r"running for \d+\.\d s on busy@host \(attempt 1\)", why(here, first))


def test_a_worker_that_gives_no_sign_of_life(here: Served) -> None:
    late = {"heartbeat": 0.000_1, "lease": 8.0}
    worker(here, "late@host", settings=late)
    run = start(here, "why.ONE")
    silent = r"its last sign of life was \d+\.\d s ago, and after 8 s it counts as lost"
    assert re.search(rf": worker late@host is late: {silent}$", why(here, run))
    assert here.claim(here.messages[0], "late@host") is not None
    here.projected(run, "task.started")
    assert re.fullmatch(rf"running for \d+\.\d s on late@host \(attempt 1\); {silent}", why(here, run))


def test_a_worker_without_the_broker(here: Served) -> None:
    worker(here, broker_lost_at=round(time.time() * 1000) - 60_000)
    run = start(here, "why.ONE")
    assert re.search(
        r": worker w1@host of queue celery has no connection to the broker, since 1 min \d+ s$", why(here, run)
    )
    worker(here, "w2@host")
    assert why(here, run).endswith("is about to take it")


def test_celerys_rate_limit(here: Served) -> None:
    worker(here, rates={"A": "10/m"})
    assert why(here, start(here, "why.ONE")).endswith(": Celery's rate limit of A (10/m) lets it wait")


def test_the_server_cannot_publish(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(items: object) -> None:
        raise BrokerUnavailable("the broker did not take a message: refused")

    worker(here)
    with monkeypatch.context() as patch:
        patch.setattr(here.umbel.publish, "_publish", refuse)
        run = start(here, "why.ONE")
        wait_until(lambda: here.umbel.publish.trouble, 10, "trouble")
        told = why(here, run)
    assert re.search(r": the broker has taken no messages for \d+\.\d s \(.*refused\); it is sent when it does$", told)
    start(here, "why.ONE")
    wait_until(lambda: here.umbel.publish.trouble is None, 10, "end of the trouble")


def test_the_state_store_does_not_answer(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(here, "why.ONE")

    def away() -> None:
        raise StateUnavailable("closed until it is checked")

    monkeypatch.setattr(here.engine, "workers", away)
    told = ": the state store does not answer, so nobody can take it (closed until it is checked)"
    assert why(here, run).endswith(told)


def test_its_message_is_lost(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "SOON", 0)
    worker(here, queues=["lost"])
    run = start(here, "why.LOST")
    told = why(here, run)
    assert re.search(r": if its message, sent \d+\.\d s ago, was lost, it is sent again in 1[0-5]\.\d s$", told)
    since = here.engine.now()
    wait_until(lambda: here.engine.now() > since, 5, "another millisecond")
    start(here, "why.LOST")
    assert here.claim(here.messages[1], "other@host") is not None
    told = why(here, run)
    assert re.search(r"seems lost: later ones have been taken; it is sent again in 1[0-5]\.\d s$", told)
    assert here.claim(here.messages[0], "other@host") is not None


def test_a_paused_run(here: Served) -> None:
    worker(here)
    run = start(here, "why.ONE")
    here.http.post(f"/api/v1/runs/{run}/pause")
    here.projected(run, "run.paused")
    assert why(here, run) == f"the run is paused: `umbel resume {run}` lets it go on"


def test_a_limit_names_who_holds_it(here: Served) -> None:
    first = start(here, "why.LIMITED")
    second = here.http.post("/api/v1/runs", json={"definition": "why.LIMITED"}).json()["id"]
    told = here.http.get(f"/api/v1/runs/{second}/tasks/A").json()["why"]
    held = rf"it waits for other runs of why.LIMITED to end: 1 may be live at a time, and the limit is held by {first}"
    assert re.fullmatch(rf"Accepted \d+\.\d s ago; {held}", told)
    assert here.http.get(f"/api/v1/runs/{second}/diagnosis").json()["verdict"].endswith(f"held by {first}.")
    for run in (second, first):
        here.http.post(f"/api/v1/runs/{run}/cancel")


def test_the_window_of_a_map(here: Served) -> None:
    worker(here)
    run = start(here, "why.WINDOW")
    here.engine.expand(here.claim(here.messages.pop(), "map@host")[0], ["1", "2", "3"], window=2, by="w")  # type: ignore[index]
    here.projected(run, "task.expanded")
    assert why(here, run, "each").startswith("0 of 3 items ended")
    assert why(here, run, "each").endswith("(at most 2 at a time: `max_parallel`)")
    assert why(here, run, "each[2]") == "2 items of each are under way, and `max_parallel` is 2"


def test_a_person_and_a_moment(here: Served) -> None:
    asked = start(here, "why.ASKED")
    here.work(lambda call: Ask())
    here.projected(asked, "task.asked")
    assert re.fullmatch(
        rf"waits for a decision since \S+Z: `umbel approve {asked} ok`, or reject", why(here, asked, "ok")
    )
    canvas = {"task": "A", "args": [], "kwargs": {}, "options": {"countdown": 600}, "subtask_type": None}
    later = here.http.post("/api/v1/runs", json={"canvas": canvas, "name": "why.LATER"}).json()["id"]
    here.projected(later, "run.launched")
    assert re.fullmatch(r"scheduled: due in (9 min 5\d s|10 min 0 s), at \S+Z", why(here, later))


def test_a_run_that_is_not_launched(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise StateUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(here.engine, "launch", down)
        run = here.http.post("/api/v1/runs", json={"definition": "why.ONE"}).json()["id"]
        told = here.http.get(f"/api/v1/runs/{run}/tasks/A").json()["why"]
    assert re.fullmatch(r"Accepted \d+\.\d s ago and not launched yet: it is launched within seconds", told)
