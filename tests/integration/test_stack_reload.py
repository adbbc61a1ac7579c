"""`umbel dev`: saved files start server and worker again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from umbel.stack.probes import log_line
from umbel.stack.process import Part
from umbel.stack.reload import reload_on_change
from umbel.stack.supervisor import Supervisor


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".umbel" / "logs").mkdir(parents=True)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "a.py").write_text("fine")
    return tmp_path


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(project: Path, said: list[str]) -> Iterator[Supervisor]:
    def part(name: str) -> Part:
        program = f"grep -q fine {project}/tasks/a.py && echo up && exec tail -f /dev/null; echo SyntaxError"
        return Part(name, ("/bin/sh", "-c", program), ready=log_line("up"), vital=False)

    supervisor = Supervisor([part("valkey"), part("server"), part("worker")], project / ".umbel" / "logs", said.append)
    supervisor.start()
    with reload_on_change(supervisor, project, project / ".umbel", said.append):
        yield supervisor
    supervisor.stop()


def test_a_saved_file_starts_both_again(supervisor: Supervisor, project: Path, said: list[str]) -> None:
    before = {name: supervisor.pid(name) for name in supervisor.names}
    # The watcher gives no sign when it begins to look, so write until it has seen one.
    changed = project / "tasks" / "b.py"
    wait_until(lambda: changed.write_text("x") and "server is ready" in said, timeout=30, what="restart")
    wait_until(lambda: supervisor.pid("worker") not in (None, before["worker"]), what="new worker")
    wait_until(lambda: supervisor.pid("server") not in (None, before["server"]), what="new server")
    assert supervisor.pid("valkey") == before["valkey"]
    assert said[0] == "tasks/b.py changed; starting worker and server again"


def test_a_broken_file_waits_for_the_next_change(supervisor: Supervisor, project: Path, said: list[str]) -> None:
    code = project / "tasks" / "a.py"
    broken = "server exited with status 0 before it was ready: SyntaxError; waiting for the next change"
    wait_until(lambda: code.write_text("wrong") and broken in said, timeout=30, what="line about the mistake")
    assert not supervisor.stopping
    wait_until(lambda: code.write_text("fine") and said[-1] == "server is ready", timeout=30, what="server back")
    assert supervisor.pid("worker")


def test_a_mistake_in_the_definitions_is_said(supervisor: Supervisor, project: Path, said: list[str]) -> None:
    def write() -> bool:
        new = project / ".umbel" / "new.yml"  # renamed into place: write_text alone leaves an empty file for a moment
        new.write_text("demo.ONE: {}\n")
        new.replace(project / "workflows.yml")
        return "server is ready" in said

    wait_until(write, timeout=30, what="restart")
    assert said[0] == "workflows.yml changed; starting worker and server again"
    assert said[1].startswith("workflows.yml:1:1: ")


def test_what_the_stack_writes_itself_is_no_change(supervisor: Supervisor, project: Path, said: list[str]) -> None:
    def write() -> bool:
        (project / ".umbel" / "own.json").write_text("x")
        (project / "notes.txt").write_text("x")
        (project / "tasks" / "b.py").write_text("x")
        return bool(said)

    wait_until(write, timeout=30, what="reaction to the code")
    assert said[0] == "tasks/b.py changed; starting worker and server again"
