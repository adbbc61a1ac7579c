"""The disk is full: new runs are refused, what runs waits, nothing is damaged, all goes on with room. [U-1] [U-2]"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.chaos.lab import PROJECT
from tests.waiting import wait_until
from umbel.client import Client
from umbel.stack.options import StackOptions
from umbel.stack.run import run_stack

pytestmark = [pytest.mark.chaos, pytest.mark.long]

SIZE = "48m"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "umbel-test", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"needs a file system of its own, and mount says: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(path: Path) -> None:
    """Takes all the room that is left."""
    size = 1 << 20
    with path.open("wb", buffering=0) as file:
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


def test_a_full_disk(disk: Path, tmp_path: Path) -> None:
    options = StackOptions(
        project=PROJECT,
        data=disk / "data",
        port=0,
        start=frozenset({"server", "worker"}),
        worker_args=("-c", "2", "--loglevel", "INFO"),
        env={**os.environ, "LAB_HOME": str(tmp_path)},
    )
    (tmp_path / "ledger").touch()
    with run_stack(options, lambda line: None) as stack, Client(stack.urls.server) as client:
        pids = stack.pids
        run = client.start_run("lab.DIAMOND", {"hold": ["A"]}).id
        wait_until(lambda: "start A" in (tmp_path / "ledger").read_text(), 30, "A to start")
        fill(disk / "ballast")

        body = {"definition": "lab.ONE", "payload": {"text": "x" * 10_000}}
        refused = wait_until(
            lambda: (answer := httpx.post(f"{stack.urls.server}/api/v1/runs", json=body)).status_code != 201 and answer,
            30,
            "refusal of new runs",
        )
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        (tmp_path / f"{run}.A.go").touch()
        wait_until(lambda: "end A" in (tmp_path / "ledger").read_text(), 30, "A to end")

        (disk / "ballast").unlink()
        assert client.wait_for_run(run, timeout=30).state == "success"
        assert client.start_run("lab.ONE", {}, wait=20).state == "success"
        assert [line.split()[0] for line in (tmp_path / "ledger").read_text().splitlines() if run in line].count(
            "end"
        ) == 4
        # Celery ends a worker to which Redis, as the broker, says MISCONF; it is started again.
        assert {name: stack.pids[name] for name in ("valkey", "server")} == {
            name: pids[name] for name in ("valkey", "server")
        }, "a part died of it"
    engine = create_engine(stack.urls.database)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    engine.dispose()
