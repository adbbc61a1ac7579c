"""Schemathesis asks every route what its description allows, and what it does not: no 5xx, no answer but as described.

UMBEL_TEST_FUZZ=1000 for the long form: so many cases for each operation, with links followed from answer to call.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Served, serving
from tests.valkey import valkey_url  # a fixture

__all__ = ["valkey_url"]

LONG = int(os.environ.get("UMBEL_TEST_FUZZ") or 0)
SEED = os.environ.get("UMBEL_TEST_SEED") or "1"
WORKFLOWS = """
demo.PIPELINE:
  defaults: {size: 1}
  schema: {type: object, properties: {size: {type: integer}, "a/b": {type: string}}}
  tasks: [A, {G: {type: group, tasks: [B, C]}}, D]
demo.HELLO: {tasks: [SAY_HELLO], periodic: {interval: 3600}}
demo.ASK: {tasks: {ok: {type: approval}, b: {task: B, needs: ok}}}
demo.WRONG: {tasks: {a: {task: A, needs: nobody}}}
"""


@pytest.fixture
def server(tmp_path: Path, valkey_url: str) -> Iterator[Served]:
    (tmp_path / "workflows.yml").write_text(WORKFLOWS)
    with serving(tmp_path, tmp_path, f"{valkey_url[:-1]}7") as served:
        yield served


@pytest.mark.timeout(0 if LONG else 120)
@pytest.mark.long
def test_every_route_keeps_to_its_description(server: Served, tmp_path: Path) -> None:
    for body in ({"definition": "demo.ASK"}, {"definition": "demo.PIPELINE"}):
        server.http.post("/api/v1/runs", json=body).raise_for_status()
    command = [
        *(
            Path(sys.executable).with_name("schemathesis"),
            "--config-file",
            Path(__file__).with_name("schemathesis.toml"),
        ),
        *("run", f"{server.http.base_url}/openapi.json", "--seed", SEED, "--max-examples", str(LONG or 2)),
        *("--phases", "examples,coverage,fuzzing,stateful" if LONG else "coverage,fuzzing"),
        *("--exclude-path-regex", "/events$" if LONG else "/(events|wait)$"),  # they do not end, or after 50 s
        *("--request-timeout", "60"),
    ]
    asked = subprocess.run([str(word) for word in command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stdout[-8000:] + asked.stderr
    assert server.http.get("/healthz").is_success
    assert server.umbel.keeper.projectors[0].quarantined == 0
