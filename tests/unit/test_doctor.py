"""`umbel doctor`: what each part's facts make it say, that it never hangs and never tells a password."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import umbel
from umbel.celery.address import shown
from umbel.celery.probe import BrokerFacts
from umbel.celery.survival.record import ServerFacts
from umbel.engine.probe import StoreFacts
from umbel.errors import StateUnavailable
from umbel.plan.model import Node, Plan
from umbel.service.doctor import broker, examine, fleet, history, machine, state
from umbel.service.doctor.examine import Told, warning
from umbel.service.models import WorkerView, instant
from umbel.service.models.health import Finding
from umbel.settings import Settings
from umbel.store.probe import HistoryFacts

SETTINGS = Settings(home="/nowhere")


def ids(found: Iterable[Finding]) -> list[str]:
    return [each.id for each in found]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"version": "6.2.14"}, ["state-version"]),
        ({"name": "Valkey", "version": "9.1.2"}, []),
        ({"policy": "allkeys-lru"}, ["state-evicts"]),
        ({"refuses": "OOM command not allowed"}, ["state-refuses-writes"]),
        ({"maxmemory": 100, "used": 90}, ["state-memory"]),
        ({"confirmed": False}, ["state-closed"]),
        ({"aof": False, "snapshots": "3600 1"}, ["state-not-persistent"]),
        ({"fsync": "no"}, ["state-fsync"]),
        ({"fsync": None, "timeout": None}, []),
        ({"timeout": 300}, ["state-timeout"]),
        ({"offset": -2500.0}, ["state-clock"]),
        ({"latency": 80.0}, ["state-slow"]),
    ],
)
def test_the_state_store(facts: dict[str, Any], expected: list[str]) -> None:
    assert ids(state.judge(StoreFacts(**facts))) == expected


@pytest.mark.parametrize(
    ("facts", "kind", "free", "expected"),
    [
        ({"journal": "wal"}, "ext4", 1 << 40, []),
        ({"journal": "wal", "revision": "a", "needed": "b"}, "ext4", None, ["history-schema"]),
        ({"journal": "delete"}, "ext4", None, ["history-journal"]),
        ({"journal": "wal"}, "nfs4", None, ["history-network-disk"]),
        ({"journal": "wal"}, "ext4", 1 << 20, ["disk-full"]),
        ({"kind": "PostgreSQL", "commit": "off"}, "", None, ["history-commit"]),
        ({"kind": "PostgreSQL", "commit": "on", "offset": 3000.0}, "", None, ["history-clock"]),
    ],
)
def test_the_database(facts: dict[str, Any], kind: str, free: int | None, expected: list[str]) -> None:
    assert ids(history.judge(HistoryFacts(**facts), kind, free)) == expected


def test_the_broker() -> None:
    server = ServerFacts(version="7", policy="volatile-lru", maxmemory=0, aof=True, snapshots="", replicas=0)
    assert ids(broker.judge(BrokerFacts("redis://x/0", "redis", server, has_mark=True))) == [
        "one-redis-database",
        "broker-evicts",
    ]
    assert ids(broker.judge(BrokerFacts("amqp://x", "amqp", None, has_mark=False))) == []


def test_versions_and_settings() -> None:
    tested = {"celery": "5.7.1", "kombu": "5.7.0", "redis": "8.1.4"}
    assert ids(machine.judge_versions(tested)) == []
    assert ids(machine.judge_versions({**tested, "celery": "5.4.0"})) == ["version-too-old"]
    assert ids(machine.judge_versions({**tested, "redis": "9.0.0"})) == ["version-untested"]
    assert ids(machine.judge_settings(Settings(host="0.0.0.0", lease=4), [])) == ["open-to-all", "lease-too-short"]
    assert ids(machine.judge_settings(SETTINGS, ["x.Y"])) == ["secret-key-missing"]
    assert ids(machine.judge_settings(Settings(secret_key="k"), ["x.Y"])) == []


PLAN = Plan("x.Y", (Node(0, "A", "tasks.a"), Node(1, "B", "tasks.b", queue="gpu")))
FITTING: dict[str, Any] = {
    "name": "w@h",
    "alive": True,
    "last_seen": instant(0),
    "queues": ["celery", "gpu"],
    "tasks": ["tasks.a", "tasks.b"],
    "tasks_total": 2,
    "version": umbel.__version__,
    "broker": shown("redis://localhost:6379/0"),
    "settings": {"partitions": 1, "lease": 8.0},
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"version": "0.0.1"}, ["worker-version"]),
        ({"settings": {"partitions": 4, "lease": 9.0}}, ["worker-settings", "worker-settings"]),
        ({"broker": "redis://elsewhere:6379/0"}, ["worker-broker"]),
        ({"broker_lost_at": instant(0)}, ["worker-without-broker"]),
        ({"queues": ["celery"]}, ["queue-without-worker"]),
        ({"tasks": ["tasks.b"], "tasks_total": 1}, ["task-without-worker"]),
    ],
)
def test_the_workers(changed: dict[str, Any], expected: list[str]) -> None:
    worker = WorkerView(**{**FITTING, **changed})
    assert ids(fleet.judge(SETTINGS, [worker], {"x.Y": PLAN})) == expected


def test_no_worker() -> None:
    assert ids(fleet.judge(SETTINGS, [], {"x.Y": PLAN})) == ["no-worker"]


def test_workers_that_nobody_can_ask_for_are_no_finding() -> None:
    nowhere = Settings(home="/nowhere", state_url="redis://127.0.0.1:1/0")
    assert fleet.check(nowhere, {}) == Told("not known, since the state store does not answer")


def test_lag() -> None:
    assert history.behind("5000-1", "2000-0") == 3000
    assert history.behind("0-0", "0-0") == 0
    assert history.behind("2000-0", "5000-0") == 0


def _raise(error: Exception) -> Callable[[], Told]:
    def check() -> Told:
        raise error

    return check


def test_it_ends_in_time_and_says_who_does_not_answer_and_no_password() -> None:
    settings = Settings(
        home="/nowhere",
        broker_url="redis://:p%40ss@h:1/0",
        database_url="postgresql://u:geheim@h/x",
        state_url="redis://:sesam@h/1",
    )
    open_to_all = threading.Event()
    checks = {
        "broker": lambda: Told(f"waited {open_to_all.wait(30)}"),
        "state store": _raise(StateUnavailable("redis://:sesam@h/1 is away; p@ss")),
        "database": _raise(ValueError("postgresql://u:geheim@h/x")),
        "workers": lambda: Told("fine; sesam", (warning("x", "geheim", "why", "fix"),)),
    }
    try:
        found = examine(checks, settings, patience=0.2)
    finally:
        open_to_all.set()
    assert not found.ok
    assert [each.id for each in found.findings] == [
        "broker-silent",
        "state-store-unavailable",
        "database-unchecked",
        "x",
    ]
    text = found.model_dump_json()
    assert not any(each in text for each in ("sesam", "geheim", "p@ss", "p%40ss"))
