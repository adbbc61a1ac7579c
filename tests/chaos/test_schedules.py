"""Two real servers follow one schedule; the one that leads is killed: one run for each second all the same."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.valkey import valkey_url as valkey_url  # a fixture
from tests.waiting import wait_until
from umbel.keeper.schedule import run_id_of
from umbel.store import Store, tables

pytestmark = pytest.mark.chaos

NAME = "demo.TICK"


@pytest.fixture
def servers(tmp_path: Path, valkey_url: str) -> Iterator[dict[int, "subprocess.Popen[str]"]]:
    """By process id; they share one database."""
    (tmp_path / "workflows.yml").write_text(f"{NAME}: {{tasks: [A], periodic: {{interval: 1}}}}\n")
    environment = {
        **os.environ,
        "UMBEL_STATE_URL": f"{valkey_url[:-1]}12",
        "UMBEL_BROKER_URL": valkey_url.replace("unix://", "redis+socket://").replace("db=0", "virtual_host=13"),
        "UMBEL_DATABASE_URL": f"sqlite:///{tmp_path}/umbel.db",
    }
    command = [sys.executable, "-m", "umbel", "server", "--port", "0", "--home", str(tmp_path)]
    with ExitStack() as stack:
        found = {}
        for _ in range(2):
            process = stack.enter_context(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            found[process.pid] = process
        yield found


def test_each_second_starts_one_run(servers: dict[int, "subprocess.Popen[str]"], tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/umbel.db")

    def leader() -> int | None:
        with store.database.read() as connection:
            owner = connection.scalar(select(tables.leases.c.owner))
        return int(owner.split()[0].rpartition(":")[2]) if owner else None

    def runs() -> list[str]:
        with store.database.read() as connection:
            return list(connection.scalars(select(tables.runs.c.id)))

    def at_least(count: int) -> bool:
        return len(runs()) >= count

    store.database.upgrade()  # as the servers do
    wait_until(lambda: at_least(3), 30, "runs of the first leader")
    first = leader()
    assert first in servers
    servers[first].send_signal(signal.SIGKILL)
    before = len(runs())
    wait_until(lambda: leader() not in (first, None), 20, "another leader")
    wait_until(lambda: at_least(before + 10), 20, "runs of the second leader")
    with store.database.read() as connection:  # one picture of both
        found = set(connection.scalars(select(tables.runs.c.id)))
        newest = connection.execute(select(tables.schedules.c.last_at)).scalar_one() // 1000
    seconds = sorted(second for second in range(newest - 120, newest + 1) if run_id_of(NAME, second * 1000) in found)
    assert len(seconds) == len(found), "no run is of anything but a tick"
    assert seconds == list(range(seconds[0], newest + 1)), "no tick was left out"
    store.close()
