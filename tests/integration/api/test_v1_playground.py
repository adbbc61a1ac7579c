"""The playground over HTTP: a definition is run that the server does not keep."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Served, serving

TEXT = """demo.ONE:
  schema: {type: object, properties: {size: {type: integer}}}
  defaults: {size: 1}
  hooks: {webhook: "https://example.org/"}
  tasks: [A, B]
demo.OTHER: {tasks: [C]}
demo.BAD: {tasks: {a: {task: A, needs: [nobody]}}}
"""


@pytest.fixture(scope="module")
def open_server(home: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    flags = {"playground": True, "webhook_secret": "whsec_" + "YWFh" * 12}
    with serving(home, tmp_path_factory.mktemp("playground"), f"{valkey_url[:-1]}9", **flags) as served:
        yield served


def test_a_server_that_does_not_allow_it_runs_nothing(server: Served) -> None:
    assert server.http.get("/api/v1/playground").json()["enabled"] is False
    refused = server.http.post("/api/v1/playground/runs", json={"text": TEXT})
    assert refused.status_code == 403
    assert "UMBEL_PLAYGROUND" in refused.json()["hint"]


def test_a_text_is_run_and_only_its_plan_is_kept(open_server: Served) -> None:
    http = open_server.http
    known = http.get("/api/v1/playground").json()
    assert known["enabled"] is True
    started = http.post("/api/v1/playground/runs", json={"text": TEXT, "payload": {"size": 2}, "comment": "first"})
    assert started.status_code == 201
    run = started.json()
    assert (run["definition"], run["payload"], run["comment"]) == ("playground.demo.ONE", {"size": 2}, "first")
    assert [task["key"] for task in run["tasks"]] == ["A", "B"]
    plan = open_server.umbel.plan(open_server.umbel.store.run(run["id"]).plan_hash)  # type: ignore[union-attr]
    assert plan.webhook is None, "who may start runs shall not make the server call any address"
    assert len(open_server.messages) >= 1
    kept = {each["name"]: each for each in http.get("/api/v1/definitions").json()["items"]}
    assert "playground.demo.ONE" not in kept
    assert len(kept["demo.ONE"]["tasks"]) == 1, "the project's own definition of the name is what it was"
    again = http.post(f"/api/v1/runs/{run['id']}/relaunch", json={})
    assert (again.status_code, again.json()["definition"]) == (201, "playground.demo.ONE")
    other = http.post(f"/api/v1/runs/{run['id']}/relaunch", json={"payload": {"size": 3}})
    assert (other.status_code, "has not kept" in other.json()["detail"]) == (404, True)
    chosen = http.post("/api/v1/playground/runs", json={"text": TEXT, "definition": "demo.OTHER"}).json()
    assert [task["key"] for task in chosen["tasks"]] == ["C"]


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"text": TEXT, "definition": "demo.BAD"}, 409, "demo.BAD has mistakes"),
        ({"text": TEXT, "definition": "demo.NONE"}, 404, "no definition demo.NONE"),
        ({"text": TEXT, "payload": {"size": "x"}}, 422, "does not fit the schema"),
        ({"text": ""}, 400, "has no definition"),
        ({"text": "a: ["}, 400, "has no definition"),
        ({"text": "a.B: {tasks: [A]}", "definition": "\ud800"}, 400, ""),
    ],
)
def test_what_cannot_be_run_is_told(open_server: Served, asked: dict[str, object], status: int, said: str) -> None:
    answer = open_server.http.post(
        "/api/v1/playground/runs", content=json.dumps(asked), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def test_a_check_says_what_a_form_needs(open_server: Served) -> None:
    checked = open_server.http.post("/api/v1/definitions/check", json={"text": TEXT}).json()
    first = checked["definitions"][0]
    assert (first["name"], first["defaults"]) == ("demo.ONE", {"size": 1})
    assert first["schema"]["properties"] == {"size": {"type": "integer"}}


def test_a_definition_shows_its_source_with_its_problems(server: Served) -> None:
    found = server.http.get("/api/v1/definitions/demo.DIAMOND").json()["source"]
    assert (found["file"], found["line"], found["problems"]) == ("workflows.yml", 2, [])
    assert found["text"].startswith("demo.DIAMOND:\n  description: four tasks\n")
    assert found["text"].endswith("D]\n")
    broken = server.http.get("/api/v1/definitions/demo.BROKEN").json()["source"]
    assert broken["text"] == "demo.BROKEN: {tasks: {a: {task: A, needs: [nobody]}}}\n"
    (problem,) = broken["problems"]
    assert (problem["line"], problem["column"], problem["severity"]) == (broken["line"], 44, "error")
    assert all(each["source"] is None for each in server.http.get("/api/v1/definitions").json()["items"])
