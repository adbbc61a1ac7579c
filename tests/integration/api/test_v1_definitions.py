"""Definitions over HTTP: checked, drawn, and their schema."""

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from tests.serving import Served
from umbel import Client
from umbel.definition.editor import editor_schema
from umbel.errors import BadRequest, DefinitionError, DefinitionNotFound

TEXT = """shop.GOOD:
  description: fine
  tasks: [A, {G: {type: group, tasks: [B, C]}}]
shop.BAD:
  tasks: [A, {G: {type: gruop, tasks: [B]}}]
"""


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with Client(str(server.http.base_url)) as client:
        yield client


def test_a_text_is_checked_without_being_used(client: Client) -> None:
    found = client.check_definitions(TEXT, file="new.yml")
    assert (found.ok, found.errors, found.warnings) == (False, 1, 0)
    (problem,) = found.problems
    assert (problem.file, problem.line, problem.column, problem.end_column) == ("new.yml", 5, 25, 30)
    assert (problem.code, problem.severity, problem.definition) == ("bad-block-type", "error", "shop.BAD")
    assert problem.hint == "Did you mean 'group'?"
    assert problem.excerpt == "  tasks: [A, {G: {type: gruop, tasks: [B]}}]\n" + " " * 24 + "^^^^^"
    (good,) = found.definitions
    assert (good.name, good.description, good.graph) == ("shop.GOOD", "fine", None)
    assert [(task.key, task.needs) for task in good.tasks] == [("A", []), ("B", ["A"]), ("C", ["A"])]
    assert "shop.GOOD" not in {each.name for each in client.list_definitions().items}


def test_a_check_draws_what_is_asked_for(client: Client) -> None:
    found = client.check_definitions(TEXT, graph="mermaid")
    assert (found.definitions[0].graph or "").startswith("flowchart LR\n")
    many = "".join(f"a.B{number}: {{tasks: [A]}}\n" for number in range(201))
    assert len(client.check_definitions(many).definitions) == 201
    with pytest.raises(BadRequest, match="201"):
        client.check_definitions(many, graph="svg")


def test_a_queue_that_no_worker_listens_on_is_warned_of(server: Served, client: Client) -> None:
    text = "a.B:\n  tasks: [A]\n  queue: gpuu\n"
    assert client.check_definitions(text).problems == []
    for queues, expected in ((["celery", "gpu"], ["Did you mean 'gpu'?"]), (["gpuu"], [])):
        server.engine.beat(0, "queues@host", {"queues": queues})
        try:
            found = client.check_definitions(text)
            assert [(each.code, each.severity, each.hint) for each in found.problems] == [
                ("unheard-queue", "warning", hint) for hint in expected
            ]
            assert found.ok
        finally:
            server.engine.beat(0, "queues@host", {"queues": queues}, leaving=True)
    assert client.check_definitions(text).problems == []


@pytest.mark.parametrize(
    "text", ["", "- a", "\0", "a.B: [", "x" * 30_000 + ":", "&a [*a]", "a.B: {tasks: [A], schema: '../x'}"]
)
def test_any_text_is_answered(server: Served, text: str) -> None:
    answer = server.http.post("/api/v1/definitions/check", json={"text": text})
    if len(text) < 20_000:
        assert answer.status_code == 200
        assert answer.json()["problems"]
    else:
        assert answer.status_code == 413


def test_pictures_come_as_they_are(server: Served) -> None:
    path = "/api/v1/definitions/demo.DIAMOND/graph"
    rows = server.http.get(path)
    assert (rows.text, rows.headers["Content-Type"]) == ("A\n  ↓\nB | C\n  ↓\nD\n", "text/plain; charset=utf-8")
    drawn = server.http.get(path, params={"format": "svg"})
    assert drawn.headers["Content-Type"] == "image/svg+xml"
    assert "default-src 'none'" in drawn.headers["Content-Security-Policy"]
    assert ElementTree.fromstring(drawn.text).tag.endswith("svg")
    asked = server.http.get(path, params={"format": "mermaid"}, headers={"Accept": "application/json"}).json()
    assert asked["format"] == "mermaid"
    assert asked["text"].startswith("flowchart LR")
    assert server.http.get(path, params={"format": "png"}).status_code == 422


def test_what_cannot_be_drawn_says_why(client: Client) -> None:
    with pytest.raises(DefinitionNotFound):
        client.get_definition_graph("demo.NOPE")
    with pytest.raises(DefinitionError, match="nobody"):
        client.get_definition_graph("demo.BROKEN")


def test_the_picture_of_a_run_has_states(server: Served, client: Client) -> None:
    run = client.start_run("demo.DIAMOND")
    server.work(lambda call: 1, only=["A"])
    server.projected(run.id, "task.succeeded")
    assert client.get_run_graph(run.id).text.splitlines()[::2] == ["A: success", "B: queued | C: queued", "D: waiting"]
    drawn = server.http.get(f"/api/v1/runs/{run.id}/graph", params={"format": "svg"}).text
    assert 'class="task success"' in drawn
    assert ":::queued" in client.get_run_graph(run.id, "mermaid").text
    assert server.http.get("/api/v1/runs/nothing/graph").status_code == 404


def test_the_schema_for_editors(server: Served, client: Client) -> None:
    assert server.http.get("/api/v1/definitions/schema").json() == json.loads(json.dumps(editor_schema()))
    assert client.get_definition_schema().model_dump()["title"] == "Umbel definitions"
