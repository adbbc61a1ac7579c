"""celery-director's periodic workflows, replayed: what they start, when, and how that looks in `/api`."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.contract.test_director import FOLDER, UUID, assert_same, lab, neutral, recording, send
from tests.serving import Served, serving
from tests.valkey import valkey_url as valkey_url  # a fixture
from tests.waiting import wait_until
from umbel.definition import load_catalog

ENTRY = re.compile(r"periodic-(lab\.\w+)-.* <(?:freq: ([\d.]+) seconds|crontab: (.*) \(m/h/dM/MY/d\))>")


class Clock:
    # 65 s in which our ticks, at multiples of 10 and 15 s, are as many as beat's, which count from its start.
    at = round(datetime.fromisoformat("2026-11-22T17:04:39+00:00").timestamp() * 1000)

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock, valkey_url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(FOLDER / "lab", tmp_path, f"{valkey_url[:-1]}6", now=clock) as served:
        yield served


def test_schedules_are_those_of_beat() -> None:
    catalog = load_catalog(FOLDER / "lab")
    for line in recording("beat-schedule")["entries"]:
        if match := ENTRY.search(line):
            name, seconds, crontab = match.groups()
            schedule = catalog.definitions[name].schedule
            assert schedule is not None
            expected = f"every {float(seconds):g} s" if seconds else f"{crontab} UTC"
            assert schedule.spec == expected
            assert json.dumps(dict(schedule.payload)).replace('"', "'") in line
        else:
            assert "cleanup({'lab.RETENTION': 2})" in line
    retention = catalog.definitions["lab.RETENTION"].retention
    assert retention is not None
    assert retention.runs == 2


def test_runs_of_schedules_look_as_recorded(server: Served, clock: Clock) -> None:
    scheduler, store = server.umbel.keeper.schedule, server.umbel.store
    wait_until(lambda: len(store.schedules()) == 4, what="first look at the schedules")
    recorded = recording("periodic-list-after-75s-of-beat")
    for _ in range(13):
        clock.at += 5000
        scheduler.wake()
        wait_until(
            lambda: all((row.next_at or 0) > clock.at for row in store.schedules().values()), what="runs of this tick"
        )
    said = recorded["response"]["body"]
    wait_until(lambda: len(server.messages) == len(said), what="launch of all runs")
    server.work(lab)
    for row in server.http.get("/api/workflows").json():
        server.settled(row["id"])

    def shapes(rows: list[dict[str, object]]) -> Counter[str]:
        return Counter(neutral(json.dumps(row, sort_keys=True)) for row in rows)

    answer = send(server, recorded)
    assert answer.status_code == recorded["response"]["status"]
    assert shapes(answer.json()) == shapes(said)

    relaunch = recording("periodic-relaunch")
    first = next(row for row in answer.json() if row["name"] == "PERIODIC_INTERVAL")
    assert_same(send(server, relaunch, UUID.sub(first["id"], relaunch["request"]["path"])), relaunch)
