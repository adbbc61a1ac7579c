"""A definition that is started by itself, on the real stack: `umbel dev` and the commands, as a person types them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until
from umbel.keeper.schedule import run_id_of

UMBEL = (sys.executable, "-m", "umbel")
WORKFLOWS = """
demo.TICK:
  tasks: [TICK]
  periodic: {interval: 1, payload: {from: beat}}
  retention: {offset: 3}
"""
TASKS = """
from umbel import task


@task(name="TICK")
def tick(previous, payload, workflow_id):
    return payload["from"]
"""

Umbel = Callable[..., str]


@pytest.fixture
def umbel(tmp_path: Path) -> Iterator[Umbel]:
    home = tmp_path / "project"
    (home / "tasks").mkdir(parents=True)
    (home / "workflows.yml").write_text(WORKFLOWS)
    (home / "tasks" / "tick.py").write_text(TASKS)
    process = subprocess.Popen(
        [*UMBEL, "dev", str(home), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout
    said: list[str] = []
    for line in process.stdout:
        said.append(line.rstrip())
        if line.startswith("server: "):
            break
    assert said, "it ended"
    assert said[-1].startswith("server: "), said
    environment = {**os.environ, "UMBEL_URL": said[-1].removeprefix("server: ")}

    def command(*arguments: str) -> str:
        done = subprocess.run([*UMBEL, *arguments], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield command
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


@pytest.mark.long
def test_a_definition_is_started_every_second_until_it_is_paused(umbel: Umbel) -> None:
    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(umbel("list", "--json"))["items"]
        return found

    def enough() -> list[dict[str, Any]] | None:
        found = [each for each in runs() if each["state"] == "success"]
        return found if len(found) >= 4 else None

    found = wait_until(enough, 30, "four runs")
    assert all(each["periodic"] for each in found)
    newest = int(datetime.fromisoformat(found[0]["created_at"]).timestamp())
    ticks = {run_id_of("demo.TICK", second * 1000) for second in range(newest - 60, newest + 1)}
    assert {each["id"] for each in found} <= ticks, "one run for each second"
    (schedule,) = json.loads(umbel("schedules", "--json"))["items"]
    assert (schedule["definition"], schedule["interval"], len(schedule["next"])) == ("demo.TICK", 1.0, 5)
    assert umbel("schedules", "pause", "demo.TICK") == "demo.TICK is paused\n"
    wait_until(lambda: all(each["settled"] for each in runs()), 20, "end of the last run")
    before = {each["id"] for each in runs()}
    assert "paused" in umbel("schedules")
    assert {each["id"] for each in runs()} == before
    assert umbel("schedules", "resume", "demo.TICK").startswith("demo.TICK is started next at ")
    wait_until(lambda: {each["id"] for each in runs()} - before, 20, "a run after the pause")
