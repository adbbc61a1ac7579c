"""A run with `engine: canvas` as `/api/v1` shows and controls it. Nothing is sent here: no worker, no broker."""

from collections.abc import Iterator

import pytest

from tests.serving import Served, serving
from tests.waiting import wait_until
from umbel.service.models import Diagnosis, Problem

WORKFLOWS = """
demo.CANVAS: {engine: canvas, tasks: [A, B]}
demo.CROSSED:
  engine: canvas
  tasks: {a: {task: A}, b: {task: B}, c: {task: C, needs: [a, b]}, d: {task: D, needs: b}}
demo.WHEN:
  engine: canvas
  tasks: {a: {task: A, when: payload.x == 1}}
"""


@pytest.fixture(scope="module")
def server(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    (home / "workflows.yml").write_text(WORKFLOWS)
    with serving(home, tmp_path_factory.mktemp("database"), f"{valkey_url[:-1]}6") as served:
        yield served


def test_its_tasks_wait_for_celery_and_it_has_a_deadline(server: Served) -> None:
    answer = server.http.post("/api/v1/runs", json={"definition": "demo.CANVAS"})
    run = answer.json()["id"]
    assert server.messages == []
    assert server.umbel.plan(server.umbel.store.run(run).plan_hash).deadline == 3600

    def waiting() -> dict[str, str]:
        found = Diagnosis.model_validate_json(server.http.get(f"/api/v1/runs/{run}/diagnosis").content)
        return {note.task: note.reason for note in found.waiting}

    assert wait_until(waiting, 10, "the launch in the history") == {
        "A": "sent by Celery's own canvas: no worker is alive",
        "B": "needs A (waiting)",
    }
    refused = server.http.post(f"/api/v1/runs/{run}/pause")
    assert refused.status_code == 409
    assert "Celery's own canvas" in Problem.model_validate_json(refused.content).detail


def test_what_is_no_canvas_is_refused_when_it_is_loaded(server: Served) -> None:
    problems = {each.definition: each for each in server.umbel.definitions.catalog.problems}
    assert {(name, each.code, each.line) for name, each in problems.items()} == {
        ("demo.CROSSED", "not-a-canvas", 3),
        ("demo.WHEN", "not-a-canvas", 6),
    }
    assert "b -> c" in problems["demo.CROSSED"].message
    assert "`when`" in problems["demo.WHEN"].message
    answer = server.http.post("/api/v1/runs", json={"definition": "demo.CROSSED"})
    assert answer.status_code in (400, 409, 422)
    assert "b -> c" in answer.text


def test_its_canvas_is_shown_and_another_is_refused(server: Served) -> None:
    shown = server.http.get("/api/v1/definitions/demo.CANVAS/graph", params={"format": "canvas"})
    assert shown.status_code == 200, shown.text
    assert 'signature("A", args=(None,), kwargs=given)' in shown.text
