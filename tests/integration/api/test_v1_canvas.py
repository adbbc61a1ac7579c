"""Celery canvases over the API: started at once, or kept as definitions. The workers' part is in tests/conformance."""

import json
from pathlib import Path
from typing import Any

import pytest
from celery import chain, group, signature
from celery.canvas import xmap

from tests.serving import Call, Served, serving
from umbel import Client
from umbel.client.canvas import plain
from umbel.defined import DEFINED
from umbel.errors import DefinitionError, DefinitionNotFound
from umbel.service.catalog import Definitions


def sig(name: str, *args: Any) -> Any:
    return signature(name, args)


DIAMOND = plain(chain(sig("shop.a", 1), group(sig("b"), sig("c"))))


def says_its_key(call: Call) -> str:
    return call.node.key


def finished(server: Served, started: dict[str, Any]) -> dict[str, Any]:
    server.work(says_its_key)
    server.settled(started["id"])
    found: dict[str, Any] = server.http.get(f"/api/v1/runs/{started['id']}").json()
    return found


def test_a_run_of_a_canvas_has_its_name_its_tasks_and_its_shape(server: Served) -> None:
    answer = server.http.post("/api/v1/runs", json={"canvas": DIAMOND, "payload": {"x": 1}, "comment": "why"})
    assert answer.status_code == 201, answer.text
    started = answer.json()
    assert (started["definition"], started["comment"], started["payload"]) == ("canvas.shop.a", "why", {"x": 1})
    assert [task["key"] for task in started["tasks"]] == ["a", "b", "c"]
    run = finished(server, started)
    assert (run["state"], run["result"]) == ("success", ["b", "c"])


def test_a_group_of_one_gives_a_list_and_a_name_is_taken(server: Served) -> None:
    canvas = plain(group(sig("shop.a", 1)))
    run = finished(server, server.http.post("/api/v1/runs", json={"canvas": canvas, "name": "my.RUN"}).json())
    assert (run["definition"], run["result"]) == ("my.RUN", ["a"])


def test_a_run_of_a_canvas_is_launched_again_from_its_plan(server: Served) -> None:
    first = finished(server, server.http.post("/api/v1/runs", json={"canvas": DIAMOND}).json())
    again = server.http.post(f"/api/v1/runs/{first['id']}/relaunch").json()
    assert (again["relaunch_of"], again["definition"]) == (first["id"], first["definition"])
    assert finished(server, again)["result"] == ["b", "c"]


def test_the_same_key_starts_no_second_run_and_no_other_canvas(server: Served) -> None:
    send = {"canvas": DIAMOND}, {"canvas": DIAMOND}, {"canvas": plain(sig("x"))}
    one, two, other = (
        server.http.post("/api/v1/runs", json=each | {"name": "a.B"}, headers={"Idempotency-Key": "canvas"})
        for each in send
    )
    assert one.json()["id"] == two.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "UMB-023")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "give `definition`, or else `canvas`"),
        ({"canvas": DIAMOND, "definition": "demo.ONE"}, 422, "give `definition`, or else `canvas`"),
        ({"definition": "demo.ONE", "name": "a.B"}, 422, "`name` is for a canvas"),
        ({"canvas": DIAMOND, "name": "noproject"}, 422, "/name"),
        ({"canvas": 7}, 422, "/canvas"),
        ({"canvas": {}}, 409, "no name of a task"),
        ({"canvas": {"task": "celery.chain", "kwargs": {"tasks": []}}}, 409, "empty chain"),
        ({"canvas": {"task": "celery.group", "kwargs": {"tasks": [5]}}}, 409, "5 is no Celery signature"),
    ],
)
def test_mistakes_are_problems(server: Served, body: dict[str, Any], status: int, said: str) -> None:
    answer = server.http.post("/api/v1/runs", json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]


def test_a_canvas_is_kept_as_a_definition(server: Served) -> None:
    answer = server.http.put("/api/v1/definitions/kept.DIAMOND", json={"canvas": DIAMOND})
    assert answer.status_code == 200, answer.text
    assert [task["key"] for task in answer.json()["tasks"]] == ["a", "b", "c"]
    assert "kept.DIAMOND" in [each["name"] for each in server.http.get("/api/v1/definitions").json()["items"]]
    assert "kept.DIAMOND" in [each["fullname"] for each in server.http.get("/api/definitions").json()]
    started = server.http.post("/api/v1/runs", json={"definition": "kept.DIAMOND"}).json()
    assert finished(server, started)["result"] == ["b", "c"]
    server.http.put("/api/v1/definitions/kept.DIAMOND", json={"canvas": plain(sig("other"))})
    again = server.http.post(f"/api/v1/runs/{started['id']}/relaunch").json()
    assert finished(server, again)["result"] == "other"


def test_what_the_project_defines_is_not_replaced(server: Served) -> None:
    answer = server.http.put("/api/v1/definitions/demo.ONE", json={"canvas": DIAMOND})
    assert (answer.status_code, answer.json()["code"]) == (409, "UMB-010")
    assert "by the project itself" in answer.json()["detail"]


def test_another_server_and_the_next_one_know_it_too(
    home: Path, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("umbel.service.catalog.LOOK", 0.0)
    with serving(home, tmp_path, f"{valkey_url[:-1]}9") as one:
        two = Definitions(home, stored=one.umbel.store)
        with pytest.raises(DefinitionNotFound):
            two.get("kept.ELSEWHERE")
        two.look()
        with Client(str(one.http.base_url), "") as client:
            client.define("kept.ELSEWHERE", sig("first"))
            assert [node.key for node in two.get("kept.ELSEWHERE")[1].nodes] == ["first"]
            client.define("kept.ELSEWHERE", sig("second"))
            assert [node.key for node in two.get("kept.ELSEWHERE")[1].nodes] == ["second"]
    with serving(home, tmp_path, f"{valkey_url[:-1]}9") as next_one:
        assert next_one.umbel.definitions.get("kept.ELSEWHERE")[1].nodes[0].key == "second"


def test_unknown_tasks_are_refused_where_the_tasks_are_known(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEFINED, "python.BAD", plain(sig("shop.aa")))
    monkeypatch.setitem(DEFINED, "python.GOOD", plain(group(sig("shop.a"), xmap(sig("shop.b"), [1]))))
    monkeypatch.setitem(DEFINED, "python.MAP", plain(xmap(sig("shop.bb"), [1])))
    monkeypatch.setitem(DEFINED, "demo.ONE", plain(sig("shop.b")))
    found = Definitions(home, ["A", "B", "C", "D", "shop.a", "shop.b", "celery.map"])
    assert [node.task for node in found.get("python.GOOD")[1].nodes] == ["shop.a", "celery.map"]
    assert found.get("demo.ONE")[1].nodes[0].task == "A"
    for name, wrong, right in (("python.BAD", "aa", "a"), ("python.MAP", "bb", "b")):
        with pytest.raises(DefinitionError, match=rf"there is no task 'shop\.{wrong}' .*shop\.{right}"):
            found.get(name)


def test_a_run_of_an_unknown_task_is_refused(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.umbel.definitions, "tasks", frozenset({"shop.a", "b"}))
    answer = server.http.post("/api/v1/runs", json={"canvas": DIAMOND})
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The canvas canvas.shop.a cannot be run: there is no task 'c'",
    ), json.dumps(answer.json())
