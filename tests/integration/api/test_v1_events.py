"""Server-sent events: complete, in order, resumable, of one run and of all."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import Call, Retry, Served
from tests.waiting import wait_until
from umbel.api.v1 import events as feeds


def start(server: Served, definition: str = "demo.DIAMOND") -> str:
    return str(server.http.post("/api/v1/runs", json={"definition": definition}).json()["id"])


def work(server: Served) -> None:
    server.work(lambda call: call.node.key)


def follow(server: Served, path: str, last: int | None = None) -> Iterator[dict[str, Any]]:
    """Events as an EventSource sees them; `comment` for signs of life."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with server.http.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        found: dict[str, Any] = {}
        for line in answer.iter_lines():
            if line.startswith(":"):
                yield {"comment": line}
            elif line:
                name, _, value = line.partition(": ")
                found[name] = json.loads(value) if name == "data" else value
            elif "data" in found:
                yield found
                found = {}
            elif found:
                assert found == {"retry": "2000"}
                found = {}


def test_a_finished_run_is_told_from_its_first_event(server: Served) -> None:
    run = start(server)
    work(server)
    server.settled(run)
    told = list(follow(server, f"/api/v1/runs/{run}/events"))
    assert [int(each["id"]) for each in told] == list(range(1, len(told) + 1))
    assert [each["data"]["type"] for each in told][:3] == ["run.launched", "task.started", "task.succeeded"]
    assert [each["data"]["type"] for each in told][-2:] == ["run.succeeded", "run.settled"]
    assert {each["event"] for each in told} == {"run.state", "task.state"}
    assert told[0]["data"]["data"]["released"] == ["A"]
    assert (told[2]["data"]["task"], told[2]["data"]["state"]) == ("A", "success")
    assert told[2]["data"]["data"]["released"] == ["B", "C"]


@pytest.mark.parametrize("seen", [1, 5])
def test_a_feed_goes_on_after_the_last_event_seen(server: Served, seen: int) -> None:
    run = start(server)
    work(server)
    last = server.settled(run).last_seq
    told = list(follow(server, f"/api/v1/runs/{run}/events", seen))
    assert [int(each["id"]) for each in told] == list(range(seen + 1, last + 1))
    assert list(follow(server, f"/api/v1/runs/{run}/events?last_event_id={seen}")) == told
    over = server.http.get(f"/api/v1/runs/{run}/events", headers={"Last-Event-ID": str(last)})
    assert over.status_code == 204


def test_a_live_run_is_told_as_it_happens_and_without_gaps(server: Served) -> None:
    run = start(server)
    server.projected(run, "run.launched")
    told: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: told.extend(follow(server, f"/api/v1/runs/{run}/events")))
    thread.start()
    wait_until(lambda: server.umbel.feed.wanted(run), what="subscriber")

    def flaky(call: Call) -> Any:
        return Retry("HTTP 500", "HTTPError") if call.node.key == "B" and call.attempt == 1 else call.node.key

    server.work(flaky)
    thread.join(20)
    assert not thread.is_alive()
    assert [int(each["id"]) for each in told] == list(range(1, server.settled(run).last_seq + 1))
    (retry,) = [each for each in told if each["data"]["type"] == "task.retrying"]
    assert (retry["event"], retry["data"]["attempt"], retry["data"]["data"]["exception"]) == (
        "task.state",
        1,
        "HTTP 500",
    )


def test_the_feed_of_all_runs_is_numbered_by_the_history(server: Served) -> None:
    before = server.umbel.store.last_event()
    runs = [start(server, "demo.ONE"), start(server, "demo.ONE")]
    work(server)
    for run in runs:
        server.settled(run)
    wanted = server.umbel.store.last_event() - before
    told = []
    for each in follow(server, "/api/v1/events", before):
        told.append(each)
        if len(told) == wanted:
            break
    assert [int(each["id"]) for each in told] == list(range(before + 1, before + wanted + 1))
    assert {each["data"]["run_id"] for each in told} == set(runs)


def test_a_new_feed_of_all_runs_begins_now(server: Served) -> None:
    run = start(server, "demo.ONE")
    work(server)
    server.settled(run)
    told: list[dict[str, Any]] = []

    def listen() -> None:
        for each in follow(server, "/api/v1/events"):
            if "data" in each:
                told.append(each)
                return

    thread = threading.Thread(target=listen)
    thread.start()
    wait_until(lambda: bool(server.umbel.feed._of_all), what="subscriber")
    later = start(server, "demo.ONE")
    thread.join(20)
    assert told[0]["data"]["run_id"] == later
    server.messages.clear()


def test_signs_of_life(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "KEEP_ALIVE", 0.01)
    run = start(server)
    assert any("comment" in each for each in follow(server, f"/api/v1/runs/{run}/events"))
    server.http.post(f"/api/v1/runs/{run}/cancel")


def test_a_bad_last_event_id_is_a_problem(server: Served) -> None:
    assert server.http.get("/api/v1/events", headers={"Last-Event-ID": "x"}).status_code == 400
