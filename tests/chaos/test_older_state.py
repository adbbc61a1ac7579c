"""A state store that comes back older: nothing that the history knows is done again. [U-1] [U-5] [U-9]"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.lab import PROJECT
from tests.waiting import wait_until
from umbel.client import Client
from umbel.service.models import Run
from umbel.stack.options import StackOptions
from umbel.stack.run import Stack, run_stack

pytestmark = [pytest.mark.chaos, pytest.mark.long]


class Site:
    """A whole stack whose tasks write a ledger."""

    def __init__(self, stack: Stack, home: Path, client: Client) -> None:
        self.stack = stack
        self.home = home
        self.client = client

    def start(self, *hold: str) -> Run:
        return self.client.start_run("lab.DIAMOND", {"hold": list(hold)})

    def let_go(self, run: Run, *tasks: str) -> None:
        for task in tasks:
            (self.home / f"{run.id}.{task}.go").touch()

    def starts(self, run: Run) -> list[str]:
        lines = (self.home / "ledger").read_text().splitlines()
        return sorted(task for word, task, of, *_ in map(str.split, lines) if word == "start" and of == run.id)

    def waits_in(self, run: Run, *tasks: str) -> None:
        """Until the bodies of these run, and the history has all that came before."""
        wait_until(lambda: set(tasks) <= set(self.starts(run)), 30, f"{tasks} to start")
        wait_until(lambda: {self.state(run, task) for task in tasks} == {"running"}, 30, f"{tasks} in the history")

    def state(self, run: Run, task: str) -> str:
        return next(each.state for each in self.client.get_run(run.id).tasks if each.key == task)

    def ends(self, run: Run) -> None:
        assert self.client.wait_for_run(run.id, timeout=40).state == "success"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    options = StackOptions(
        project=PROJECT,
        data=tmp_path / "data",
        port=0,
        start=frozenset({"server", "worker"}),
        no_restart=frozenset({"valkey"}),
        worker_args=("-c", "4", "--loglevel", "INFO"),
        env={**os.environ, "LAB_HOME": str(tmp_path)},
    )
    (tmp_path / "ledger").touch()
    with run_stack(options, lambda line: None) as stack, Client(stack.urls.server) as client:
        yield Site(stack, tmp_path, client)


def test_an_older_append_only_file(site: Site, tmp_path: Path) -> None:
    """Runs that have ended since stay so, runs that went on since keep what they did, runs accepted since begin."""
    aof, copy = tmp_path / "data/valkey/appendonlydir", tmp_path / "copy"
    over, gone_on = site.start("B"), site.start("B", "D")
    for run in (over, gone_on):
        site.waits_in(run, "B")
        wait_until(lambda run=run: site.state(run, "C") == "success", 30, "C to end")  # type: ignore[misc]
    shutil.copytree(aof, copy)

    for run in (over, gone_on):
        site.let_go(run, "B")
    site.ends(over)
    site.waits_in(gone_on, "D")
    begun = site.start("B")
    site.waits_in(begun, "B")

    site.stack.stop("valkey")
    shutil.rmtree(aof)
    shutil.copytree(copy, aof)
    site.stack.start("valkey")
    site.let_go(gone_on, "D")
    site.let_go(begun, "B")

    site.ends(gone_on)
    site.ends(begun)
    site.ends(over)
    for run in (over, gone_on):
        assert {task: site.starts(run).count(task) for task in "ABC"} == {"A": 1, "B": 1, "C": 1}
    assert site.starts(over).count("D") == 1
    assert site.starts(begun).count("A") == 1
    log = site.stack.log_path("server").read_text()
    assert f"run {over.id} is behind" in log
    assert f"run {gone_on.id} is behind" in log
