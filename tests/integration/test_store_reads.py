"""Lists, pages, filters, retention."""

from collections.abc import Iterator

import pytest

from tests.histories import NOW, Script, diamond, new_run, troubled
from tests.postgres import database_url, new_database, postgres
from umbel.errors import BadRequest
from umbel.machine import RunState
from umbel.store import IdempotencyKey, RunFilter, Store

__all__ = ["database_url", "new_database", "postgres"]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    one = Store(database_url)
    one.database.upgrade()
    yield one
    one.close()


def finish(store: Store, run_id: str, *, bad: bool = False) -> None:
    events = (troubled if bad else diamond)(run_id)
    old = store.position(0)
    number = int(old.split("-")[1])
    store.apply(0, events, old, f"{NOW}-{number + len(events)}")


def test_pages_by_cursor_miss_and_repeat_nothing_while_runs_are_added(store: Store) -> None:
    ids = [store.accept(new_run(NOW + n // 3)).run.id for n in range(20)]  # three share each millisecond
    everything = RunFilter()
    wanted = [run.id for run in store.runs(everything, limit=100).runs]
    assert sorted(wanted) == sorted(ids)
    seen: list[str] = []
    cursor = None
    while True:
        page = store.runs(everything, cursor=cursor, limit=3)
        seen += [run.id for run in page.runs]
        store.accept(new_run(NOW + 1000))
        if page.cursor is None:
            break
        cursor = page.cursor
    assert seen == wanted


@pytest.mark.parametrize("cursor", ["", "x", "1", "1.", ".a", "99999999999999999999.a", "-1.a", "²3.a"])
def test_a_cursor_made_up_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(BadRequest):
        store.runs(RunFilter(), cursor=cursor)


def test_numbered_pages(store: Store) -> None:
    ids = [store.accept(new_run(NOW + n)).run.id for n in range(5)]
    assert [run.id for run in store.runs_page(page=2, per_page=2)] == [ids[2], ids[1]]
    assert store.runs_page(page=4, per_page=2) == []


def test_lists_leave_payloads_in_the_database(store: Store) -> None:
    text = '{"text": "hello' + "é" * 3000 + '"}'
    store.accept(new_run(NOW, payload=text))
    assert [run.payload for run in store.runs(RunFilter(q="HELLO")).runs] == [text[:1000]]
    for with_payload, payload in ((True, text), (False, "{}")):
        found = store.runs_page(page=1, per_page=9, with_payload=with_payload)
        assert [run.payload for run in found] == [payload]


def test_filters(store: Store) -> None:
    plain = store.accept(new_run(NOW)).run.id
    bad = store.accept(new_run(NOW + 10, comment="Monday's 100% Café", payload='{"city": "Berlin"}')).run.id
    other = store.accept(new_run(NOW + 20, definition="demo.OTHER", name="OTHER")).run.id
    finish(store, bad, bad=True)

    def ids(**wanted: object) -> list[str]:
        return [run.id for run in store.runs(RunFilter(**wanted)).runs]  # type: ignore[arg-type]

    assert ids(states=[RunState.ERROR]) == [bad]
    assert ids(states=[RunState.ERROR, RunState.PENDING]) == [other, bad, plain]
    assert ids(states=[]) == []
    assert ids(definition="demo.OTHER") == [other]
    assert ids(since=NOW + 10) == [other, bad]
    assert ids(until=NOW + 10) == [plain]
    assert ids(q="berlin") == ids(q="monday") == ids(q="100%") == [bad]
    assert ids(q="other") == [other]
    assert ids(q="100_") == ids(q="%%") == []
    assert ids(q=plain[:13].upper()) == [plain]
    assert store.tally(RunFilter(), now=NOW).total == {RunState.ERROR: 1, RunState.PENDING: 2}


def test_runs_without_any_event(store: Store) -> None:
    first, second = (store.accept(new_run(NOW + n)).run.id for n in range(2))
    assert [run.id for run in store.unlaunched_runs(NOW + 1)] == [first]
    store.apply(0, [*Script(first).add("run.launched", released=[0])], store.position(0), f"{NOW}-1")
    assert [run.id for run in store.unlaunched_runs(NOW + 5)] == [second]
    assert [run.id for run in store.live_runs()] == [first, second]


def test_logs_by_attempt_and_page(store: Store) -> None:
    run_id = store.accept(new_run()).run.id
    script = Script(run_id)
    for attempt in (1, 2):
        script.add("task.log", 0, attempt, lines=[[NOW, "stdout", f"{attempt}.{n}"] for n in range(3)])
    store.apply(0, script.events, store.position(0), f"{NOW}-2")
    first = store.logs(run_id, limit=2)
    assert [line.line for line in first] == ["1.0", "1.1"]
    assert [line.line for line in store.logs(run_id, after_id=first[-1].id)] == ["1.2", "2.0", "2.1", "2.2"]
    assert [line.line for line in store.logs(run_id, idx=0, attempt=2)] == ["2.0", "2.1", "2.2"]
    assert store.logs(run_id, idx=1) == []


def test_retention_takes_finished_runs_whole_and_leaves_live_ones(store: Store) -> None:
    old, fresh = (store.accept(new_run(NOW + n)).run.id for n in range(2))
    key = IdempotencyKey("k", "demo", "hash")
    live = store.accept(new_run(NOW, key=key)).run.id
    finish(store, old, bad=True)
    finish(store, fresh)
    ends = {run_id: run.finished_at for run_id in (old, fresh) if (run := store.run(run_id)) and run.finished_at}
    newest = max(ends.values())
    assert store.prune(newest, limit=10) == 1
    gone = min(ends, key=lambda run_id: ends[run_id])
    assert store.run(gone) is None
    assert store.tasks(gone) == store.attempts(gone) == store.events(gone) == store.logs(gone) == []
    kept = ({old, fresh} - {gone}).pop()
    assert len(store.tasks(kept)) == 4
    assert store.prune(2**60, limit=10) == 1
    assert store.run(live)
    before = store.last_event()
    finish(store, store.accept(new_run()).run.id)
    assert store.last_event() == before + 11, "numbers never go back, whatever was deleted"
    assert store.prune_keys(NOW) == 0
    assert store.prune_keys(NOW + 1) == 1


def test_retention_by_definition(store: Store) -> None:
    def run(at: int, definition: str, done: bool = True) -> str:
        run_id = store.accept(new_run(NOW + at, definition=definition)).run.id
        if done:
            finish(store, run_id)
        return run_id

    kept = [run(n, "a.KEPT", done=n != 1) for n in range(5)]
    other = [run(n, "a.OTHER") for n in range(2)]

    def left() -> set[str]:
        return {one.id for one in store.runs(RunFilter()).runs}

    assert store.prune_beyond("a.KEPT", 2, limit=1) == 1
    assert store.prune_beyond("a.KEPT", 2) == 1
    assert left() == {kept[1], kept[3], kept[4], *other}, "what is alive stays"
    assert store.prune(2**60, among=[]) == 0
    assert store.prune(2**60, besides=["a.OTHER", "a.KEPT"]) == 0
    assert store.prune(2**60, among=["a.OTHER"]) == 2
    assert left() == {kept[1], kept[3], kept[4]}
    assert store.prune_beyond("a.KEPT", 0) == 2
    assert left() == {kept[1]}
