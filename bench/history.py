"""How long the lists of runs take in a history of a million runs: `python -m bench.history`.

The history is filled in bulk: finished runs of forty definitions over a month, of which one in ten failed. It is filled
once for each database; a second call measures only. What is measured is what the server's operations do, from the
request's object to its answer in JSON, 40 times each.
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable

from sqlalchemy import func, select, text

from umbel.machine import RunState
from umbel.store import Page, RunFilter, Store, tables

MONTH_MS = 30 * 86_400_000
_FILL = """
INSERT INTO runs (id, definition, project, name, state, settled, payload, plan_hash, partition, created_at, started_at,
    finished_at, updated_at, periodic, tasks_total, tasks_done, retries, failed_task, error, last_seq)
SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-a' || substr(h, 18, 3) || '-'
        || substr(h, 21, 12),
    'shop.D' || d, 'shop', 'D' || d,
    CASE WHEN r < 9000 THEN 'success' WHEN r < 9900 THEN 'error' ELSE 'canceled' END, {true},
    '{{"order": ' || n || ', "customer": "customer-' || (r % 977) || '", "address": {{"street": "Long Street '
        || (r % 300) || '", "city": "City ' || (r % 97) || '"}}, "lines": [{{"sku": "' || substr(h, 1, 10)
        || '", "count": 2}}, {{"sku": "' || substr(h, 11, 10) || '", "count": 1}}]}}',
    'none', n % 4, at, at + 20, at + r, at + r, {false}, 4, 4, 0,
    CASE WHEN r BETWEEN 9000 AND 9899 THEN 'B' END, CASE WHEN r BETWEEN 9000 AND 9899 THEN 'ValueError: no' END, 12
FROM (SELECT n, h, r, CASE WHEN r % 2 = 0 THEN 0 ELSE r % 40 END AS d,
    CAST(:first AS BIGINT) + CAST(n * (CAST(:length AS FLOAT) / :runs) AS BIGINT) AS at FROM ({source}) AS s) AS t
"""
_SOURCES = {
    "sqlite": (
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :runs) SELECT n,"
        " lower(hex(randomblob(16))) AS h, n * 7919 % 10000 AS r FROM s LIMIT :runs"
    ),
    "postgresql": (
        "SELECT n, md5(n::text) AS h, n * 7919::bigint % 10000 AS r"
        " FROM generate_series(1, CAST(:runs AS INTEGER)) AS n"
    ),
}


def fill(store: Store, runs: int, until: int) -> None:
    """Accepts and finishes `runs` runs within the month before `until` (ms), in one statement."""
    dialect = "sqlite" if store.database.sqlite else "postgresql"
    true, false = ("1", "0") if store.database.sqlite else ("true", "false")
    statement = _FILL.format(source=_SOURCES[dialect], true=true, false=false)
    with store.database.write() as connection:
        connection.execute(text(statement), {"runs": runs, "first": until - MONTH_MS, "length": MONTH_MS})
    if not store.database.sqlite:  # autovacuum does so within minutes
        with store.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE runs"))


def questions(store: Store, deep: str, now: int) -> dict[str, Callable[[], object]]:
    """What is asked, by name."""
    weeks = [now - MONTH_MS + n * 7 * 86_400_000 for n in range(5)]

    def some(wanted: RunFilter, cursor: str | None = None) -> Callable[[], Page]:
        return lambda: store.runs(wanted, cursor=cursor, limit=60)

    def counted(wanted: RunFilter) -> Callable[[], object]:
        return lambda: store.tally(wanted, now=now)

    error, live = [RunState.ERROR], [RunState.PENDING, RunState.RUNNING]
    return {
        "first page": some(RunFilter()),
        "page 1,000": some(RunFilter(), deep),
        "state: error": some(RunFilter(states=error)),
        "state: error, page 1,000": some(RunFilter(states=error), deep),
        "state: pending or running (none)": some(RunFilter(states=live)),
        "state: three of five": some(RunFilter(states=[RunState.SUCCESS, *error, RunState.RUNNING])),
        "definition: half of all": some(RunFilter(definition="shop.D0")),
        "definition: one in eighty": some(RunFilter(definition="shop.D7")),
        "definition and state: error": some(RunFilter(definition="shop.D0", states=error)),
        "definition and state: none such": some(RunFilter(definition="shop.D0", states=live)),
        "time: one week": some(RunFilter(since=weeks[1], until=weeks[2])),
        "time and state": some(RunFilter(since=weeks[1], until=weeks[2], states=error)),
        "text: in one of a thousand": some(RunFilter(q="customer-97")),
        "text: in none": some(RunFilter(q="nowhere to be found")),
        "text and state: in none": some(RunFilter(q="nowhere to be found", states=error)),
        "text and definition: in none": some(RunFilter(q="nowhere to be found", definition="shop.D0")),
        "Director's page 1": lambda: store.runs_page(page=1, per_page=60),
        "strip: all": counted(RunFilter()),
        "strip: error": counted(RunFilter(states=error)),
        "strip: definition": counted(RunFilter(definition="shop.D0")),
        "strip: one week": counted(RunFilter(since=weeks[1], until=weeks[2])),
        "strip: one day": counted(RunFilter(since=now - 86_400_000)),
        "strip: text": counted(RunFilter(q="customer-97")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("database", help="URL of a database that may be filled: sqlite:///runs.db, postgresql://…")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=40)
    options = parser.parse_args()
    store = Store(options.database)
    store.database.upgrade()
    with store.database.read() as connection:
        there, newest = connection.execute(select(func.count(), func.max(tables.runs.c.created_at))).one()
    if not there:
        started, newest = time.perf_counter(), round(time.time() * 1000)
        fill(store, options.runs, newest)
        print(f"filled with {options.runs:,} runs in {time.perf_counter() - started:.0f} s")
    cursor = None
    for _ in range(1000):
        cursor = store.runs(RunFilter(), cursor=cursor, limit=60).cursor or cursor
    assert cursor is not None
    asked = questions(store, cursor, newest + 1)
    took: dict[str, list[float]] = {name: [] for name in asked}
    for name in random.sample([*asked] * options.times, len(asked) * options.times):
        started = time.perf_counter()
        asked[name]()
        took[name].append((time.perf_counter() - started) * 1000)
    print(f"{store.database.engine.name}, {there or options.runs:,} runs, load {os.getloadavg()[0]:.1f}; ms")
    print(f"{'':34}{'median':>8}{'p95':>8}{'most':>8}")
    for name, each in took.items():
        p95 = statistics.quantiles(each, n=20)[-1]
        print(f"{name:34}{statistics.median(each):8.1f}{p95:8.1f}{max(each):8.1f}")


if __name__ == "__main__":
    main()
