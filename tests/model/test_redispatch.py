"""When a spare copy is sent, and when not: told to both engines. [U-8]"""

from typing import Any

import redis

from tests.model.pair import Pair
from umbel.engine.engine import Token, request_id
from umbel.plan.model import Node, Plan

PAIR = Plan("d.PAIR", (Node(0, "A", "A"), Node(1, "B", "B", (0,))))
SECOND = 1000


def do(pair: Pair, method: str, *args: Any, **kwargs: Any) -> None:
    """A call with a request id of its own, the same for both."""
    pair.do(method, *args, **kwargs, request=request_id())


def sent(pair: Pair) -> set[str]:
    return {item.run for item in pair.do("redispatch", 0)}


def test_a_backlog_is_not_doubled_by_workers_that_go_straight_on(valkey: redis.Redis) -> None:
    """They claim what was released later than all that waits; that must not make the waiting look lost."""
    pair = Pair(valkey)
    for number in range(20):
        do(pair, "launch", f"r{number}", PAIR, "{}", by="s")
    for number in range(10):  # a slow worker: 4 s per run, both tasks in one go
        pair.tick(2 * SECOND)
        do(pair, "claim", f"r{number}", 0, 1, worker="w", pid=1)
        do(pair, "succeed", Token(f"r{number}", 0, 1, 1), "1", by="w/1")
        do(pair, "claim", f"r{number}", 1, 1, worker="w", pid=1, in_turn=False)
        pair.tick(2 * SECOND)
        do(pair, "succeed", Token(f"r{number}", 1, 1, 1), "1", by="w/1")
        assert sent(pair) == set()


def test_what_the_queue_has_passed_is_sent_again_once_and_then_ever_later(valkey: redis.Redis) -> None:
    pair = Pair(valkey)
    do(pair, "launch", "lost", PAIR, "{}", by="s")
    pair.tick(SECOND)
    do(pair, "launch", "next", PAIR, "{}", by="s")
    do(pair, "claim", "next", 0, 1, worker="w", pid=1)
    pair.tick(13 * SECOND)
    assert sent(pair) == set()
    pair.tick(2 * SECOND)
    assert sent(pair) == {"lost"}
    assert sent(pair) == set()
    # Nothing is claimed any more: the front of the queue gets its second copy after twice the time.
    pair.tick(29 * SECOND)
    assert sent(pair) == set()
    pair.tick(2 * SECOND)
    assert sent(pair) == {"lost"}


def test_on_a_silent_queue_only_the_front_is_sent_again(valkey: redis.Redis) -> None:
    """Nobody claims there: either all messages are lost, or nobody works; a handful tells which."""
    pair = Pair(valkey)
    for number in range(30):
        do(pair, "launch", f"r{number}", PAIR, "{}", by="s")
        pair.tick(1)
    pair.tick(15 * SECOND)
    assert sent(pair) == {f"r{number}" for number in range(10)}
    assert sent(pair) == set()


def test_the_pause_between_two_copies_stops_growing(valkey: redis.Redis) -> None:
    """A broker that was away for an hour must not be paid with another hour."""
    pair = Pair(valkey)
    do(pair, "launch", "lost", PAIR, "{}", by="s")
    pauses = []
    waited = 0
    while len(pauses) < 6:
        pair.tick(15 * SECOND)
        waited += 15
        if sent(pair):
            pauses.append(waited)
            waited = 0
    assert pauses == [15, 30, 60, 120, 120, 120]
