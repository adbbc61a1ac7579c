"""Lists and counts of runs: what they find, and that none of them reads all runs."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, insert

from tests.histories import NOW, new_run
from tests.postgres import database_url, new_database, postgres
from umbel.machine import RunState
from umbel.store import RunFilter, Store, listing, tables

__all__ = ["database_url", "new_database", "postgres"]

RUNS = 3000
DAY = 86_400_000
STATES = [RunState.SUCCESS] * 8 + [RunState.ERROR, RunState.CANCELED]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A run a minute; every tenth failed, every tenth was canceled; every third is of another definition."""
    one = Store(database_url)
    one.database.upgrade()
    first = one.accept(new_run(NOW - DAY)).run
    same = {name: getattr(first, name) for name in first.__slots__} | {"settled": True}
    rows = [
        {
            **same,
            "id": f"{n:08d}-0000-4000-8000-000000000000",
            "state": STATES[n % 10].value,
            "definition": "demo.OTHER" if n % 3 == 0 else "demo.PIPELINE",
            "created_at": NOW + n * 60_000,
            "payload": f'{{"n": {n}}}',
        }
        for n in range(RUNS)
    ]
    with one.database.write() as connection:
        connection.execute(insert(tables.runs), rows)
        connection.exec_driver_sql("ANALYZE runs")
    yield one
    one.close()


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database."""
    sent: list[tuple[str, Any]] = []

    def on(_connection: Any, _cursor: Any, text: str, given: Any, *_: Any) -> None:
        sent.append((text, given))

    event.listen(store.database.engine, "before_cursor_execute", on)
    try:
        yield sent
    finally:
        event.remove(store.database.engine, "before_cursor_execute", on)


def reads(store: Store, ask: Callable[[], object]) -> Iterator[tuple[str, str]]:
    """Each reading of the table of runs that what is asked comes to, as the database plans it: the index that it uses
    ("" for none) and the columns by which it goes into it."""
    with statements(store) as sent:
        ask()
    selects = [(text, given) for text, given in sent if text.startswith("SELECT")]
    assert selects
    explain = "EXPLAIN QUERY PLAN " if store.database.sqlite else "EXPLAIN "
    with store.database.read() as connection:
        if not store.database.sqlite:  # a table as small as this one would be read whole
            for way in ("seqscan", "bitmapscan"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        for text, given in selects:
            plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + text, given))
            step = r"(?:SCAN|SEARCH) runs\b.*" if store.database.sqlite else r"Scan.* on runs\b.*(?:\n +Index Cond.*)?"
            for found in re.findall(step, plan):
                index = re.search(r"\b(runs_\w+)", found)
                columns = re.findall(r"\b(definition|state|created_at)\b", found.replace(index[1] if index else "", ""))
                yield index[1] if index else "", " ".join(dict.fromkeys(columns))


ERROR, LIVE = [RunState.ERROR], [RunState.PENDING, RunState.RUNNING]
OTHER, FIRST_DAY = "demo.OTHER", {"since": NOW, "until": NOW + DAY}
PAGES = (
    (RunFilter(), "runs_newest", ""),
    (RunFilter(states=list(RunState)), "runs_newest", ""),
    (RunFilter(states=ERROR), "runs_by_state", "state"),
    (RunFilter(states=LIVE), "runs_by_state", "state"),
    (RunFilter(definition=OTHER), "runs_by_definition", "definition"),
    (RunFilter(definition=OTHER, states=LIVE), "runs_by_definition_and_state", "definition state"),
    (RunFilter(**FIRST_DAY), "runs_newest", "created_at"),
    (RunFilter(**FIRST_DAY, states=LIVE), "runs_by_state", "state created_at"),
)
COUNTS = (
    (RunFilter(), "runs_by_state"),
    (RunFilter(states=ERROR), "runs_by_state"),
    (RunFilter(definition=OTHER), "runs_by_definition_and_state"),
)


def test_a_page_is_walked_along_an_index(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SEARCHED", 50)
    deep = f"{NOW + DAY // 2}.x"
    for wanted, index, columns in PAGES:
        # What comes after a place, and what is searched, is bounded by the time too.
        timed = columns if "created_at" in columns else f"{columns} created_at".strip()
        allowed = {(index, timed)}
        if not store.database.sqlite and wanted.states != LIVE:
            allowed.add(("runs_newest", "created_at"))  # it knows that these are many
        searched = replace(wanted, q="nowhere")
        assert set(reads(store, partial(store.runs, wanted))) == {(index, columns)}, wanted
        assert set(reads(store, partial(store.runs, wanted, cursor=deep))) <= allowed, wanted
        assert set(reads(store, partial(store.runs, searched, cursor=deep))) <= allowed, searched
    assert set(reads(store, partial(store.runs_page, page=3, per_page=10))) == {("runs_newest", "")}
    assert {index for index, _ in reads(store, store.live_runs)} == {"runs_live"}


def test_runs_are_counted_on_indexes(store: Store) -> None:
    for wanted, index in COUNTS:
        columns = "definition state created_at" if wanted.definition else "state created_at"
        found = set(reads(store, partial(store.tally, wanted, now=NOW, most=3)))
        assert (index, columns) in found, wanted
        assert all(used for used, _ in found), found


def test_counts_by_time_and_state(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = 3_600_000
    found = store.tally(RunFilter(since=NOW, until=NOW + 5 * hour, definition=OTHER), now=NOW, most=6)
    assert (found.since, found.until, found.step, found.complete) == (NOW, NOW + 5 * hour, hour, True)
    assert found.total == {RunState.SUCCESS: 80, RunState.ERROR: 10, RunState.CANCELED: 10}
    assert all(start % hour == 0 and sum(counts.values()) <= 20 for start, counts in found.bins.items())
    everything = store.tally(RunFilter(), now=NOW + RUNS * 60_000, most=72)
    assert sum(everything.total.values()) == RUNS + 1
    assert (everything.since, everything.until) == (NOW - DAY, NOW + RUNS * 60_000)
    # One run that counts as newer than now, none at all, and more than are counted.
    assert sum(store.tally(RunFilter(), now=0).total.values()) == RUNS + 1
    assert store.tally(RunFilter(definition="demo.NONE"), now=NOW).bins == {}
    assert store.tally(RunFilter(states=[]), now=NOW).total == {}
    monkeypatch.setattr(listing, "COUNTED", 500)
    newest = store.tally(RunFilter(), now=NOW + RUNS * 60_000, most=72)
    assert not newest.complete
    assert 500 <= sum(newest.total.values()) < 700
    assert newest.since == min(newest.bins)


def test_a_text_is_looked_for_a_part_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SEARCHED", 700)
    wanted = RunFilter(q='"n": 1000}', states=[RunState.SUCCESS, RunState.ERROR])
    cursor, pages = None, []
    while not pages or cursor:
        page = store.runs(wanted, cursor=cursor, limit=5)
        pages.append(page)
        cursor = page.cursor
    assert len(pages) == 4  # 2,700 runs
    assert [run.id[:8] for page in pages for run in page.runs] == ["00001000"]
    searched = [page.searched_to for page in pages]
    assert searched == [*sorted((each for each in searched[:-1] if each), reverse=True), None]
    # A full page goes on after its last run, as without a text.
    page = store.runs(RunFilter(q='"n"'), limit=5)
    assert (len(page.runs), page.searched_to, page.cursor) == (
        5,
        None,
        f"{page.runs[-1].created_at}.{page.runs[-1].id}",
    )
    found = store.tally(wanted, now=NOW + RUNS * 60_000)
    assert (found.complete, found.total) == (False, {})
    assert found.since == searched[0]
