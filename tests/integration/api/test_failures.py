"""When a store is away, or we have a bug: clear answers, and nothing that was accepted is lost."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.serving import Served, serving
from tests.waiting import wait_until
from umbel.api import health
from umbel.engine.keys import prefix
from umbel.errors import BadRequest, BrokerUnavailable, HistoryUnavailable, StateFull, StateUnavailable
from umbel.keeper import relaunch
from umbel.machine import Code, RunState, TaskState
from umbel.service import runs

BODY = {"definition": "demo.ONE", "payload": {}}
DIRECTOR = {"project": "demo", "name": "ONE", "payload": {}}


@pytest.fixture
def server(home: Path, tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(relaunch, "YOUNG", 0.0)
    monkeypatch.setattr(relaunch, "EVERY", 0.05)
    with serving(home, tmp_path, f"{valkey_url[:-1]}4") as served:
        yield served


def fails(error: Exception) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_database_away(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("accept", "run", "runs", "runs_page", "last_event"):
        monkeypatch.setattr(server.umbel.store, name, fails(HistoryUnavailable("no answer")))
    for answer in (server.http.post("/api/v1/runs", json=BODY), server.http.get("/api/v1/runs")):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (answer.json()["code"], answer.json()["detail"]) == ("UMB-031", "no answer")
    for answer in (server.http.post("/api/workflows", json=DIRECTOR), server.http.get("/api/workflows")):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert answer.text == '{"error":"no answer"}\n'
    ready = server.http.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "down: database")
    assert server.http.get("/healthz").status_code == 200
    monkeypatch.undo()
    assert server.http.get("/api/v1/runs").json()["items"] == []
    assert server.messages == []


@pytest.mark.slow
def test_a_database_that_is_locked_for_good(server: Served, tmp_path: Path) -> None:
    # The real thing: another process holds SQLite's write lock until the server's patience (5 s) is at its end.
    with sqlite3.connect(tmp_path / "umbel.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = server.http.post("/api/v1/runs", json=BODY)
        other.execute("ROLLBACK")
    other.close()
    assert answer.status_code == 503
    assert server.http.post("/api/v1/runs", json=BODY).status_code == 201


def test_state_store_away_while_a_run_is_accepted(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(server.engine, "launch", fails(StateUnavailable("no answer")))
        answers = [server.http.post("/api/v1/runs", json=BODY), server.http.post("/api/workflows", json=DIRECTOR)]
        assert [answer.status_code for answer in answers] == [201, 201]
    wait_until(lambda: len(server.messages) == 2, 15, "messages of both runs")
    assert {item.run for item in server.messages} == {answer.json()["id"] for answer in answers}


@pytest.mark.parametrize("error", [BrokerUnavailable("no answer"), KeyError("No such transport")])
def test_broker_away_while_a_run_is_accepted(server: Served, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(server.umbel, "publish", fails(error))
    run = server.http.post("/api/v1/runs", json=BODY)
    assert run.status_code == 201
    assert server.engine.knows([run.json()["id"]]) == [True]


def test_a_run_that_the_state_store_has_lost(server: Served, valkey_url: str) -> None:
    run = server.http.post("/api/v1/runs", json=BODY).json()["id"]
    server.claim(server.messages.pop())
    server.projected(run, "run.launched", "task.started")
    with redis.Redis.from_url(f"{valkey_url[:-1]}4") as client:
        client.flushdb()
    found = server.http.get(f"/api/v1/runs/{run}/diagnosis").json()
    assert found["verdict"].startswith("The state store has lost this run; ")
    answer = server.http.post(f"/api/v1/runs/{run}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "canceled"), answer.text
    assert server.engine.knows([run]) == [False], "it was not launched a second time"
    assert [event.seq for event in server.umbel.store.events(run)] == [1, 2, 3, 4]
    assert server.settled(run).stopped


def test_runs_that_the_state_store_has_lost_go_on(
    server: Served, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = server.http.post("/api/v1/runs", json={"definition": "demo.DIAMOND", "payload": {}}).json()["id"]
    server.work(lambda call: call.key, only=["A", "B"])
    late, _ = server.claim(server.messages.pop())  # type: ignore[misc]
    server.projected(run, "task.succeeded")
    wait_until(lambda: server.umbel.store.count_tasks(run, 0, 4).get(TaskState.RUNNING) == 1, what="C in SQL")
    with redis.Redis.from_url(f"{valkey_url[:-1]}4") as client:
        client.flushdb()
    monkeypatch.setattr(relaunch, "SILENT", 0.0)
    wait_until(lambda: server.messages, what="C once more")
    assert server.engine.succeed(late, "1", by="w1@host").code is Code.STALE
    called: list[str] = []
    server.work(lambda call: called.append(call.key))
    assert called == ["C", "D"]
    assert server.settled(run).state is RunState.SUCCESS
    outcomes = [(each.epoch, each.outcome) for each in server.umbel.store.attempts(run, 2)]
    assert outcomes == [(1, "lost"), (2, "success")]


@pytest.mark.parametrize("name", ["comment", "name"])
def test_half_a_character_is_refused_before_it_meets_the_others(
    server: Served, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(server.umbel.store, "accept", fails(AssertionError("it came as far as the database")))
    body = json.dumps({**DIRECTOR, "comment": "", name: "half \ud800"})
    answer = server.http.post("/api/workflows", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, "half a character" in answer.text) == (400, True), answer.text
    with pytest.raises(BadRequest, match="The idempotency key holds half a character"):
        runs.start(server.umbel, "demo.ONE", {}, key="\ud800")


def test_half_a_character_in_a_payload_is_kept(server: Served) -> None:
    body = json.dumps({**DIRECTOR, "payload": {"x": "\ud800"}})
    answer = server.http.post("/api/workflows", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["payload"]) == (201, {"x": "\ud800"})


@pytest.mark.parametrize("silent", ["publish", "launch"])
def test_no_answer_of_broker_or_state_store_keeps_a_client_waiting(
    server: Served, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    answer = threading.Event()
    whose = server.umbel if silent == "publish" else server.engine
    works = getattr(whose, silent)

    def wait(*args: Any, **kwargs: Any) -> Any:
        assert answer.wait(60)
        return works(*args, **kwargs)

    monkeypatch.setattr(whose, silent, wait)
    try:
        with ThreadPoolExecutor(40) as clients:
            since = time.monotonic()
            posts = [clients.submit(server.http.post, "/api/v1/runs", json=BODY) for _ in range(40)]
            assert server.http.get("/api/v1/runs").status_code == 200
            assert {post.result().status_code for post in posts} == {201}
            assert time.monotonic() - since < 10
    finally:
        answer.set()
    monkeypatch.undo()
    ids = {post.result().json()["id"] for post in posts}
    wait_until(lambda: {item.run for item in server.messages} >= ids, 20, "messages of all runs")


def test_a_run_that_cannot_be_launched_keeps_no_other_waiting(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(server.engine, "launch", fails(StateUnavailable("no answer")))
        first, second = (server.http.post("/api/v1/runs", json=BODY).json()["id"] for _ in range(2))
        works = type(server.engine).launch

        def launch(run: str, *args: Any, **kwargs: Any) -> Any:
            if run == first:
                raise StateUnavailable("no answer")
            return works(server.engine, run, *args, **kwargs)

        patch.setattr(server.engine, "launch", launch)
        wait_until(lambda: second in {item.run for item in server.messages}, 10, "launch of the second")
        assert first not in {item.run for item in server.messages}


def test_what_the_broker_did_not_take_is_given_to_the_loops(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[Any] = []
    monkeypatch.setattr(server.umbel._loops, "later", later.extend)
    monkeypatch.setattr(server.umbel, "publish", fails(BrokerUnavailable("no answer")))
    run = server.http.post("/api/v1/runs", json=BODY).json()["id"]
    assert [(item.run, item.task) for item in later] == [(run, 0)]


def test_a_check_of_readiness_does_not_wait_for_long(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(health, "PATIENCE", 0.2)
    monkeypatch.setattr(server.engine, "ping", lambda: answer.wait(60))
    try:
        since = time.monotonic()
        ready = server.http.get("/readyz")
        assert time.monotonic() - since < 10
    finally:
        answer.set()
    assert (ready.status_code, ready.json()["status"]) == (503, "down: state")
    assert (ready.json()["state"], ready.json()["database"]) == ("no answer within 0.2 s", "ok")


def test_state_store_away_while_a_run_is_canceled(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    run = server.http.post("/api/v1/runs", json=BODY).json()["id"]
    monkeypatch.setattr(server.engine, "cancel", fails(StateUnavailable("no answer")))
    answer = server.http.post(f"/api/v1/runs/{run}/cancel")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "UMB-030", "2")
    assert server.http.get("/api/v1/workers").status_code == 200


def test_a_bug_is_said_to_be_one(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.umbel.store, "runs", fails(ZeroDivisionError("secret")))
    monkeypatch.setattr(server.umbel.store, "runs_page", fails(ZeroDivisionError("secret")))
    answer = server.http.get("/api/v1/runs")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    director = server.http.get("/api/workflows")
    assert director.status_code == 500
    assert director.json()["error"].startswith("The server encountered an internal error")
    assert "secret" not in answer.text + director.text


def test_a_store_at_its_maxmemory(server: Served, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """New runs are refused, nothing new begins, what runs ends and makes room."""
    before = server.http.post("/api/v1/runs", json=BODY).json()["id"]
    first = wait_until(lambda: server.messages and server.messages.pop(), 10, "its message")
    claimed = server.claim(first)
    assert claimed
    with redis.Redis.from_url(f"{valkey_url[:-1]}4") as client:
        client.config_set("maxmemory", 1)
        try:
            met = server.http.post("/api/v1/runs", json=BODY)
            assert met.status_code == 201, "it is on disk before the store is asked"
            for answer in (
                server.http.post("/api/v1/runs", json=BODY),
                server.http.post("/api/workflows", json=DIRECTOR),
            ):
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
                assert "takes nothing more" in answer.text
            why = server.http.get(f"/api/v1/runs/{met.json()['id']}/tasks/A").json()["why"]
            assert why.endswith("the state store takes nothing more; it is launched when there is room")
            with pytest.raises(StateFull):
                server.engine.launch("x", server.umbel.definitions.get("demo.ONE")[1], "{}", by="s")
            assert server.engine.succeed(claimed[0], "1", by="w").code is Code.OK
            assert server.settled(before).state is RunState.SUCCESS
            key = f"{prefix(server.engine.partition(before))}run:{before}"
            wait_until(lambda: client.pttl(key) != -1, 10, "the TTL, or the end, of the keys of what is over")
        finally:
            client.config_set("maxmemory", 0)
    message = wait_until(lambda: server.messages and server.messages.pop(), 10, "launch of the accepted run")
    assert message.run == met.json()["id"]
    with monkeypatch.context() as patch:
        for asked in ("require_room", "launch"):
            patch.setattr(server.engine, asked, fails(StateUnavailable("gone")))
        assert server.http.post("/api/v1/runs", json=BODY).status_code == 201, "away is not full"
    assert server.http.post("/api/v1/runs", json=BODY).status_code == 201
