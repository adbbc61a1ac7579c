"""The server's view of the definitions: mistakes and missing tasks."""

from pathlib import Path

import pytest

from umbel.errors import DefinitionError
from umbel.service.catalog import Definitions


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
