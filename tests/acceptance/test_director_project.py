"""A celery-director project runs unchanged: `director_project/` says nothing of Umbel."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.waiting import wait_until

PROJECT = Path(__file__).with_name("director_project")
UMBEL = (sys.executable, "-m", "umbel")
JOHN = ("john", "secret")


def read_until(process: subprocess.Popen[str], start: str) -> str:
    """What follows `start` on the first line that begins with it."""
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(f"it ended with {process.wait()}: {''.join(said)}")


@pytest.fixture
def model_url() -> Iterator[str]:
    program = [sys.executable, "-m", "umbel.demo.model_service", "--port", "0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield read_until(process, "model service: ")
        finally:
            process.terminate()


@pytest.fixture
def director(model_url: str, tmp_path: Path) -> Iterator[httpx.Client]:
    """Director's API of a copy of the project under `umbel dev`."""
    home = tmp_path / "project"
    shutil.copytree(PROJECT, home)
    environment = {**os.environ, "DIRECTOR_MODEL_URL": model_url}
    with subprocess.Popen(
        [*UMBEL, "dev", str(home), "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            url = read_until(process, "server: ")
            subprocess.run(
                [*UMBEL, "user", "add", "john", "--password-stdin", "--database", "sqlite:///.umbel/umbel.db"],
                input="secret\n",
                text=True,
                cwd=home,
                check=True,
            )
            with httpx.Client(base_url=f"{url}/api", timeout=30, trust_env=False) as client:
                yield client
            assert not list(home.glob("*.db")), "Director's own database is not ours"
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout
            process.stdout.read()
            assert process.wait(20) == 0


def test_a_director_project_runs_unchanged(director: httpx.Client) -> None:
    def start(name: str, payload: dict[str, Any]) -> httpx.Response:
        return director.post("/workflows", json={"project": "demo", "name": name, "payload": payload})

    assert director.get("/ping").json() == {"message": "pong"}
    assert start("SETTINGS", {}).status_code == 401
    director.auth = httpx.BasicAuth(*JOHN)

    # A task that no module defines is refused where it stands, and takes no other definition down.
    typo = start("TYPO", {})
    assert (typo.status_code, list(typo.json())) == (400, ["error"])
    assert "workflows.yml:21:7: there is no task 'TAKS_D' (Did you mean 'TASK_D'?)" in typo.json()["error"]
    assert director.get("/workflows").json() == []

    def ended(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        path = f"/workflows/{answer.json()['id']}"

        def over() -> Any:
            found = director.get(path).json()
            return found["status"] in ("success", "error") and found

        found: dict[str, Any] = wait_until(over, 30, f"end of {answer.json()['fullname']}")
        return found

    refused = start("PIPELINE", {})
    assert (refused.status_code, refused.json()["error"]) == (400, "Payload is not valid")

    pipeline = start("PIPELINE", {"raw": "hello world"})
    settings = ended(start("SETTINGS", {}))
    assert settings["tasks"][0]["result"] == {
        "args": [None],
        "attr": "from .env",
        "item": "from .env",
        "none": None,
    }
    run = ended(pipeline)
    results = {task["key"]: task["result"] for task in run["tasks"]}
    from_b, from_c = {"dimension": 8, "retries_used": 1}, {"label": "unknown", "retries_used": 0}
    assert results == {
        "TASK_A": {"processed": "HELLO WORLD", "args": [None], "retries_used": 1},
        "TASK_B": from_b,
        "TASK_C": from_c,
        "TASK_D": {
            "final": "merge complete",
            "from_b": from_b,
            "from_c": from_c,
            "payload": {"raw": "hello world"},
        },
    }
    assert run["status"] == "success"

    director.post(f"/workflows/{run['id']}/relaunch").raise_for_status()
    assert len(director.get("/workflows").json()) == 2, "DIRECTOR_WORKFLOWS_PER_PAGE"
    assert len(director.get("/workflows?per_page=9").json()) == 3
