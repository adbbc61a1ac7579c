"""`umbel schedules` against a stand-in for the server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.fake_server import Fake, fake_server
from umbel.cli.main import app
from umbel.cli.output import console
from umbel.settings import get_settings

PATH = "/api/v1/schedules"
TIMES = [f"2027-01-{day}T08:30:00.000Z" for day in (15, 18, 19, 20, 21)]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    get_settings.cache_clear()
    console.cache_clear()
    monkeypatch.setenv("TZ", "UTC")
    with fake_server() as fake:
        monkeypatch.setenv("UMBEL_URL", fake.url)
        yield fake
    get_settings.cache_clear()
    console.cache_clear()


def schedule(**changes: Any) -> dict[str, Any]:
    return {"definition": "demo.CRON", "crontab": "30 9 * * *", "timezone": "Europe/Berlin", "next": TIMES, **changes}


def umbel(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["schedules", *arguments])
    assert done.exit_code == status, done.output
    return done.output


def test_list(fake: Fake) -> None:
    tick = schedule(definition="demo.TICK", crontab=None, interval=90.0, paused=True, next=[])
    fake.on(f"GET {PATH}", {"items": [schedule(last_at=TIMES[0], last_run="the-run"), tick]})
    head, cron, paused = umbel().splitlines()
    assert head.split() == ["NAME", "WHEN", "LAST", "RUN", "NEXT"]
    assert cron.startswith("demo.CRON  30 9 * * * Europe/Berlin  ")
    assert "the-run" in cron
    assert cron.count("2027-01-") == 6
    assert paused.split() == ["demo.TICK", "every", "90", "s", "paused"]


def test_json(fake: Fake) -> None:
    fake.on(f"GET {PATH}", {"items": [schedule()]})
    assert json.loads(umbel("--json"))["items"][0]["next"] == TIMES


def test_nothing_is_scheduled(fake: Fake) -> None:
    fake.on(f"GET {PATH}", {"items": []})
    assert umbel() == "no schedules\n"


def test_pause_and_resume(fake: Fake) -> None:
    fake.on(f"POST {PATH}/demo.CRON/pause", schedule(paused=True, next=[]))
    assert umbel("pause", "demo.CRON") == "demo.CRON is paused\n"
    fake.on(f"POST {PATH}/demo.CRON/resume", schedule())
    assert umbel("resume", "demo.CRON").startswith("demo.CRON is started next at 2027-01-15 ")
    assert json.loads(umbel("resume", "demo.CRON", "--json"))["paused"] is False
