"""A feed tells each event once and in order, however history and news overlap."""

import asyncio
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from umbel.api.v1 import events as feeds
from umbel.errors import HistoryUnavailable
from umbel.keeper import Feed
from umbel.plan.model import chain_of
from umbel.service.names import Names
from umbel.store import AppliedEvent

RUN = "280d0c40-65d0-4063-a800-a3b674562711"
PLAN = chain_of("demo.X", ["A"])


def event(number: int, kind: str = "task.started") -> AppliedEvent:
    return AppliedEvent(number, RUN, number, kind, number, 0, 1, {})


class History:
    """What is committed. `meanwhile` is called while a read is under way."""

    def __init__(self, feed: Feed, count: int) -> None:
        self.feed = feed
        self.events = [event(number) for number in range(1, count + 1)]
        self.meanwhile: Callable[[], None] = lambda: None
        self.reads = 0

    def read(self, after: int) -> Sequence[AppliedEvent]:
        self.reads += 1
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return [each for each in self.events if each.seq > after][: feeds.BATCH]

    def commit(self, *kinds: str) -> None:
        new = [event(len(self.events) + place, kind) for place, kind in enumerate(kinds, 1)]
        self.events += new
        self.feed.publish(new)


def numbers(history: History, seen: int = 0, *, over: bool = False) -> list[int]:
    """The numbers that a client gets until the feed ends."""

    async def run(use_case: Callable[..., Any], *arguments: Any) -> Any:
        return use_case(*arguments)

    async def listen() -> str:
        umbel = SimpleNamespace(feed=history.feed, names_of=lambda run_id, *_: Names(PLAN, ()))
        context: Any = SimpleNamespace(umbel=umbel, run=run, asks=False)
        tale = feeds.Tale(context, RUN, seen, history.read, lambda each: each.seq, over)
        return "".join([frame.decode() async for frame in tale.frames()])

    text = asyncio.run(asyncio.wait_for(listen(), 10))
    return [int(number) for number in re.findall(r"^id: (\d+)$", text, re.MULTILINE)]


def test_what_is_committed_during_the_first_read_comes_once() -> None:
    history = History(Feed(), 2)

    def both() -> None:
        history.commit("task.succeeded")  # the read that is under way sees it, and it is news as well
        asyncio.get_running_loop().call_soon(history.commit, "run.succeeded", "run.settled")

    history.meanwhile = both
    assert numbers(history) == [1, 2, 3, 4, 5]


def test_a_long_history_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "BATCH", 2)
    history = History(Feed(), 7)
    assert numbers(history, over=True) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(history, 3, over=True) == [4, 5, 6, 7]


def test_a_subscriber_that_fell_behind_reads_the_history_again() -> None:
    history = History(Feed(), 1)

    def unseen() -> None:
        def later() -> None:
            history.events += [event(2), event(3)]  # committed by another server
            history.feed.resync()
            history.meanwhile = lambda: history.commit("run.settled")

        asyncio.get_running_loop().call_soon(later)

    history.meanwhile = unseen
    assert numbers(history) == [1, 2, 3, 4]


def test_a_feed_ends_when_the_server_stops() -> None:
    history = History(Feed(), 1)
    history.meanwhile = lambda: asyncio.get_running_loop().call_soon(history.feed.close) and None
    assert numbers(history) == [1]


def test_a_feed_ends_when_the_history_does_not_answer() -> None:
    history = History(Feed(), 1)

    def away() -> None:
        raise HistoryUnavailable("no answer")

    history.meanwhile = away
    assert numbers(history) == []
