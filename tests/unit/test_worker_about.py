"""What a worker says of itself: everything once, then only that it lives, until something changes."""

from types import SimpleNamespace
from typing import Any

import pytest

from umbel.celery import about
from umbel.celery.about import About
from umbel.celery.app import make_app
from umbel.celery.process import WORKER_ENV, Process
from umbel.celery.steps import AGAIN, Heart, steps
from umbel.errors import StateUnavailable
from umbel.settings import Settings

SETTINGS = Settings(home="/nowhere", partitions=2, broker_url="redis://:sesam@127.0.0.1:1/0")


class Store:
    """Keeps what it is told; may be away."""

    partitions = range(2)

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, Any]]] = []
        self.away = False

    def beat(self, partition: int, worker: str, info: dict[str, Any], *, leaving: bool) -> None:
        if self.away:
            raise StateUnavailable("away")
        self.told.append((partition, info))

    def take(self) -> list[tuple[int, dict[str, Any]]]:
        told, self.told = self.told, []
        return told


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    monkeypatch.setenv(WORKER_ENV, "w@h~1")
    return Process(make_app(SETTINGS), SETTINGS)


def worker_of(process: Process) -> Any:
    def body() -> None: ...

    process.app.task(name="lib.slow", rate_limit="10/m", shared=False)(body)
    process.app.task(name="lib.quick", shared=False)(body)
    process.app.finalize()
    return SimpleNamespace(
        app=process.app, hostname="w@h", concurrency=3, prefetch_multiplier=4, disable_rate_limits=False
    )


def test_everything_once(process: Process) -> None:
    heart, store = Heart(process, About(process, worker_of(process), "threads")), Store()
    heart._beat(store)  # type: ignore[arg-type]
    (_, full), (_, brief) = store.take()
    assert {"lib.slow", "lib.quick"} <= set(full["tasks"])
    assert full["tasks_total"] == len(full["tasks"])
    assert full["rates"] == {"lib.slow": "10/m"}
    assert (full["concurrency"], full["settings"]["partitions"]) == (3, 2)
    assert "sesam" not in str(full)
    assert brief == {"queues": ["celery"], "prefetch": 12}
    for _ in range(AGAIN - 1):
        heart._beat(store)  # type: ignore[arg-type]
    assert all(info == {} for _, info in store.take())
    heart._beat(store)  # type: ignore[arg-type]
    assert store.take()[0][1] == full, "the state store may have lost it"


def test_what_has_changed_and_what_was_not_heard(process: Process) -> None:
    heart, store = Heart(process, About(process, worker_of(process), "threads")), Store()
    heart._beat(store)  # type: ignore[arg-type]
    store.take()
    process.app.tasks["lib.quick"].rate_limit = "1/s"  # as Celery's remote control does
    store.away = True
    heart._beat(store)  # type: ignore[arg-type]
    store.away = False
    heart._beat(store)  # type: ignore[arg-type]
    assert store.take()[0][1]["rates"] == {"lib.quick": "1/s", "lib.slow": "10/m"}


def test_the_broker_comes_and_goes(process: Process) -> None:
    _, consumer_step = steps(process, lambda pool: None)
    consumer = SimpleNamespace(update_strategies=lambda: None)
    step = consumer_step(consumer)
    step.stop(consumer)
    assert process.broker_lost_at is not None
    step.start(consumer)
    assert process.broker_lost_at is None


def test_its_names_stay_small() -> None:
    assert len(about._bounded([f"task{number}" for number in range(5000)])) == about.MOST_TASKS
    assert sum(map(len, about._bounded(["x" * 1000] * 100))) <= about.MOST_LETTERS
