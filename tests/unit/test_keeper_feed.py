"""News of committed events: to the right ones, in order, bounded, from any thread."""

import asyncio
import threading

from tests.histories import NOW
from umbel.keeper.feed import Feed
from umbel.store import AppliedEvent


def event(number: int, run: str = "r1", kind: str = "task.started") -> AppliedEvent:
    return AppliedEvent(number, run, number, kind, NOW, 0, 1, {})


def test_each_gets_its_own_runs_events_from_another_thread() -> None:
    async def go() -> None:
        feed = Feed()
        async with feed.subscribe("r1") as one, feed.subscribe() as everything:
            threading.Thread(target=feed.publish, args=([event(1), event(2, "r2"), event(3)],)).start()
            assert [e.id for e in await one.next(5) or []] == [1, 3]
            assert [e.id for e in await everything.next(5) or []] == [1, 2, 3]
            assert await one.next(0.01) == []
        feed.publish([event(4)])
        assert not feed.wanted("r1")
        assert await one.next(0.01) == []

    asyncio.run(go())


def test_one_who_is_too_slow_is_told_to_read_the_history() -> None:
    async def go() -> None:
        feed = Feed()
        async with feed.subscribe(limit=3) as slow:
            feed.publish([event(1), event(2)])
            feed.publish([event(3), event(4)])
            feed.publish([event(5)])
            assert await slow.next(5) is None
            feed.publish([event(6)])
            assert [e.id for e in await slow.next(5) or []] == [6]

    asyncio.run(go())


def test_nothing_is_kept_for_somebody_who_has_been_told_to_resync() -> None:
    async def go() -> None:
        feed = Feed()
        async with feed.subscribe("r1") as one:
            feed.resync()
            feed.publish([event(1)])
            assert await one.next(5) is None
            assert await one.next(0.01) == []

    asyncio.run(go())


def test_closing_the_feed_ends_every_wait() -> None:
    async def go() -> None:
        feed = Feed()
        one = feed.subscribe()
        waiting = asyncio.create_task(one.next())
        threading.Thread(target=feed.close).start()
        await asyncio.wait_for(waiting, 5)
        assert one.closed
        assert await one.next() == []

    asyncio.run(go())


def test_a_subscriber_whose_event_loop_has_ended_is_dropped() -> None:
    feed = Feed()

    async def leave() -> None:
        feed.subscribe("r1")

    asyncio.run(leave())
    feed.publish([event(1)])
    assert not feed.wanted("r1")


def test_a_thread_waits_for_the_end_of_its_run_only() -> None:
    feed = Feed()
    with feed.waiter("r1") as waiter:
        assert feed.wanted("r1")
        feed.publish([event(1), event(2, "r2", "run.succeeded")])
        assert not waiter.wait(0)
        threading.Thread(target=feed.publish, args=([event(3, "r1", "run.failed")],)).start()
        assert waiter.wait(5)
    assert not feed.wanted("r1")


def test_a_resync_wakes_those_who_wait_for_an_end() -> None:
    feed = Feed()
    with feed.waiter("r1") as waiter:
        feed.resync()
        assert waiter.wait(0)
