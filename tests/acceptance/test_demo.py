"""`umbel demo` and the commands on runs, as a person types them: real processes, from start-up to Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

from tests.processes import gone
from tests.waiting import wait_until

UMBEL = (sys.executable, "-m", "umbel")
D_RESULT = {
    "final": "merge complete",
    "from_b": "embedding by B: dim=8",
    "from_c": "classified by C: positive (0.92)",
    "b_retries": 0,
    "c_retries": 0,
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Demo:
    """A demo that serves, and everything it has printed."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [*UMBEL, "demo", "--port", "0", "--model-port", "0", "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                break

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def url(self) -> str:
        return next(line.removeprefix("server: ") for line in self.lines if line.startswith("server: "))

    def family(self) -> set[int]:
        """Process ids of everything that it has started."""
        listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
        family = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return family - {self.process.pid}

    def umbel(self, *arguments: str, status: int = 0) -> str:
        """What a command prints that speaks to this demo's server."""
        environment = {**os.environ, "UMBEL_URL": self.url}
        done = subprocess.run([*UMBEL, *arguments], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    def end(self, signum: signal.Signals) -> None:
        """End it as a person does; nothing of it may be left."""
        family = self.family()
        assert len(family) >= 5, "valkey, model service, server, worker with its pool, guard"
        self.process.send_signal(signum)
        assert self.process.wait(20) == 0
        for pid in family:
            wait_until(lambda pid=pid: gone(pid), what=f"end of process {pid}")  # type: ignore[misc]

    def kill(self) -> None:
        """For the end of a test that failed: the guard ends the rest."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Demo]]:
    """Two starts on the same data: the first is ended by Ctrl-C, the second serves the tests."""
    data = tmp_path_factory.mktemp("demo") / "my data"
    started = [Demo(data)]
    try:
        started[0].end(signal.SIGINT)
        started.append(Demo(data))
        yield started
        started[1].end(signal.SIGTERM)
    finally:
        for demo in started:
            demo.kill()


@pytest.fixture
def demo(demos: list[Demo]) -> Demo:
    return demos[1]


def run_id(text: str) -> str:
    found = UUID.search(text)
    assert found, text
    return found[0]


def test_the_demo_shows_the_run_and_its_result(demo: Demo) -> None:
    server = next(at for at, line in enumerate(demo.lines) if line.startswith("server: http://127.0.0.1:"))
    assert demo.lines[server + 1].startswith("model service: http://127.0.0.1:")
    told = [line.split(maxsplit=2)[-1] for line in demo.lines]
    for task in ("TASK_A", "TASK_B", "TASK_C", "TASK_D"):
        assert f"{task} started" in told
    result = demo.text[demo.text.index("result: ") + len("result: ") :]
    assert json.JSONDecoder().raw_decode(result)[0] == D_RESULT


def test_the_second_start_finds_the_runs_of_the_first(demos: list[Demo]) -> None:
    listed = json.loads(demos[1].umbel("list", "--json", "--limit", "500"))
    states = {run["id"]: run["state"] for run in listed["items"]}
    assert [states[run_id(demo.text)] for demo in demos] == ["success", "success"]
    assert run_id(demos[0].text) in demos[1].umbel("list", "--limit", "500", "--status", "success")


def test_a_run_that_fails_is_shown_with_its_retries_and_explained(demo: Demo) -> None:
    told = demo.umbel("run", "demo.PIPELINE", '{"raw": "x", "scenario": "partial_fail"}', "--watch", status=1)
    for sentence in (
        "TASK_B failed: HTTP 500, attempt 2 of 4 in 3.0 s",
        "TASK_B failed: HTTP 500, attempt 4 of 4 in 3.0 s",
        "TASK_B failed: HTTP 500, after 4 attempts",
        "TASK_D will not run: it needs TASK_B",
    ):
        assert sentence in told
    failed = run_id(told)
    diagnosis = demo.umbel("diagnose", failed)
    assert diagnosis.startswith("TASK_B failed")
    assert "tasks/pipeline.py:" in diagnosis
    assert "TASK_D never ran: needs TASK_B" in diagnosis
    assert f"umbel retry {failed}" in diagnosis
    assert "attempts of TASK_B:" in demo.umbel("show", failed)
    events = [json.loads(line) for line in demo.umbel("watch", failed, "--json", status=1).splitlines()]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "run.failed"


def test_a_canceled_run(demo: Demo) -> None:
    run = demo.umbel("run", "demo.PIPELINE", '{"raw": "x", "scenario": "down"}').strip()
    assert "canceled" in demo.umbel("cancel", run)
    assert "run canceled after" in demo.umbel("watch", run, status=2)
    again = demo.umbel("relaunch", run).strip()
    assert json.loads(demo.umbel("show", again, "--json"))["relaunch_of"] == run
    assert json.loads(demo.umbel("cancel", again, "--json"))["state"] == "canceled"


def test_the_same_key_starts_one_run(demo: Demo) -> None:
    start = ("run", "demo.PIPELINE", '{"raw": "x"}', "--idempotency-key", "once", "--comment", "only one")
    assert demo.umbel(*start) == demo.umbel(*start)


def test_logs_and_definitions(demo: Demo) -> None:
    assert "TASK_A" in demo.umbel("definitions", "demo.PIPELINE")
    assert "demo.PIPELINE" in demo.umbel("definitions")
    demo.umbel("logs", run_id(demo.text), "--follow")
    assert demo.umbel("run", "demo.NOTHING", status=1) == ""


def test_exit_after_a_run_that_failed(tmp_path: Path) -> None:
    began = time.monotonic()
    command = [*UMBEL, "demo", "--exit", "--port", "0", "--data", str(tmp_path), "--scenario", "partial_fail"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "TASK_B failed on attempt 4" in done.stdout
    assert "TASK_D never ran: needs TASK_B" in done.stdout
    assert time.monotonic() - began < 60


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        command = [*UMBEL, "demo", "--exit", "--port", port, "--data", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"umbel: port {port} is taken by another program"
