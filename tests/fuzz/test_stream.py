"""Whatever stands in the event stream, the projector goes on, and runs that nobody meddled with are whole. [U-9]

40 streams by default; UMBEL_TEST_FUZZ=20000 for the long form.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from tests.histories import diamond, new_run, troubled
from umbel.events import EventRecord, decode
from umbel.keeper.feed import Feed
from umbel.keeper.project import Projector
from umbel.store import Store
from umbel.store.project import START

LONG = int(os.environ.get("UMBEL_TEST_FUZZ") or 0)
NAMES = (b"r", b"n", b"e", b"t", b"k", b"a", b"d", b"v")

numbers = st.sampled_from((b"0", b"-1", b"1", b"7", b"2147483648", b"9" * 30, b"1.5", b"\xb2", b"1e3", b" 3", b"0x1"))
texts = st.binary(max_size=12) | st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass"))
odd = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
values = st.recursive(
    odd, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner), max_leaves=6
)
KEYS = (
    "released", "blocked", "skipped", "scheduled", "plan", "n", "worker", "pid", "queued_at", "retries", "epoch",
    "type",
    "exception", "traceback", "countdown", "due", "lines", "items", "base", "size", "parent", "child", "kept", "maps",
)  # fmt: skip
details = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
KINDS = [
    each.encode()
    for each in (
        "run.launched", "run.restored", "run.settled", "run.failed", "run.paused", "task.started", "task.succeeded",
        "task.failed", "task.expanded", "task.spawned", "task.asked", "task.log", "task.lost", "task.fenced",
        "nonsense",
    )
]  # fmt: skip


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # half a surrogate, or a number beyond 64 bits
        return repr(value).encode("utf-8", "replace")


@st.composite
def changes(draw: st.DrawFn) -> dict[bytes, bytes | None]:
    """What becomes of some fields of an entry; None: it is not there."""
    found: dict[bytes, bytes | None] = {}
    for name in draw(st.sets(st.sampled_from(NAMES), max_size=3)):
        kinds = {b"e": st.sampled_from(KINDS), b"d": details.map(_json) | texts, b"v": values.map(_json) | texts}
        found[name] = draw(st.none() | kinds.get(name, numbers | texts))
    return found


def fields(event: EventRecord) -> dict[bytes, bytes]:
    """An entry as the scripts write it."""
    found = {b"r": event.run.encode(), b"n": b"%d" % event.seq, b"e": event.type.encode(), b"t": b"%d" % event.at}
    if event.task is not None:
        found[b"k"] = b"%d" % event.task
    if event.attempt is not None:
        found[b"a"] = b"%d" % event.attempt
    if event.data:
        found[b"d"] = orjson.dumps(event.data)
    if event.value is not None:
        found[b"v"] = event.value.encode()
    return found


class Entries:
    """A stream that is all there."""

    def __init__(self, entries: list[dict[bytes, bytes]]) -> None:
        self._entries = [(f"1-{number}", decode(entry)) for number, entry in enumerate(entries, 1)]

    def read_events(self, partition: int, after: str, count: int, block_ms: int) -> list[tuple[str, EventRecord]]:
        seen = int(after.rpartition("-")[2])
        return self._entries[seen : seen + count]

    def trim_events(self, partition: int, upto: str) -> None: ...
    def forget(self, runs: list[str]) -> None: ...


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with closing(Store(f"sqlite:///{folder}/umbel.db")) as store:
        store.database.prepare()
        yield store


@pytest.mark.timeout(0 if LONG else 120)
@settings(
    max_examples=LONG or 40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=not LONG, database=None
)
@given(plan=st.lists(st.tuples(st.integers(0, 60), changes()), max_size=25), partition=st.just(0))
def test_the_projector_goes_on(store: Store, plan: list[tuple[int, dict[bytes, bytes | None]]], partition: int) -> None:
    number = int(uuid.uuid4()) % 2**31
    whole, spoiled, other = (store.accept(new_run(partition=number)).run.id for _ in range(3))
    entries = [fields(event) for event in diamond(spoiled)]
    good = [fields(event) for event in (*diamond(whole), *troubled(other))]
    for at, change in plan:
        entry = dict(entries[at % len(entries)])
        for name, value in change.items():
            entry.pop(name, None)
            if value is not None:
                entry[name] = value
        if change and entry.get(b"r") not in (whole.encode(), other.encode()):
            entries.insert(at % len(entries), entry)
    mixed = [entry for pair in zip(entries, good, strict=False) for entry in pair]
    mixed += entries[len(good) :] + good[len(entries) :]
    stream = Entries(mixed)
    projector = Projector(number, stream, store, Feed())
    projector.turn()

    assert store.position(number) == f"1-{len(mixed)}" != START
    for run, events in ((whole, diamond(whole)), (other, troubled(other))):
        assert [(each.seq, each.type) for each in store.events(run)] == [(each.seq, each.type) for each in events]
    assert store.run(whole).state == "success"  # type: ignore[union-attr]
    assert store.run(other).state == "error"  # type: ignore[union-attr]
