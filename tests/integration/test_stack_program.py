"""A whole stack as a command, with a real Valkey: signals, kill -9, a second start on the same data."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.processes import gone
from tests.waiting import wait_until

PROGRAM = Path(__file__).with_name("stack_program.py")


class Program:
    def __init__(self, data: Path, grace: float = 0.2) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(data), str(grace)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pids: dict[str, Any] = {}

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def up(self) -> "Program":
        line = self.line()
        assert line.startswith("up "), line
        self.pids = json.loads(line.removeprefix("up "))
        return self

    def redis(self) -> "redis.Redis[str]":
        return redis.Redis.from_url(self.pids["broker"], decode_responses=True)

    def child_of_supervisor(self, marker: str) -> int:
        """Process id of the supervisor's child whose command line holds `marker`, 0 if there is none."""
        listed = subprocess.run(["ps", "-eo", "ppid=,pid=,args="], capture_output=True, text=True, check=True)
        for line in listed.stdout.splitlines():
            parent, pid, arguments = line.split(maxsplit=2)
            if int(parent) == self.process.pid and marker in arguments:
                return int(pid)
        return 0

    def assert_nothing_left(self) -> None:
        for name in ("valkey", "pool", "child", "guard"):
            wait_until(lambda n=name: gone(self.pids[n]), what=f"end of {name}")  # type: ignore[misc]


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        program.process.kill()
        program.process.communicate()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "my data 'é'"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(programs: list[Program], data: Path, signum: signal.Signals) -> None:
    programs.append(Program(data))
    program = programs[0].up()
    program.process.send_signal(signum)
    assert program.line() == f"interrupted {int(signum)}"
    assert program.process.wait(10) == 0
    program.assert_nothing_left()


def test_a_second_signal_does_not_wait(programs: list[Program], data: Path) -> None:
    programs.append(Program(data, grace=100))
    program = programs[0].up()
    program.process.send_signal(signal.SIGINT)
    wait_until(lambda: "asked" in (data / "logs" / "pool.log").read_text(), what="polite request")
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(10) == 0
    program.assert_nothing_left()


def test_kill_9_of_the_supervisor_ends_everything(programs: list[Program], data: Path) -> None:
    programs.append(Program(data))
    program = programs[0].up()
    program.process.kill()
    program.process.wait()
    program.assert_nothing_left()


def test_what_valkey_confirmed_is_there_after_kill_9(programs: list[Program], data: Path) -> None:
    programs.append(Program(data))
    program = programs[0].up()
    with program.redis() as client:
        client.set("kept", "yes")
    os.kill(program.pids["valkey"], signal.SIGKILL)
    assert program.line() == "valkey exited with signal 9; restarted (1 of 5 in 60 s)"
    with program.redis() as client:
        wait_until(lambda: answers(client), what="answer of the restarted Valkey")
        assert client.get("kept") == "yes"
        client.set("also", "kept")
    program.process.kill()
    program.process.wait()
    programs.append(Program(data))  # at once: waits for the killed stack's Valkey to be gone
    with programs[1].up().redis() as client:
        assert client.mget("kept", "also") == ["yes", "kept"]


def test_a_second_stack_on_the_same_data_is_refused(programs: list[Program], data: Path) -> None:
    programs.append(Program(data))
    first = programs[0].up()
    programs.append(Program(data))
    assert programs[1].line() == f"error the data folder {data} is in use by process {first.process.pid}"
    assert programs[1].process.wait(10) == 1
    assert not gone(first.pids["valkey"])


def test_a_part_that_keeps_dying_ends_the_command(programs: list[Program], data: Path) -> None:
    programs.append(Program(data))
    program = programs[0].up()
    pid = program.pids["pool"]
    for died in range(1, 5):
        os.kill(pid, signal.SIGKILL)
        assert program.line() == f"pool exited with signal 9; restarted ({died} of 5 in 60 s)"
        pid = wait_until(lambda: program.child_of_supervisor("trap"), what="restarted part")
    os.kill(pid, signal.SIGKILL)
    sentence = "pool died 5 times in 60 s; the last time it exited with signal 9"
    assert program.line().startswith("pool | child ")
    assert program.line() == f"{sentence}; stopping"
    assert program.line() == f"error {sentence}"
    assert program.process.wait(10) == 1
    program.assert_nothing_left()


def answers(client: "redis.Redis[str]") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
