"""Events into SQL, exactly once. Proves its part of [U-9]."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.histories import DIAMOND, NOW, Script, diamond, new_run, troubled
from tests.postgres import database_url, new_database, postgres
from umbel.errors import WrongState
from umbel.events import EventRecord
from umbel.machine import RunState, TaskState
from umbel.plan.model import Node, Plan
from umbel.store import PositionMoved, Projection, Rerun, Store, tables

__all__ = ["database_url", "new_database", "postgres"]

ROWS = (tables.runs, tables.tasks, tables.attempts, tables.events, tables.logs, tables.positions, tables.counters)
IDS = [f"7f0d9a6e-0000-4000-8000-00000000000{n}" for n in range(3)]


def make(url: str) -> Store:
    store = Store(url)
    store.database.upgrade()
    for run_id in IDS:
        store.accept(new_run(run_id=run_id))
    return store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    one = make(database_url)
    yield one
    one.close()


def rows(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    with store.database.read() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in ROWS
        }
    # PostgreSQL's numbers have gaps where a transaction was rolled back; only their order means something.
    return {**found, "logs": [line[1:] for line in found["logs"]]}


def interleaved() -> list[EventRecord]:
    """Three runs whose events come mixed, as they do."""
    parts = [diamond(IDS[0]), troubled(IDS[1]), diamond(IDS[2])[:5]]
    return [part[n] for n in range(max(map(len, parts))) for part in parts if n < len(part)]


def stream(events: list[EventRecord]) -> list[tuple[str, EventRecord]]:
    return [(f"{NOW}-{n}", event) for n, event in enumerate(events, 1)]


def expected(url: str) -> dict[str, list[tuple[Any, ...]]]:
    store = make(url)
    entries = stream(interleaved())
    store.apply(0, [event for _, event in entries], store.position(0), entries[-1][0])
    result = rows(store)
    store.close()
    return result


def test_a_run_can_be_read_back(store: Store) -> None:
    entries = stream(interleaved())
    applied = store.apply(0, [event for _, event in entries], store.position(0), entries[-1][0])
    assert [event.id for event in applied.events] == list(range(1, len(entries) + 1))
    assert applied.settled == [IDS[0], IDS[1]]
    good, bad, live = (store.run(run_id) for run_id in IDS)
    assert good is not None
    assert bad is not None
    assert live is not None
    assert (good.state, good.tasks_done, good.settled) == (RunState.SUCCESS, 4, True)
    assert (bad.state, bad.failed_task, bad.error, bad.retries) == (RunState.ERROR, "B", "boom", 1)
    assert (live.state, live.settled) == (RunState.RUNNING, False)
    assert [run.id for run in store.live_runs()] == [IDS[2]]
    assert [task.state for task in store.tasks(IDS[1])][-1] is TaskState.UPSTREAM_FAILED
    assert [one.outcome for one in store.attempts(IDS[1], 0)] == ["lost", "retrying", "success"]
    assert [line.line for line in store.logs(IDS[1], idx=2)] == ["one", "two"]
    assert store.events_all(0) == applied.events
    assert [event.seq for event in store.events(IDS[0], 4)] == list(range(5, 12))
    assert store.last_event() == len(entries)


def test_any_split_into_batches_gives_the_same_rows(new_database: Callable[[], str]) -> None:
    whole = expected(new_database())

    @settings(max_examples=15)
    @given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12))
    def split(sizes: list[int]) -> None:
        store = make(new_database())
        entries, number = stream(interleaved()), 0
        while entries:
            size = sizes[number % len(sizes)]
            batch, entries, number = entries[:size], entries[size:], number + 1
            store.apply(0, [event for _, event in batch], store.position(0), batch[-1][0])
        assert rows(store) == whole
        store.close()

    split()


class PowerCut(Exception):
    pass


@pytest.mark.parametrize("before_commit", [True, False])
def test_a_crash_around_the_commit_neither_loses_nor_doubles(
    store: Store, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch, before_commit: bool
) -> None:
    write = store.database.write

    @contextmanager
    def cut() -> Iterator[Connection]:
        with write() as connection:
            yield connection
            if before_commit:
                raise PowerCut
        raise PowerCut

    entries = stream(interleaved())
    crashes = 0
    while True:
        position = store.position(0)
        left = [entry for entry in entries if position == "0-0" or int(entry[0].split("-")[1]) > int(position[14:])]
        if not left:
            break
        batch = left[:7]
        if crashes % 2 == 0:
            with monkeypatch.context() as patch:
                patch.setattr(store.database, "write", cut)
                with pytest.raises(PowerCut):
                    store.apply(0, [event for _, event in batch], position, batch[-1][0])
        else:
            store.apply(0, [event for _, event in batch], position, batch[-1][0])
        crashes += 1
    assert crashes > 3
    assert rows(store) == expected(new_database())


def test_two_projectors_do_not_write_the_same_events(store: Store) -> None:
    events = diamond(IDS[0])
    position = store.position(0)
    store.apply(0, events[:4], position, f"{NOW}-4")
    before = rows(store)
    with pytest.raises(PositionMoved):
        store.apply(0, events[:6], position, f"{NOW}-6")
    assert rows(store) == before


def test_events_seen_before_are_ignored_even_at_a_new_position(store: Store) -> None:
    events = diamond(IDS[0])
    store.apply(0, events, store.position(0), f"{NOW}-11")
    before = rows(store)
    applied = store.apply(0, events, f"{NOW}-11", f"{NOW}-22")
    assert (applied.events, applied.duplicates) == ([], 11)
    after = rows(store)
    assert {**after, "positions": []} == {**before, "positions": []}


def test_bad_events_are_passed_over(store: Store) -> None:
    events = diamond(IDS[0])
    odd = [EventRecord("nobody", 1, "run.launched", NOW), EventRecord(IDS[0], 2, "task.exploded", NOW)]
    applied = store.apply(0, [odd[0], events[0], odd[1], *events[1:]], store.position(0), f"{NOW}-13")
    assert [why for _, why in applied.quarantined] == ["unknown run", "unknown type"]
    assert len(applied.events) == 11


def test_what_ran_when_a_run_was_canceled_counts_as_canceled(store: Store) -> None:
    script = Script(IDS[0]).add("run.launched", released=[0]).start(0).add("run.canceled").add("run.settled")
    store.apply(0, script.events, store.position(0), f"{NOW}-4")
    (attempt,) = store.attempts(IDS[0])
    assert (attempt.outcome, attempt.finished_at) == ("canceled", NOW + 3000)


def test_a_task_that_is_released_again_keeps_what_happened_before(store: Store) -> None:
    script = Script(IDS[0]).add("run.launched", released=[0]).start(0).add("task.succeeded", 0, 1, "1", released=[1])
    script.start(1).add("task.succeeded", 1, 1, "1").add("run.advanced", released=[0], blocked=[1])
    for event in script:
        store.apply(0, [event], store.position(0), f"{NOW}-{event.seq}")
    first, second = store.tasks(IDS[0])
    assert (first.state, first.attempts, first.started_at) == (TaskState.QUEUED, 1, NOW + 2000)
    assert (second.state, second.attempts) == (TaskState.UPSTREAM_FAILED, 1)
    run = store.run(IDS[0])
    assert run is not None
    assert run.tasks_done == 0


def test_a_wide_release_and_a_long_list_of_known_rows(store: Store) -> None:
    """More rows than one SELECT is asked for at a time."""
    wide = Plan("demo.WIDE", tuple(Node(n, f"T{n}", "T") for n in range(1500)))
    run_id = store.accept(new_run(plan=wide)).run.id
    script = Script(run_id).add("run.launched", released=list(range(500)))
    script.add("run.advanced", released=list(range(500, 1500)))
    for n in range(1500):
        script.start(n)
    for n in range(1500):
        script.add("task.succeeded", n, 1, "null")
    position = store.position(0)
    for start in range(0, len(script.events), 1000):
        position, old = f"{NOW}-{start + 1}", position
        store.apply(0, script.events[start : start + 1000], old, position)
    run = store.run(run_id)
    assert run
    assert run.tasks_done == 1500
    assert len(store.attempts(run_id)) == 1500


def test_a_rerun_while_events_are_projected_is_not_overwritten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The projector has read the settled run; before it writes, somebody asks for a new epoch."""
    events = [*troubled(IDS[1]), EventRecord(IDS[1], 99, "task.fenced", NOW, 2, 1, {"outcome": "success"})]
    store.apply(0, events[:-1], store.position(0), f"{NOW}-1")
    known = Projection._known

    def overtaken(self: Projection, connection: Connection, some: list[EventRecord]) -> Any:
        found = known(self, connection, some)
        monkeypatch.setattr(Projection, "_known", known)
        store.ask_rerun(IDS[1], 0, 1, Rerun((1, 3)), NOW, None)
        return found

    monkeypatch.setattr(Projection, "_known", overtaken)
    with pytest.raises(PositionMoved):
        store.apply(0, events[-1:], f"{NOW}-1", f"{NOW}-2")
    store.apply(0, events[-1:], f"{NOW}-1", f"{NOW}-2")
    run = store.run(IDS[1])
    assert run is not None
    assert (run.state, run.settled, run.epoch, run.rerun is None, run.last_seq) == (
        RunState.PENDING,
        False,
        2,
        False,
        99,
    )
    with pytest.raises(WrongState):
        store.ask_rerun(IDS[1], 0, 1, Rerun((1, 3)), NOW, None)


def test_the_history_learns_of_a_run_that_a_task_has_started(store: Store) -> None:
    child = "7f0d9a6e-0000-4000-8000-0000000000aa"
    script = Script(IDS[0]).add("run.launched", released=[0]).start(0).add("task.spawned", 0, 1, run=child)
    about = {"plan": DIAMOND.hash, "definition": "demo.SUB", "parent": {"run": IDS[0], "task": 0}, "released": [0]}
    first = EventRecord(child, 1, "run.launched", NOW, None, None, about, '{"x": 1}')
    for number, event in enumerate([*script.events, first, first]):
        store.apply(0, [event], store.position(0), f"{NOW}-{number}")
    run = store.run(child)
    assert run is not None
    assert (run.project, run.name, run.payload, run.parent_run, run.parent_task) == (
        "demo",
        "SUB",
        '{"x": 1}',
        IDS[0],
        "A",
    )
    assert (run.root_run, run.tasks_total, run.last_seq) == (IDS[0], 4, 1)
    assert store.tasks(IDS[0])[0].child == child
