"""The exit status of `umbel worker`, and what it says when it cannot work."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.valkey import valkey, valkey_url
from tests.waiting import wait_until
from umbel.engine.engine import Engine
from umbel.settings import load_settings

__all__ = ["valkey", "valkey_url"]

WORKER = [sys.executable, "-W", "ignore", "-m", "umbel", "worker", "-P", "solo", "--without-mingle", "--without-gossip"]


def environment(home: Path, state: str, **more: str) -> dict[str, str]:
    broker = f"{state[:-1]}7".replace("unix://", "redis+socket://").replace("db=", "virtual_host=")
    return {**os.environ, "UMBEL_HOME": str(home), "UMBEL_STATE_URL": state, "UMBEL_BROKER_URL": broker, **more}


def refused(home: Path, state: str, **more: str) -> tuple[int, str]:
    """Status and output of a worker that ends by itself."""
    env = environment(home, state, **more)
    done = subprocess.run(WORKER, env=env, cwd=home, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("name", "known"), [("UMBEL_STATE_URL", "redis://host:port/db"), ("UMBEL_BROKER_URL", "No such transport: foo")]
)
def test_an_address_of_an_unknown_kind(tmp_path: Path, valkey_url: str, name: str, known: str) -> None:
    status, said = refused(tmp_path, valkey_url, **{name: "foo://user:secret@x"})
    assert status == 1
    assert said.startswith(f"umbel: {name}")
    assert known in said
    assert "secret" not in said
    assert "Traceback" not in said


def test_a_task_module_that_cannot_be_imported(tmp_path: Path, valkey_url: str) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "broken.py").write_text("import nothing_of_this_name\n")
    status, said = refused(tmp_path, valkey_url)
    assert status == 1
    assert said.startswith("umbel: tasks/broken.py: cannot be imported: ModuleNotFoundError")


def test_an_error_that_ends_a_worker_is_in_its_status(tmp_path: Path, valkey_url: str) -> None:
    """Celery logs it, and gives it to nobody but click."""
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "fatal.py").write_text(
        "def fail(*_): raise ValueError('no way')\nfrom celery.apps.worker import Worker\nWorker.on_start = fail\n"
    )
    status, said = refused(tmp_path, valkey_url)
    assert status == 1
    assert "Unrecoverable error: ValueError('no way')" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_ends_with_0(
    tmp_path: Path, valkey_url: str, valkey: object, number: signal.Signals
) -> None:
    engine = Engine.open(load_settings(state_url=valkey_url))
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*WORKER, "--loglevel", "INFO"],
            env=environment(tmp_path, valkey_url, APP="somebody.elses"),  # Celery takes it for --app
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: engine.workers() and " ready." in log.read_text(), 30, "ready worker")
        process.send_signal(number)
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
        engine.close()
