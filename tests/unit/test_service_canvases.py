"""Canvases from programs are checked against the tasks that somebody knows."""

from types import SimpleNamespace
from typing import Any

import pytest

from umbel.errors import DefinitionError, StateUnavailable
from umbel.service import canvases

CANVAS = {"task": "theirs", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}


def server(monkeypatch: pytest.MonkeyPatch, *workers: tuple[bool, list[str]]) -> Any:
    items = [SimpleNamespace(alive=alive, tasks=tasks) for alive, tasks in workers]
    monkeypatch.setattr(canvases, "list_workers", lambda umbel: SimpleNamespace(items=items))
    return SimpleNamespace(definitions=SimpleNamespace(tasks=frozenset({"own"})))


def test_a_task_that_only_an_attached_worker_knows_may_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    umbel = server(monkeypatch, (True, ["theirs"]))
    assert canvases._plan(umbel, "a.B", CANVAS).tasks == 1
    with pytest.raises(DefinitionError, match="there is no task 'theirs'"):
        canvases._plan(umbel, "a.B", CANVAS, kept=True)


def test_a_task_that_nobody_knows_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    umbel = server(monkeypatch, (False, ["theirs"]), (True, ["other"]))
    with pytest.raises(DefinitionError, match="there is no task 'theirs'"):
        canvases._plan(umbel, "a.B", CANVAS)

    def down(umbel: Any) -> Any:
        raise StateUnavailable("no answer")

    monkeypatch.setattr(canvases, "list_workers", down)
    with pytest.raises(DefinitionError, match="there is no task 'theirs'"):
        canvases._plan(umbel, "a.B", CANVAS)


def test_a_worker_that_knows_more_than_it_says_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    umbel = server(monkeypatch, (True, [f"t{i}" for i in range(canvases.MAX_TOLD)]))
    assert canvases._plan(umbel, "a.B", CANVAS).tasks == 1
