"""From a stream into real SQL and to the feed, through every kind of trouble. Proves its part of [U-9]."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.histories import NOW, diamond, new_run
from tests.postgres import database_url, new_database, postgres
from tests.waiting import wait_until
from umbel.errors import HistoryUnavailable, StateUnavailable
from umbel.events import EventRecord
from umbel.keeper import project
from umbel.keeper.feed import Feed
from umbel.keeper.loop import ThreadLoop
from umbel.keeper.project import Projector
from umbel.machine import RunState
from umbel.store import Applied, PositionMoved, Store
from umbel.store.project import START

__all__ = ["database_url", "new_database", "postgres"]


class FakeStream:
    """The engine's stream, in memory. `order` notes what was done to it."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, EventRecord]] = []
        self.forgotten: list[str] = []
        self.order: list[str] = []
        self.down = False
        self._some = threading.Condition()
        self._count = 0

    def add(self, events: Sequence[EventRecord]) -> None:
        with self._some:
            for event in events:
                self._count += 1
                self.entries.append((f"{NOW}-{self._count}", event))
            self._some.notify_all()

    def read_events(self, partition: int, after: str, count: int, block_ms: int) -> list[tuple[str, EventRecord]]:
        if self.down:
            raise StateUnavailable("down")

        def found() -> list[tuple[str, EventRecord]]:
            return [entry for entry in self.entries if project._key(entry[0]) > project._key(after)][:count]

        with self._some:
            self._some.wait_for(found, block_ms / 1000)
            return found()

    def trim_events(self, partition: int, upto: str) -> None:
        self.order.append(f"trim {upto}")
        with self._some:
            self.entries = [entry for entry in self.entries if project._key(entry[0]) >= project._key(upto)]

    def forget(self, runs: list[str]) -> None:
        if self.down:
            raise StateUnavailable("down")
        self.order.append("forget")
        self.forgotten += runs


class Flaky:
    """A store whose `apply` does what the test says first."""

    def __init__(self, store: Store, *, before: Callable[[Any], None] | None = None) -> None:
        self._store = store
        self.before = before
        self.after: Callable[[Any], None] | None = None
        self.sizes: list[int] = []

    def position(self, partition: int) -> str:
        return self._store.position(partition)

    def apply(self, partition: int, events: Sequence[EventRecord], expected: str, new: str) -> Applied:
        if self.before:
            self.before(events)
        applied = self._store.apply(partition, events, expected, new)
        self.sizes.append(len(events))
        if self.after:
            self.after(events)
        return applied


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    one = Store(database_url)
    one.database.upgrade()
    yield one
    one.close()


@pytest.fixture
def running() -> Iterator[Callable[[ThreadLoop], None]]:
    started: list[ThreadLoop] = []

    def start(one: ThreadLoop) -> None:
        started.append(one)
        one.start()

    yield start
    for one in started:
        one.stop()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umbel.keeper.loop.FIRST_BACKOFF", 0.005)
    monkeypatch.setattr("umbel.keeper.loop.MAX_BACKOFF", 0.02)
    monkeypatch.setattr(project, "BLOCK", 0.05)


def complete(store: Store, run_id: str) -> bool:
    run = store.run(run_id)
    return run is not None and run.settled and [event.seq for event in store.events(run_id)] == list(range(1, 12))


def test_events_reach_the_history_and_the_feed_then_the_state_store_may_forget(
    store: Store, running: Callable[[ThreadLoop], None]
) -> None:
    stream, feed = FakeStream(), Feed()
    running(Projector(0, stream, store, feed))
    run_id = store.accept(new_run()).run.id
    with feed.waiter(run_id) as waiter:
        stream.add(diamond(run_id))
        assert waiter.wait(10)
        run = store.run(run_id)
        assert run
        assert run.state is RunState.SUCCESS
    wait_until(lambda: len(stream.entries) == 1 and len(stream.order) >= 2, 10, "cut of the stream")
    assert stream.forgotten == [run_id]
    assert stream.order[0] == "forget"
    assert stream.entries[0][0] == store.position(0), "the newest entry stays: its id is the position"


def test_while_sql_is_down_nothing_is_lost(store: Store, running: Callable[[ThreadLoop], None]) -> None:
    up = threading.Event()
    tries: list[int] = []

    def fail(events: Sequence[EventRecord]) -> None:
        tries.append(len(events))
        if not up.is_set():
            raise HistoryUnavailable("down")

    stream = FakeStream()
    ids = [store.accept(new_run()).run.id for _ in range(3)]
    projector = Projector(0, stream, Flaky(store, before=fail), Feed())
    running(projector)
    for run_id in ids:
        stream.add(diamond(run_id))
    wait_until(lambda: len(tries) >= 3, 10, "third try")
    assert stream.forgotten == []
    assert stream.order == []
    up.set()
    wait_until(lambda: all(complete(store, run_id) for run_id in ids), 10, "complete history")
    assert projector.quarantined == 0


def test_an_answer_lost_after_the_commit_doubles_nothing(store: Store, running: Callable[[ThreadLoop], None]) -> None:
    lost: list[int] = []

    def lose(events: Sequence[EventRecord]) -> None:
        if not lost:
            lost.append(len(events))
            raise HistoryUnavailable("the connection broke after COMMIT")

    stream, history = FakeStream(), Flaky(store)
    history.after = lose
    run_id = store.accept(new_run()).run.id
    stream.add(diamond(run_id))
    feed = Feed()
    with feed.waiter(run_id) as waiter:
        running(Projector(0, stream, history, feed))
        assert waiter.wait(10), "who waits for the end must hear of it even then"
    assert complete(store, run_id)
    assert store.last_event() == 11
    wait_until(lambda: stream.forgotten == [run_id], 10, "forgotten run")


def test_one_event_that_breaks_the_writing_is_passed_over(store: Store, running: Callable[[ThreadLoop], None]) -> None:
    def refuse(events: Sequence[EventRecord]) -> None:
        if any(event.type == "task.log" for event in events):
            raise RuntimeError("no such thing can be written")

    stream = FakeStream()
    run_id = store.accept(new_run()).run.id
    events = diamond(run_id)
    odd = EventRecord(run_id, 99, "task.log", NOW, 0, 1)
    stream.add([*events[:5], odd, *events[5:]])
    projector = Projector(0, stream, Flaky(store, before=refuse), Feed())
    running(projector)
    wait_until(lambda: complete(store, run_id), 10, "complete history")
    wait_until(lambda: projector.quarantined == 1, 10, "count of the bad event")


def test_events_of_unknown_runs_are_counted(store: Store, running: Callable[[ThreadLoop], None]) -> None:
    stream = FakeStream()
    stream.add(diamond("nobody"))
    projector = Projector(0, stream, store, Feed())
    running(projector)
    wait_until(lambda: projector.quarantined == 11, 10, "count of bad events")
    assert projector.errors == 0


def test_two_servers_share_a_partition(store: Store, running: Callable[[ThreadLoop], None]) -> None:
    stream = FakeStream()
    ids = [store.accept(new_run()).run.id for _ in range(30)]
    both = [Projector(0, stream, store, Feed()) for _ in range(2)]
    for one in both:
        running(one)
    for run_id in ids:
        stream.add(diamond(run_id))
    wait_until(lambda: all(complete(store, run_id) for run_id in ids), 20, "complete history")
    assert store.last_event() == 30 * 11
    assert sum(one.projected for one in both) == 30 * 11
    assert [one.errors for one in both] == [0, 0]


def test_a_server_that_is_overtaken_tells_its_subscribers_to_read_again(store: Store) -> None:
    stream, feed = FakeStream(), Feed()
    run_id = store.accept(new_run()).run.id
    stream.add(diamond(run_id))

    def overtake(events: Sequence[EventRecord]) -> None:
        raise PositionMoved

    projector = Projector(0, stream, Flaky(store, before=overtake), feed)
    with feed.waiter(run_id) as waiter:
        projector.turn()
        assert waiter.wait(0)
    assert not projector.wait_caught_up(0.0, 0.0)


def test_a_successor_forgets_what_the_dead_server_had_no_time_to(
    store: Store, running: Callable[[ThreadLoop], None]
) -> None:
    stream = FakeStream()
    run_id, live = (store.accept(new_run()).run.id for _ in range(2))
    stream.add(diamond(run_id))
    stream.add(diamond(live)[:4])
    # The dead one committed, and died before it could forget or cut.
    store.apply(0, [event for _, event in stream.entries], store.position(0), stream.entries[-1][0])
    running(Projector(0, stream, store, Feed()))
    wait_until(lambda: stream.forgotten, 10, "forgotten run")
    wait_until(lambda: len(stream.entries) == 1, 10, "cut of the stream")
    assert stream.forgotten == [run_id]


def test_the_state_store_may_go_away_for_a_while(store: Store, running: Callable[[ThreadLoop], None]) -> None:
    stream = FakeStream()
    projector = Projector(0, stream, store, Feed())
    running(projector)
    stream.down = True
    wait_until(lambda: projector.errors >= 2, 10, "second error")
    run_id = store.accept(new_run()).run.id
    stream.add(diamond(run_id))
    stream.down = False
    wait_until(lambda: complete(store, run_id) and stream.forgotten == [run_id], 10, "complete history")


def test_it_says_when_it_has_caught_up(store: Store, running: Callable[[ThreadLoop], None]) -> None:
    stream = FakeStream()
    projector = Projector(0, stream, store, Feed())
    assert not projector.wait_caught_up(time.monotonic(), 0.0)
    run_id = store.accept(new_run()).run.id
    stream.add(diamond(run_id))
    running(projector)
    assert projector.wait_caught_up(time.monotonic(), 10)
    assert complete(store, run_id)


def test_events_that_trickle_in_share_a_transaction_unless_somebody_waits(store: Store) -> None:
    """Each turn is one transaction. Nobody waits: the batch is held open a moment; somebody does: it is not."""
    stream, feed, history = FakeStream(), Feed(), Flaky(store)
    projector = Projector(0, stream, history, feed)
    first, second = (store.accept(new_run()).run.id for _ in range(2))
    stream.add(diamond(first)[:-1])
    late = threading.Thread(target=lambda: stream.add(diamond(first)[-1:]))
    read = stream.read_events

    def read_then_more_comes(*args: Any) -> list[tuple[str, EventRecord]]:
        found = read(*args)
        if found and not late.ident:
            late.start()
            late.join()
        return found

    stream.read_events = read_then_more_comes  # type: ignore[method-assign]
    projector.turn()
    assert history.sizes == [11]
    late = threading.Thread(target=lambda: stream.add(diamond(second)[-1:]))
    with feed.waiter(second):
        stream.add(diamond(second)[:-1])
        projector.turn()
    assert history.sizes == [11, 10]


def test_large_results_come_in_small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in memory at once has a bound, however many events wait."""
    monkeypatch.setattr(project, "MOST_BYTES", 100_000)
    stream, sizes = FakeStream(), list[int]()
    asked: list[int] = []
    read = stream.read_events

    def watched(partition: int, after: str, count: int, block_ms: int) -> list[tuple[str, EventRecord]]:
        asked.append(count)
        return read(partition, after, count, block_ms)

    stream.read_events = watched  # type: ignore[method-assign]
    small = [EventRecord("nobody", 1, "task.log", NOW, 0, 1)] * 3000
    large = [EventRecord("nobody", 1, "task.succeeded", NOW, 0, 1, {}, "x" * 20_000)] * 300  # 6 MB
    stream.add([*small, *large, *small])
    history = SimpleNamespace(
        position=lambda _: START,
        apply=lambda _, events, *__: sizes.append(len(events)) or Applied([], [], []),
    )
    projector = Projector(0, stream, history, Feed())
    projector.turn()
    assert not projector.wait_caught_up(0.0, 0.0), "there is more"
    while not projector.wait_caught_up(0.0, 0.0):
        projector.turn()
    assert sum(sizes) == 6300
    assert (asked[0], max(asked), sizes[0]) == (project.FEW, project.MANY, project.BATCH)
    # The first of the large ones come as a surprise; from then on only few are read and written at once.
    assert sizes[6:8] == [project.MANY, project.FEW], sizes
    assert set(sizes[7:19]) == {project.FEW}, sizes
    assert sizes[-2] == project.BATCH, "it grows back"
