"""`umbel doctor` on real stores: what they are set to is found, and one that stands still is not waited for."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.integration.test_silent_redis import Silent
from tests.waiting import wait_until
from umbel.engine.incarnation import CONFIRMED
from umbel.errors import StateUnavailable
from umbel.service.doctor import broker, state
from umbel.settings import Settings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Silent]:
    server = Silent(tmp_path)
    try:
        wait_until(server.answers, 20, "answer of Valkey")
        yield server
    finally:
        server.end()


def found(url: str) -> set[str]:
    return {each.id for each in state.check(url, 2.0).findings}


def test_what_a_store_is_set_to(store: Silent) -> None:
    with redis.Redis.from_url(store.url) as client:
        assert found(store.url) - {"state-slow"} == {"state-not-persistent"}
        client.config_set("appendonly", "yes")
        client.config_set("appendfsync", "no")
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("timeout", "300")
        client.set(CONFIRMED, "another life")
        expected = {"state-fsync", "state-evicts", "state-timeout", "state-closed"}
        assert found(store.url) - {"state-slow"} == expected
        told = broker.check(Settings(broker_url=store.url, state_url=store.url), 2.0)
        assert [each.id for each in told.findings] == ["one-redis-database", "broker-evicts"]
        assert client.keys("*umbel-doctor*") == []
        other = Settings(broker_url=store.url[:-1] + "5", state_url=store.url)
        assert [each.id for each in broker.check(other, 2.0).findings] == ["broker-evicts"]
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")
        assert {"state-refuses-writes", "state-memory"} <= found(store.url)
    store.end()
    with pytest.raises(StateUnavailable):
        found(store.url)


def test_it_ends_though_nobody_answers(store: Silent, tmp_path: Path) -> None:
    """A broker that stands still, a state store that no packet reaches, a database that accepts and says nothing."""
    (tmp_path / "workflows.yml").write_text("a.B: {tasks: [A]}\n")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        env = {
            **os.environ,
            "UMBEL_HOME": str(tmp_path),
            "UMBEL_BROKER_URL": store.url.replace("//", "//:sesam@"),
            "UMBEL_STATE_URL": "redis://:sesam@192.0.2.1:6379/1",  # TEST-NET-1, which nobody has
            "UMBEL_DATABASE_URL": f"postgresql://u:geheim@127.0.0.1:{mute.getsockname()[1]}/x",
            "UMBEL_URL": f"http://127.0.0.1:{mute.getsockname()[1]}",
        }
        os.kill(store.process.pid, signal.SIGSTOP)
        since = time.monotonic()
        command = [sys.executable, "-m", "umbel", "doctor", "--timeout", "2", "--json"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        took = time.monotonic() - since
    assert done.returncode == 1, done.stderr
    findings = {each["id"] for each in json.loads(done.stdout)["findings"]}
    for part in ("broker", "state-store", "database"):
        assert findings & {f"{part}-silent", f"{part}-unavailable"}, part
    assert not any(secret in done.stdout + done.stderr for secret in ("sesam", "geheim"))
    assert took < 30, "its start takes a while on a busy machine, its checks two seconds"
