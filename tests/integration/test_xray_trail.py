"""The trail of a run in the store: written in batches, capped, gone after a day; and MONITOR, through a restart."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.valkey import valkey as valkey  # fixtures
from tests.valkey import valkey_url as valkey_url
from tests.waiting import wait_until
from umbel.engine import trail
from umbel.engine.engine import Engine
from umbel.engine.keys import prefix
from umbel.settings import Settings, load_settings
from umbel.stack.monitor.recorder import Recorder
from umbel.stack.ports import free_ports

RUN = "f530540e-0b77-4c5b-89d0-8fc09047d2bd"


@pytest.fixture
def settings(valkey_url: str, valkey: "redis.Redis") -> Settings:
    return load_settings(state_url=valkey_url)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    one = Engine.open(settings)
    yield one
    one.close()


@pytest.fixture
def written(settings: Settings) -> Iterator[trail.Trail]:
    one = trail.Trail(settings)
    yield one
    one.close()


def test_a_trail(engine: Engine, written: trail.Trail, valkey: "redis.Redis") -> None:
    assert engine.trail(RUN) == trail.Found([], 0)
    for number in range(3):
        written.note(RUN, {"k": "call", "t": number, "text": "\ud800" if number else "é"})
    wait_until(lambda: engine.trail(RUN).left_out == 2, 5, "the two records that have no form in JSON")
    written.say(RUN, {"k": "call", "t": 9})
    assert [each["t"] for each in engine.trail(RUN).records] == [0, 9]
    assert 0 < valkey.ttl(trail.name_of(RUN, 1)) <= trail.TTL
    assert valkey.zrange(f"{prefix(0)}traces", 0, -1) == [RUN.encode()]
    assert 0 < valkey.ttl(f"{prefix(0)}traces") <= trail.TTL


def test_what_does_not_fit_is_counted(engine: Engine, written: trail.Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MOST_BYTES", 100)
    for _ in range(10):
        written.note(RUN, {"k": "call", "t": 1, "text": "x" * 20})
    written.flush()
    found = engine.trail(RUN)
    assert (len(found.records), found.left_out) == (2, 8)


def test_the_oldest_trails_make_room(
    engine: Engine, written: trail.Trail, valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "KEPT", 2)
    for run in ("a", "b", "c"):
        written.say(run, {"k": "call", "t": 1})
        valkey.zadd(f"{prefix(0)}traces", {run: ord(run)})
    assert [bool(engine.trail(run).records) for run in ("a", "b", "c")] == [False, True, True]


def test_a_store_that_is_away_stops_nobody(tmp_path: Path) -> None:
    lost = trail.Trail(load_settings(state_url=f"unix://{tmp_path}/nobody", store_timeout=0.2))
    lost.note(RUN, {"k": "call", "t": 1})
    lost.flush()
    lost.close()


def recorded(engine: Engine) -> list[dict[str, Any]]:
    return [each for each in engine.trail(RUN).records if each["c"] == "SET"]


def test_the_monitor(settings: Settings, engine: Engine, valkey: "redis.Redis") -> None:
    (port,) = free_ports(1)
    valkey.config_set("bind", "127.0.0.1")
    valkey.config_set("port", port)
    listening = Recorder(port, trail.Trail(settings))
    listening.start()
    try:
        message = {"body": "", "headers": {"id": "t", "umbel": {"run": RUN}}, "properties": {"delivery_tag": "x"}}

        def told() -> bool:
            """It may not be listening yet."""
            valkey.set(f"{prefix(0)}run:{RUN}", "1")
            return bool(recorded(engine))

        wait_until(told, 10, "MONITOR")
        valkey.lpush("celery", json.dumps(message))
        valkey.client_kill_filter(_type="normal", skipme=True)  # every other connection, MONITOR's too
        before = len(recorded(engine))
        wait_until(lambda: told() and len(recorded(engine)) > before, 10, "MONITOR again")
        found = engine.trail(RUN).records
        assert [each["i"] for each in found if each["c"] == "LPUSH"] == ["t"]
        assert not any(":trace" in word for each in found for word in each["a"])
    finally:
        listening.stop()
        valkey.config_set("port", 0)
    assert not listening.is_alive()
