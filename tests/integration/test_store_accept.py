"""Accepting runs on real databases. Proves its part of [U-1]: what `accept` returned is on disk."""

import sqlite3
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError

from tests.histories import DIAMOND, NOW, new_run
from tests.postgres import database_url, new_database, postgres
from umbel.errors import HistoryUnavailable, IdempotencyConflict
from umbel.machine import RunState
from umbel.store import IdempotencyKey, Limit, Store

__all__ = ["database_url", "new_database", "postgres"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "umbel.db"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    one = Store(database_url)
    one.database.upgrade()
    yield one
    one.close()


@pytest.fixture
def in_file(path: Path) -> Iterator[Store]:
    """What is SQLite's own."""
    one = Store(f"sqlite:///{path}")
    one.database.upgrade()
    yield one
    one.close()


def test_an_accepted_run_can_be_read_from_another_connection(store: Store, database_url: str) -> None:
    accepted = store.accept(new_run(comment="first", relaunch_of=str(uuid.uuid4())))
    assert accepted.created
    other = create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with other.connect() as connection:
        found = connection.exec_driver_sql("SELECT id, state, settled, last_seq FROM runs").all()
        assert [tuple(row) for row in found] == [(accepted.run.id, "pending", False, 0)]
    other.dispose()
    assert store.run(accepted.run.id) == accepted.run
    assert accepted.run.state is RunState.PENDING
    assert store.plan(DIAMOND.hash) == DIAMOND


def test_commits_are_flushed_to_disk(in_file: Store) -> None:
    """WAL with synchronous=NORMAL would lose the last commits at a power cut."""
    for connect in (in_file.database.read, in_file.database.write):
        with connect() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_writer_that_reads_first_is_not_overtaken_by_another_process(in_file: Store, path: Path) -> None:
    """Else its own write would fail at once, however long it was ready to wait (SQLITE_BUSY_SNAPSHOT)."""
    with in_file.database.write() as connection:
        assert connection.exec_driver_sql("SELECT value FROM counters").scalar() == 0
        other = sqlite3.connect(path, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("UPDATE counters SET value = 5")
        other.close()
        connection.exec_driver_sql("UPDATE counters SET value = 6")
    assert in_file.last_event() == 6


def test_many_threads_share_transactions_and_each_gets_its_own_answer(store: Store) -> None:
    commits = 0
    write = store.database.write

    def counted():  # type: ignore[no-untyped-def]
        nonlocal commits
        commits += 1
        return write()

    store.database.write = counted  # type: ignore[method-assign]
    together = threading.Barrier(16)

    def some(_: int) -> list[str]:
        together.wait()
        ids = []
        for _ in range(25):
            new = new_run()
            accepted = store.accept(new)
            assert accepted.created
            assert accepted.run.id == new.id
            ids.append(new.id)
        return ids

    with ThreadPoolExecutor(16) as pool:
        ids = [run_id for part in pool.map(some, range(16)) for run_id in part]
    assert len(set(ids)) == 400
    assert all(store.run(run_id) for run_id in ids)
    assert commits < 300, "runs that wait together must be committed together"


def test_one_key_makes_one_run_however_many_ask_at_once(store: Store) -> None:
    key = IdempotencyKey("k", "demo", "hash-1")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: store.accept(new_run(key=key)), range(40)))
    assert [answer.created for answer in answers].count(True) == 1
    assert len({answer.run.id for answer in answers}) == 1
    again = store.accept(new_run(key=key))
    assert (again.created, again.run.id) == (False, answers[0].run.id)


def test_the_same_key_with_another_request_is_refused_and_hurts_nobody_else(store: Store) -> None:
    store.accept(new_run(key=IdempotencyKey("k", "demo", "hash-1")))
    with pytest.raises(IdempotencyConflict):
        store.accept(new_run(key=IdempotencyKey("k", "demo", "hash-2")))
    assert store.accept(new_run(key=IdempotencyKey("k", "other", "hash-2"))).created


def test_what_cannot_be_written_fails_alone(store: Store) -> None:
    """One batch is made to hold two bad runs and two good ones."""
    taken = store.accept(new_run()).run.id
    news = [new_run(run_id=taken), new_run(), new_run(), new_run(comment="\ud800")]
    errors: list[Exception] = []

    def accept(new) -> None:  # type: ignore[no-untyped-def]
        try:
            store.accept(new)
        except (IntegrityError, UnicodeEncodeError) as error:
            errors.append(error)

    with store.database.write():  # holds the writer's turn, so that all queue up
        threads = [threading.Thread(target=accept, args=(new,)) for new in news]
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(type(error).__name__ for error in errors) == ["IntegrityError", "UnicodeEncodeError"]
    assert all(store.run(new.id) for new in news[:3])


def test_a_database_that_is_gone_is_said_to_every_caller(store: Store) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE runs RENAME TO elsewhere")
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(store.accept, new_run()) for _ in range(24)]
        for future in futures:
            with pytest.raises(HistoryUnavailable):
                future.result(10)
    with store.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO runs")
    assert store.accept(new_run()).created


def test_no_database_at_all(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/missing/umbel.db")
    with pytest.raises(HistoryUnavailable, match="unable to open"):
        store.accept(new_run(NOW))
    store.close()


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("this is not a database, but it is long enough to look at" * 20)
    store = Store(f"sqlite:///{path}")
    with pytest.raises(HistoryUnavailable, match="not a database"):
        store.database.upgrade()
    store.close()


def test_a_tick_of_a_schedule_keeps_to_the_limit(store: Store) -> None:
    lease = store.take_lease("leader", "me", 0, 1000)
    assert lease is not None
    store.arrange(lease, "demo.PIPELINE", "spec", 100)
    refuse, wait = Limit("k", 1, "skip"), Limit("k", 1, "queue")
    store.accept(new_run(limit=refuse))
    ticked = store.tick(lease, "demo.PIPELINE", 100, 100, 200, new_run(limit=refuse))
    row = store.schedules()["demo.PIPELINE"]
    assert (ticked.outcome, ticked.run, row.next_at, row.skipped_why) == ("limit", None, 200, "limit")
    waits = store.tick(lease, "demo.PIPELINE", 200, 200, 300, new_run(limit=wait))
    assert waits.run is not None
    assert (waits.outcome, waits.run.held) == ("started", True)
    assert store.release_held() == []
    assert [run.id for run in store.unlaunched_runs(NOW + 1)] != [waits.run.id]


def test_limits_within_one_transaction(store: Store) -> None:
    """Many callers share one: those that come together count too."""
    limit = Limit("k", 2, "queue")
    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(lambda n: store.accept(new_run(NOW + n, limit=limit)).run, range(20)))
    assert sum(not run.held for run in accepted) == 2
    assert sum(store.run(run.id).held for run in accepted) == 18  # type: ignore[union-attr]
