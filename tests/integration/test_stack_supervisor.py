"""The supervisor with small stand-in programs: starting, dying, coming back, giving up, stopping."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import gone
from tests.waiting import wait_until
from umbel.errors import StackError
from umbel.stack import supervisor as supervisor_module
from umbel.stack.identity import identity
from umbel.stack.probes import log_line
from umbel.stack.process import Part, Process
from umbel.stack.roster import Roster, want
from umbel.stack.supervisor import Supervisor

IDLE = "echo up; exec tail -f /dev/null"


def shell(name: str, script: str, **more: object) -> Part:
    return Part(name, ("/bin/sh", "-c", script), **{"ready": log_line("up"), **more})  # type: ignore[arg-type]


class Said(list[str]):
    def has(self, text: str) -> bool:
        return any(text in line for line in self)


Start = Callable[..., Supervisor]


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def make(tmp_path: Path, said: Said) -> Iterator[Start]:
    made: list[Supervisor] = []

    def build(*parts: Part, start: bool = True) -> Supervisor:
        made.append(Supervisor(parts, tmp_path / "logs", said.append))
        if start:
            made[-1].start()
        return made[-1]

    yield build
    for supervisor in made:
        supervisor.stop()


def test_parts_are_ready_after_start_and_gone_after_stop(make: Start) -> None:
    supervisor = make(shell("a", IDLE), shell("b", IDLE, after=("a",)))
    pids = [supervisor.pid("a"), supervisor.pid("b"), supervisor.guard_pid]
    assert all(pid and not gone(pid) for pid in pids)
    supervisor.stop()
    assert all(pid and gone(pid) for pid in pids)
    assert supervisor.pid("a") is None


def test_a_part_waits_until_those_it_needs_are_ready(make: Start, tmp_path: Path) -> None:
    go = tmp_path / "go"
    asked: list[bool] = []

    def third_time(process: Process) -> bool:
        asked.append(True)
        if len(asked) == 3:
            go.touch()
        return len(asked) == 3

    make(shell("slow", IDLE, ready=third_time), shell("late", f"test -e {go} && {IDLE}", after=("slow",)))


def test_parts_stop_in_the_opposite_order(make: Start, tmp_path: Path) -> None:
    order = tmp_path / "order"

    def noted(name: str) -> Part:
        return shell(name, f"trap 'echo {name} >> {order}; exit' TERM; echo up; tail -f /dev/null & wait")

    make(noted("first"), noted("second"), noted("third")).stop()
    assert order.read_text().split() == ["third", "second", "first"]


def test_a_part_that_dies_is_started_again_and_said_so(make: Start, said: Said) -> None:
    supervisor = make(shell("worker", IDLE))
    before = supervisor.pid("worker")
    supervisor.signal("worker", signal.SIGKILL)
    wait_until(lambda: said.has("restarted"), what="line about the restart")
    assert said == ["worker exited with signal 9; restarted (1 of 5 in 60 s)"]
    assert supervisor.pid("worker") not in (None, before)


def test_children_of_a_part_that_died_do_not_stay(make: Start, said: Said) -> None:
    supervisor = make(shell("pool", "tail -f /dev/null & echo child $! up; wait", restart=False))
    child = int(supervisor.log_path("pool").read_text().split()[1])
    supervisor.signal("pool", signal.SIGKILL)
    wait_until(lambda: gone(child), what="end of the child")
    wait_until(lambda: said.has("left down"), what="line about the death")
    assert said == ["pool exited with signal 9; left down"]
    assert supervisor.pid("pool") is None


def test_a_part_that_keeps_dying_stops_the_stack_with_its_last_words(make: Start, said: Said, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    words = " ".join(str(n) for n in range(17))
    ill = f"echo up; if test -e {broken}; then for n in {words}; do echo word $n; done; exit 3; fi; {IDLE}"
    supervisor = make(shell("idle", IDLE), shell("ill", ill))
    woken: list[bool] = []
    supervisor.on_failure = lambda: woken.append(True)
    idle = supervisor.pid("idle")
    broken.touch()
    supervisor.signal("ill", signal.SIGKILL)
    assert supervisor.wait(timeout=30)
    assert str(supervisor.failure) == "ill died 5 times in 60 s; the last time it exited with status 3"
    assert idle is not None
    wait_until(lambda: gone(idle), what="end of the other part")
    assert [line for line in said if "|" in line] == [f"ill | word {n}" for n in range(2, 17)]
    assert [line for line in said if "restarted" in line] == [
        "ill exited with signal 9; restarted (1 of 5 in 60 s)",
        *(f"ill exited with status 3; restarted ({n} of 5 in 60 s)" for n in (2, 3, 4)),
    ]
    assert woken == [True]


def test_old_deaths_do_not_count(make: Start, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "WINDOW", 0.0)
    supervisor = make(shell("worker", IDLE))
    for died in range(1, 7):
        pid = wait_until(lambda: supervisor.pid("worker"), what="worker")
        supervisor.signal("worker", signal.SIGKILL)
        wait_until(lambda n=died: len(said) == n, what="line about the restart")  # type: ignore[misc]
        assert supervisor.pid("worker") != pid
    assert supervisor.failure is None


def test_deaths_that_were_wanted_do_not_count(tmp_path: Path, said: Said) -> None:
    roster = Roster(tmp_path / "lab")
    supervisor = Supervisor([shell("worker", IDLE)], tmp_path / "logs", said.append, roster)
    try:
        supervisor.start()
        for died in range(1, supervisor_module.MAX_DEATHS + 2):
            pid = wait_until(lambda: supervisor.pid("worker"), what="worker")
            want(tmp_path / "lab", identity(pid))
            supervisor.signal("worker", signal.SIGKILL)
            wait_until(lambda n=died: len(said) == n, what="line about the restart")  # type: ignore[misc]
        assert set(said) == {"worker exited with signal 9; restarted (in the failure lab)"}
        supervisor.signal("worker", signal.SIGKILL)
        wait_until(lambda: said.has("(1 of 5 in 60 s)"), what="line about a death that was not wanted")
    finally:
        supervisor.stop()


def test_a_part_that_is_not_vital_stays_down_and_can_be_started(make: Start, said: Said, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    worker = shell("worker", f"echo up; test -e {broken} && exit 1; exec tail -f /dev/null", vital=False)
    supervisor = make(worker)
    broken.touch()
    supervisor.signal("worker", signal.SIGKILL)
    wait_until(lambda: said.has("stays down until"), timeout=20, what="line that it stays down")
    assert supervisor.failure is None
    assert not supervisor.stopping
    broken.unlink()
    supervisor.start_part("worker")
    assert supervisor.pid("worker")


def test_a_part_that_dies_before_it_is_ready_fails_the_start(make: Start, said: Said) -> None:
    supervisor = make(shell("server", "echo first; echo 'no such project'; exit 4"), start=False)
    with pytest.raises(
        StackError, match=r"^server exited with status 4 before it was ready: no such project$"
    ) as caught:
        supervisor.start()
    assert "server.log" in caught.value.hint
    assert said == ["server | first", "server | no such project"]


def test_the_last_words_of_one_of_our_own_commands_end_with_a_hint(make: Start) -> None:
    supervisor = make(shell("worker", "echo 'umbel: tasks/a.py: broken'; echo 'hint: Mend it.'; exit 1"), start=False)
    with pytest.raises(
        StackError, match=r"^worker exited with status 1 before it was ready: umbel: tasks/a\.py: broken$"
    ) as caught:
        supervisor.start()
    assert caught.value.hint.startswith("Mend it. Its output is in ")


def test_a_part_that_is_never_ready_fails_the_start(make: Start) -> None:
    supervisor = make(shell("server", "exec tail -f /dev/null", start_timeout=0.2), start=False)
    with pytest.raises(StackError, match=r"was not ready after 0\.2 s"):
        supervisor.start()


@pytest.mark.parametrize(("argv", "cwd"), [(("/no/such/program",), None), (("/bin/sh",), Path("/no/such/folder"))])
def test_a_program_or_folder_that_is_not_there(make: Start, argv: tuple[str, ...], cwd: Path | None) -> None:
    supervisor = make(Part("odd", argv, cwd=cwd, ready=lambda process: False), start=False)
    with pytest.raises(StackError, match=r"odd .*(no/such/program.*not found|No such file.*no/such/folder)"):
        supervisor.start()


def test_stop_and_start_of_one_part(make: Start, said: Said) -> None:
    supervisor = make(shell("server", IDLE))
    before = supervisor.pid("server")
    supervisor.start_part("server")  # is up: nothing happens
    assert supervisor.pid("server") == before
    supervisor.stop_part("server")
    assert supervisor.pid("server") is None
    with pytest.raises(StackError, match="server is not running"):
        supervisor.signal("server", signal.SIGTERM)
    supervisor.start_part("server")
    assert supervisor.pid("server") not in (None, before)
    assert said == []


def test_a_part_that_ignores_sigterm_is_killed_after_its_grace(make: Start) -> None:
    supervisor = make(shell("deaf", "trap '' TERM; echo up; while :; do tail -f /dev/null; done", grace=0.2))
    pid = supervisor.pid("deaf")
    supervisor.stop()
    assert pid is not None
    assert gone(pid)


def test_a_killed_guard_is_replaced_and_knows_all_parts(make: Start, said: Said) -> None:
    supervisor = make(shell("a", IDLE), shell("b", IDLE, restart=False))
    guard, b = supervisor.guard_pid, supervisor.pid("b")
    assert guard is not None
    assert b is not None
    os.kill(guard, signal.SIGKILL)
    wait_until(lambda: gone(guard), what="end of the guard")
    supervisor.stop_part("a")
    supervisor.start_part("a")
    assert supervisor.guard_pid not in (None, guard)
    supervisor._guard.close()  # as if the supervisor were gone
    wait_until(lambda: said.has("b exited with signal 9"), what="end of b")


def test_a_start_keeps_the_log_of_the_one_before(make: Start, tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        make(shell("a", f"echo {text}; {IDLE}")).stop()
    assert (tmp_path / "logs" / "a.log").read_text().split()[0] == "three"
    assert (tmp_path / "logs" / "a.log.1").read_text().split()[0] == "two"


def test_a_part_gets_its_environment_and_no_terminal(make: Start) -> None:
    code = """
import os, signal, sys
print(os.environ["COLOUR"], sys.stdin.read() == "", os.getsid(0) == os.getpid(), "up", flush=True)
signal.pause()
"""
    part = Part("a", (sys.executable, "-c", code), {"COLOUR": "a b"}, ready=log_line("up"))
    assert make(part).log_path("a").read_text() == "a b True True up\n"
