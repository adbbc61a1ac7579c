"""One server for the tests of the API: the diamond A -> (B | C) -> D and some others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Served, serving
from tests.valkey import valkey_url

__all__ = ["home", "server", "valkey_url"]

WORKFLOWS = """
demo.DIAMOND:
  description: four tasks
  defaults: {size: 1}
  schema: {type: object, properties: {size: {type: integer}, "a/b": {type: string}}}
  tasks: [A, {G: {type: group, tasks: [B, C]}}, D]
demo.ONE: {tasks: [A]}
demo.GPU: {tasks: [A], queue: gpu}
demo.BROKEN: {tasks: {a: {task: A, needs: [nobody]}}}
"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "workflows.yml").write_text(WORKFLOWS)
    return folder


@pytest.fixture(scope="session")
def shared(home: Path, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    flags = {"max_payload_bytes": 20_000}
    with serving(home, tmp_path_factory.mktemp("database"), f"{valkey_url[:-1]}3", **flags) as served:
        yield served


@pytest.fixture
def server(shared: Served) -> Served:
    """The shared server; what earlier tests left undone is not for this one."""
    shared.messages.clear()
    return shared
