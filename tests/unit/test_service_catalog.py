"""The server's view of the definitions: mistakes and missing tasks."""

from pathlib import Path

import pytest

from umbel.defined import DEFINED
from umbel.definition import load_catalog
from umbel.errors import DefinitionError
from umbel.service.catalog import Definitions, Loaded, with_canvases, without_canvases
from umbel.service.check import read_project


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "workflows.yml").write_text("a.GOOD: {tasks: [A]}\na.BAD:\n  tasks: [A]\n  hooks: {failure: NOBODY}\n")
    return tmp_path


def test_a_definition_whose_task_does_not_exist_is_refused_alone(home: Path) -> None:
    definitions = Definitions(home, {"A", "B"})
    assert definitions.get("a.GOOD")[1].tasks == 1
    with pytest.raises(DefinitionError, match=r"workflows\.yml:4:20: there is no task 'NOBODY'"):
        definitions.get("a.BAD")


def test_where_the_tasks_are_not_known_any_may_be_called(home: Path) -> None:
    assert Definitions(home).get("a.BAD")[1].nodes[1].hook == "failure"


CANVAS = {"task": "B", "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}


def test_a_definition_may_start_what_the_projects_tasks_define(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DEFINED, "cv.PIPE", CANVAS)
    monkeypatch.setitem(DEFINED, "cv.LOST", {**CANVAS, "task": "NOBODY"})
    text = "a.ONE: {tasks: {x: {workflow: cv.PIPE}}}\na.TWO: {tasks: {x: {workflow: cv.LOST}}}\n"
    (home / "workflows.yml").write_text(text)
    definitions = Definitions(home, {"A", "B"})
    assert definitions.get("a.ONE")[1].subplans[0].definition == "cv.PIPE"
    with pytest.raises(DefinitionError, match="'NOBODY'"):
        definitions.get("cv.LOST")
    with pytest.raises(DefinitionError, match="cannot be used itself"):
        definitions.get("a.TWO")
    loaded, _ = read_project(home, {"A", "B"})
    assert {"a.ONE", "cv.PIPE"} == set(loaded.plans)
    only = without_canvases(Loaded.of(with_canvases(load_catalog(home)), {"A", "B"}))
    assert (list(only.plans), [each.code for each in only.catalog.problems]) == (["a.ONE"], ["unknown-workflow"])
