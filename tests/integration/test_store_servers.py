"""Several servers on one database, and a PostgreSQL that comes and goes."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.histories import NOW, diamond, new_run
from tests.postgres import database_url, new_database, postgres, running_postgres
from umbel.errors import HistoryUnavailable, SettingsError
from umbel.plan.model import Node, Plan
from umbel.store import IdempotencyKey, PositionMoved, Store

__all__ = ["database_url", "new_database", "postgres"]


@pytest.fixture
def servers(database_url: str) -> Iterator[list[Store]]:
    """Two of them, each with connections of its own."""
    both = [Store(database_url) for _ in range(2)]
    both[0].database.upgrade()
    yield both
    for each in both:
        each.close()


def test_one_key_makes_one_run_on_whichever_server(servers: list[Store]) -> None:
    together = threading.Barrier(8)

    def ask(number: int) -> list[tuple[bool, str]]:
        together.wait()
        answers = []
        for key in range(10):
            new = new_run(key=IdempotencyKey(f"k{key}", "demo", "hash"))
            answer = servers[number % 2].accept(new)
            answers.append((answer.created, answer.run.id))
        return answers

    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(ask, range(8)))
    for one in zip(*asked, strict=True):
        assert [created for created, _ in one].count(True) == 1
        assert len({run_id for _, run_id in one}) == 1


def test_new_plans_that_come_to_both_at_once(servers: list[Store]) -> None:
    plans = [Plan(f"demo.P{n}", (Node(0, "A", "A"),)) for n in range(30)]
    together = threading.Barrier(2)

    def accept(store: Store, mine: list[Plan]) -> list[str]:
        together.wait()
        with ThreadPoolExecutor(6) as pool:
            return [answer.run.id for answer in pool.map(lambda plan: store.accept(new_run(plan=plan)), mine)]

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(accept, servers, [plans, plans[::-1]]))
    assert all(servers[0].run(run_id) for ids in found for run_id in ids)


def test_two_projectors_of_one_partition_write_each_event_once(servers: list[Store]) -> None:
    """[U-9]"""
    ids = [servers[0].accept(new_run()).run.id for _ in range(12)]
    events = [event for run_id in ids for event in diamond(run_id)]
    together = threading.Barrier(2)
    moved = []

    def project(store: Store) -> None:
        together.wait()
        while (done := int((position := store.position(0)).split("-")[1])) < len(events):
            batch = events[done : done + 5]
            try:
                store.apply(0, batch, position, f"{NOW}-{done + len(batch)}")
            except PositionMoved:
                moved.append(store)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(project, servers))
    assert [event.id for event in servers[0].events_all(0)] == list(range(1, len(events) + 1))
    assert all((run := servers[1].run(run_id)) and run.settled for run_id in ids)


def test_a_lease_has_one_owner_and_a_new_epoch_with_each(servers: list[Store]) -> None:
    together = threading.Barrier(8)

    def take(number: int) -> list[tuple[str, int]]:
        together.wait()
        found = []
        for now in range(20):
            lease = servers[number % 2].take_lease("leader", f"server {number}", now, 1)
            if lease is not None:
                found.append((lease.owner, lease.epoch))
        return found

    with ThreadPoolExecutor(8) as pool:
        taken = [one for part in pool.map(take, range(8)) for one in part]
    owners: dict[int, set[str]] = {}
    for owner, epoch in taken:
        owners.setdefault(epoch, set()).add(owner)
    assert owners
    assert all(len(each) == 1 for each in owners.values())


@pytest.mark.postgres
def test_a_postgresql_that_comes_back_is_found_by_itself() -> None:
    """While it is away everybody is told so; what was accepted before is there afterwards. [U-1]"""
    with running_postgres() as server:
        store = Store(server.database().replace("postgresql:", "postgres:"))
        store.database.upgrade()
        kept = [store.accept(new_run()).run.id for _ in range(5)]
        store.apply(0, diamond(kept[0]), store.position(0), f"{NOW}-11")
        server.stop()
        for ask in (lambda: store.accept(new_run()), lambda: store.position(0), lambda: store.run(kept[0])):
            with pytest.raises(HistoryUnavailable):
                ask()
        server.start()
        assert all(store.run(run_id) for run_id in kept)
        assert (store.position(0), store.last_event()) == (f"{NOW}-11", 11)
        assert store.accept(new_run()).created
        store.close()


def test_without_psycopg_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"pip install 'umbel\[postgres\]'\.$"):
        Store("postgres://umbel@127.0.0.1/umbel")
