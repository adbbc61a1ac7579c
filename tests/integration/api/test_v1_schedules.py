"""Schedules through the API, by a clock that the test moves; the loops are the server's own."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Served, serving
from tests.waiting import wait_until
from umbel.client import Client
from umbel.errors import DefinitionNotFound, ScheduleNotFound

START = 1_800_000_000_000  # 2027-01-15T08:00:00Z
WORKFLOWS = """
demo.CRON: {tasks: [A], schedule: {cron: 30 9 * * mon-fri, timezone: Europe/Berlin, catchup: last, overlap: skip}}
demo.TICK: {tasks: [A], periodic: {interval: 10, payload: {from: beat}}, defaults: {size: 1}}
demo.ONE: {tasks: [A]}
demo.BROKEN: {tasks: [A], periodic: {interval: soon}}
"""


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock, valkey_url: str, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "workflows.yml").write_text(WORKFLOWS)
    with serving(tmp_path, tmp_path, f"{valkey_url[:-1]}5", now=clock) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[Client]:
    with Client(str(server.http.base_url), token="") as one:
        yield one


def arranged(server: Served, *names: str) -> None:
    wait_until(lambda: set(names) <= server.umbel.store.schedules().keys(), what="first look at the schedules")


def tick(server: Served, clock: Clock, seconds: float) -> None:
    """Lets time pass, and the scheduler see it."""
    clock.at += round(seconds * 1000)
    server.umbel.keeper.schedule.wake()


def test_what_is_scheduled_and_when(server: Served, client: Client) -> None:
    arranged(server, "demo.CRON", "demo.TICK")
    found: dict[str, Any] = server.http.get("/api/v1/schedules").json()
    cron, tick = found["items"]
    assert cron == {
        "definition": "demo.CRON",
        "crontab": "30 9 * * mon-fri",
        "interval": None,
        "timezone": "Europe/Berlin",
        "catchup": "last",
        "overlap": "skip",
        "payload": {},
        "next": [f"2027-01-{day}T08:30:00.000Z" for day in (15, 18, 19, 20, 21)],
        "paused": False,
        "last_at": None,
        "last_run": None,
        "skipped_at": None,
        "skipped_why": None,
    }
    assert (tick["definition"], tick["interval"], tick["payload"]) == ("demo.TICK", 10.0, {"from": "beat"})
    shown = client.get_definition("demo.TICK").schedule
    assert shown is not None
    assert (shown.interval, len(shown.next)) == (10.0, 5)
    assert client.get_definition("demo.ONE").schedule is None


def test_a_tick_runs_to_its_end(server: Served, client: Client, clock: Clock) -> None:
    arranged(server, "demo.TICK")
    tick(server, clock, 10)
    wait_until(lambda: server.messages, what="message of the scheduled run")
    server.work(lambda call: call.payload)
    (schedule,) = [each for each in client.list_schedules().items if each.definition == "demo.TICK"]
    assert schedule.last_run is not None
    server.settled(schedule.last_run)
    run = client.get_run(schedule.last_run)
    assert (run.periodic, run.state, run.result) == (True, "success", {"size": 1, "from": "beat"})


def test_pause_and_resume(server: Served, client: Client, clock: Clock) -> None:
    arranged(server, "demo.TICK")
    paused = client.pause_schedule("demo.TICK")
    assert (paused.paused, paused.next) == (True, [])
    assert client.pause_schedule("demo.TICK") == paused
    tick(server, clock, 25)
    looked = threading.Event()
    server.umbel.keeper.schedule._now = lambda: (looked.set(), clock.at)[1]  # type: ignore[func-returns-value]
    assert looked.wait(10)
    resumed = client.resume_schedule("demo.TICK")
    assert (resumed.paused, resumed.next[0].timestamp() * 1000) == (False, START + 30_000)
    assert client.list_runs().items == []
    tick(server, clock, 5)
    wait_until(lambda: client.list_runs().items, what="run after the pause")
    assert len(client.list_runs().items) == 1


def test_what_has_no_schedule_cannot_be_paused(client: Client) -> None:
    with pytest.raises(ScheduleNotFound):
        client.pause_schedule("demo.ONE")
    with pytest.raises(DefinitionNotFound):
        client.resume_schedule("demo.NONE")
