"""Limits on live runs: decided when a run is written, by whichever server. Proves its part of [U-1]."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Served, serving
from tests.waiting import wait_until
from umbel.engine.engine import Engine
from umbel.engine.wire import Item
from umbel.service import runs
from umbel.service.umbel import Umbel

WORKFLOWS = """
demo.QUEUE: {tasks: [A], concurrency: {limit: 2, key: payload.who}}
demo.ONE: {tasks: [A], concurrency: {limit: 1}}
demo.SKIP: {tasks: [A], concurrency: {limit: 1, on_limit: skip}}
demo.OLDEST: {tasks: [A], concurrency: {limit: 1, on_limit: cancel_oldest}}
demo.NEWEST: {tasks: [A], concurrency: {limit: 1, on_limit: cancel_newest}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "workflows.yml").write_text(WORKFLOWS)
    return folder


@pytest.fixture(scope="module")
def shared(home: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(home, tmp_path_factory.mktemp("database"), f"{valkey_url[:-1]}7") as served:
        yield served


@pytest.fixture
def server(shared: Served) -> Served:
    shared.messages.clear()
    return shared


def start(server: Served, definition: str, **payload: Any) -> dict[str, Any]:
    answer = server.http.post("/api/v1/runs", json={"definition": definition, "payload": payload})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def work(server: Served, run: str) -> None:
    """Does one run's task, and no other's."""
    wait_until(lambda: any(item.run == run for item in server.messages), what="message of the run")
    mine = [item for item in server.messages if item.run == run]
    others = [item for item in server.messages if item.run != run]
    server.messages[:] = mine
    server.work(lambda call: call.run)
    server.messages.extend(others)
    server.settled(run)


def test_one_too_many_waits_for_its_turn(server: Served) -> None:
    ids = [start(server, "demo.QUEUE", who="a")["id"] for _ in range(4)]
    other = start(server, "demo.QUEUE", who="b")
    assert not other["held"], "another key"
    assert [server.umbel.store.run(each).held for each in ids] == [False, False, True, True]  # type: ignore[union-attr]
    assert {item.run for item in server.messages} == {*ids[:2], other["id"]}
    verdict = server.http.get(f"/api/v1/runs/{ids[2]}/diagnosis").json()["verdict"]
    assert "waits for other runs of demo.QUEUE to end: 2 may be live" in verdict
    assert server.http.post(f"/api/v1/runs/{ids[3]}/pause").status_code == 409
    work(server, ids[1])
    work(server, ids[2])
    work(server, ids[3])
    work(server, ids[0])
    assert server.http.get(f"/api/v1/runs/{ids[3]}").json()["state"] == "success"


def test_a_run_that_waits_can_be_canceled(server: Served) -> None:
    first, second = start(server, "demo.ONE")["id"], start(server, "demo.ONE")["id"]
    answer = server.http.post(f"/api/v1/runs/{second}/cancel").json()
    assert (answer["state"], answer["settled"], answer["held"]) == ("canceled", True, False)
    assert [event.type for event in server.umbel.store.events(second)] == ["run.canceled", "run.settled"]
    work(server, first)
    assert server.http.post(f"/api/v1/runs/{second}/retry").json()["state"] == "pending", "it may run after all"
    work(server, second)


def test_skip_leaves_no_trace(server: Served) -> None:
    first = start(server, "demo.SKIP")["id"]
    refused = server.http.post("/api/v1/runs", json={"definition": "demo.SKIP"}, headers={"Idempotency-Key": "again"})
    assert (refused.status_code, refused.json()["code"]) == (409, "UMB-028")
    assert first in refused.json()["detail"]
    director = server.http.post("/api/workflows", json={"project": "demo", "name": "SKIP", "payload": {}})
    assert (director.status_code, list(director.json())) == (409, ["error"])
    assert len(server.http.get("/api/v1/runs?definition=demo.SKIP").json()["items"]) == 1
    work(server, first)
    again = server.http.post("/api/v1/runs", json={"definition": "demo.SKIP"}, headers={"Idempotency-Key": "again"})
    assert again.status_code == 201
    work(server, again.json()["id"])


def test_the_oldest_makes_room(server: Served) -> None:
    first, second = start(server, "demo.OLDEST")["id"], start(server, "demo.OLDEST")
    assert not second["held"]
    assert server.settled(first).state == "canceled"
    work(server, second["id"])
    assert server.http.get(f"/api/v1/runs/{second['id']}").json()["state"] == "success"


def test_the_newest_is_canceled_at_once(server: Served) -> None:
    first, second = start(server, "demo.NEWEST")["id"], start(server, "demo.NEWEST")
    assert (second["state"], second["settled"], second["stopped"]) == ("canceled", True, True)
    assert [task["state"] for task in second["tasks"]] == ["canceled"]
    with server.http.stream("GET", f"/api/v1/runs/{second['id']}/events") as answer:
        told = [line for line in answer.iter_lines() if line.startswith("event: ")]
    assert told == ["event: run.state"] * 2
    work(server, first)


def test_the_key_must_be_there(server: Served) -> None:
    refused = server.http.post("/api/v1/runs", json={"definition": "demo.QUEUE"})
    assert refused.status_code == 400
    assert "concurrency" in refused.json()["detail"]


@pytest.fixture
def pair(server: Served) -> Iterator[Umbel]:
    """A second server on the same stores, with its loops running."""
    settings = server.umbel.settings
    other = Umbel(settings, Engine.open(settings), server.messages.extend, loops=False, now=lambda: 0)
    other.start()
    yield other
    other.stop()


def test_two_servers_never_start_two(server: Served, pair: Umbel) -> None:
    most = 0

    def live() -> int:
        found = [run for run in server.umbel.store.live_runs() if run.definition == "demo.ONE" and not run.held]
        return len(found)

    with ThreadPoolExecutor(8) as pool:
        both = [server.umbel, pair]
        accepted = list(pool.map(lambda n: runs.start(both[n % 2], "demo.ONE", {}), range(12)))
    ids = {each.run.id for each in accepted}
    assert live() == 1
    done: set[str] = set()
    while done != ids:
        wait_until(lambda: server.messages, what="the next run")
        (item,) = {each for each in server.messages if each.run not in done}
        server.messages.clear()
        most = max(most, live())
        _finish(server, item)
        done.add(item.run)
    assert most == 1


def _finish(server: Served, item: Item) -> None:
    taken = server.claim(item)
    assert taken is not None
    server.engine.succeed(taken[0], "1", by="w")
    server.settled(item.run)


def test_what_waits_is_launched_after_a_restart(
    home: Path, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(home, tmp_path, f"{valkey_url[:-1]}8") as server:
        ids = [start(server, "demo.ONE")["id"] for _ in range(3)]
        # The server dies after it has let the second one go, and before it is launched.
        server.umbel.keeper.held.stop()
        work(server, ids[0])
        (let_go,) = server.umbel.store.release_held()
        assert let_go.id == ids[1]
        settings, messages = server.umbel.settings, server.messages
    monkeypatch.setattr("umbel.keeper.relaunch.YOUNG", 0.0)
    again = Umbel(settings, Engine.open(settings), messages.extend, loops=False, now=lambda: 0)
    again.start()
    try:
        for expected in ids[1:]:
            wait_until(lambda: messages, 20, "launch")
            item = messages.pop()
            assert item.run == expected
            claimed = again.engine.claim(item.run, 0, 1, worker="w", pid=1)
            assert claimed.attempt == 1
            _succeed(again, item)
    finally:
        again.stop()


def _succeed(umbel: Umbel, item: Item) -> None:
    from umbel.engine.engine import Token

    umbel.engine.succeed(Token(item.run, item.task, item.epoch, 1), "1", by="w")
