"""Maps, pauses, decisions and native runs, at the moments that matter. [U-1] to [U-4], [U-10]"""

from dataclasses import replace
from typing import Any

import redis

from tests.model.pair import Pair
from tests.model.plans import ASKS, CHAIN, DIAMOND, FORK, HOOKED, IFS, LATER, LEAF, MAP, NATIVE, ONE
from tests.model.telling import do, finish, go_on, restore, run_of, start, states
from umbel.engine.engine import Token
from umbel.engine.portions import Kept
from umbel.machine import Code, RunState, TaskState
from umbel.plan.model import Node, Plan

WIDE_MAP = Plan("widemap", (Node(0, "m", "m", map="${x}"), Node(1, "c", "c", (0,))))


# --- maps


def test_a_map_gathers_after_its_last_item(valkey: "redis.Redis") -> None:
    """No more items at once than allowed; a failed one makes room too."""
    pair = Pair(valkey)
    do(pair, "launch", "r", MAP, "{}", by="s")
    finish(pair, "r", 0)
    token = start(pair, "r", 1)
    answer = do(pair, "expand", token, ["1", "2", "3", "4"], window=2, by="w")
    assert answer.released == (3, 4)
    assert do(pair, "claim", "r", 1, 1, worker="w", pid=1).code is Code.NOT_QUEUED
    item = do(pair, "claim", "r", 4, 1, worker="w", pid=1)
    assert (item.node, item.item, item.inputs) == (1, "2", "")
    assert do(pair, "fail", Token("r", 4, 1, 1), {"type": "E"}, by="w").released == (5,)
    assert finish(pair, "r", 3).released == (6,)
    assert finish(pair, "r", 5, 6).released == (1,)
    do(pair, "launch", "last", MAP, "{}", by="s")
    finish(pair, "last", 0)
    do(pair, "expand", start(pair, "last", 1), ["1"], by="w")
    assert do(pair, "fail", start(pair, "last", 3), {}, by="w").released == (1,)
    gather = do(pair, "claim", "r", 1, 1, worker="w", pid=1)
    assert (gather.phase, gather.attempt, gather.node, gather.item) == ("3:4", 2, 1, "")
    assert pair.do("results", "r", [3, 4, 5, 6]) == ['"3"', None, '"5"', '"6"']
    assert [end.state for end in pair.do("ends", "r", [3, 4])] == ["success", "error"]
    do(pair, "succeed", Token("r", 1, 1, 2), "[]", by="w")
    finish(pair, "r", 2)
    assert run_of(pair, "r").settled


def test_only_a_map_that_is_not_expanded_expands(valkey: "redis.Redis") -> None:
    """Its items do not, nor does its second attempt, which gathers."""
    pair = Pair(valkey)
    do(pair, "launch", "r", MAP, "{}", by="s")
    finish(pair, "r", 0)
    do(pair, "expand", start(pair, "r", 1), ["1"], by="w")
    assert do(pair, "expand", start(pair, "r", 3), ["1"], by="w").code is Code.STALE
    do(pair, "succeed", Token("r", 3, 1, 1), "1", by="w")
    assert do(pair, "expand", start(pair, "r", 1), ["1", "2"], by="w").code is Code.STALE
    do(pair, "succeed", Token("r", 1, 1, 2), "[1]", by="w")
    finish(pair, "r", 2)


def test_an_expansion_that_broke_off_begins_anew(valkey: "redis.Redis") -> None:
    """Portions that came twice, or of an attempt that was lost, are written over."""
    pair = Pair(valkey)
    do(pair, "launch", "r", WIDE_MAP, "{}", by="s")
    token = start(pair, "r", 0)
    about = {"run": "r", "task": 0, "epoch": 1, "attempt": 1, "window": 2, "by": "w", "request_id": "q"}
    for _ in range(2):
        assert pair.engine._calls.expand(0, **about, first=0, items='["7"]', count=3).released == ()
    pair.reference._partitions[0].runs["r"].items[0, 0] = "7"
    do(pair, "lose", token, sure=True, counts=False, why="", by="s")
    assert pair.engine._calls.expand(0, **about, first=1, items='["8"]', count=3).code is Code.STALE
    pair.reference.expand(token, ["8"], by="w", request="q")
    pair.compare()
    answer = do(pair, "expand", start(pair, "r", 0), ["1", "2"], by="w")
    assert answer.released == (2, 3)
    assert do(pair, "claim", "r", 2, 1, worker="w", pid=1).item == "1"


def test_a_wide_map_is_filled_up_item_by_item(valkey: "redis.Redis") -> None:
    pair = Pair(valkey, every=40)
    do(pair, "launch", "r", WIDE_MAP, "{}", by="s")
    answer = do(pair, "expand", start(pair, "r", 0), [str(i) for i in range(620)], by="w")
    assert answer.released == tuple(range(2, 502))
    for index in range(2, 622):
        released = finish(pair, "r", index).released
        assert released == ((index + 500,) if index + 500 < 622 else (0,) if index == 621 else ())
    pair.compare()


def test_a_map_of_a_stopped_run_releases_nothing_more(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r", MAP, "{}", by="s")
    finish(pair, "r", 0)
    do(pair, "expand", start(pair, "r", 1), ["1", "2", "3"], window=2, by="w")
    token = start(pair, "r", 3)
    do(pair, "cancel", "r")
    assert do(pair, "succeed", token, "1", by="w").code is Code.CANCELED
    assert do(pair, "claim", "r", 4, 1, worker="w", pid=1).code is Code.CANCELED
    assert run_of(pair, "r").settled
    assert go_on(pair) == []


# --- pauses


def test_what_comes_in_vain_while_paused_is_sent_at_the_resume(valkey: "redis.Redis") -> None:
    """What runs goes on to its end; what that releases waits. A copy that came late may be first."""
    pair = Pair(valkey)
    do(pair, "launch", "r", DIAMOND, "{}", by="s")
    token = start(pair, "r", 0)
    pair.do("pause", "r")
    assert pair.do("renew", token).code is Code.OK
    assert do(pair, "succeed", token, "1", by="w").released == (1, 2)
    for task in (1, 2, 1):
        assert do(pair, "claim", "r", task, 1, worker="w", pid=1).code is Code.PAUSED
        pair.tick(1)
    pair.tick(60_000)
    assert pair.do("redispatch", 0) == ()
    assert go_on(pair) == []
    pair.do("resume", "r")
    pair.do("resume", "r")
    late = start(pair, "r", 1)
    assert go_on(pair) == [("r", 2)]
    do(pair, "succeed", late, "1", by="w")
    finish(pair, "r", 2, 3)
    assert pair.do("pause", "r").code is Code.FINISHED
    assert pair.do("resume", "r").code is Code.FINISHED
    assert pair.do("resume", "x").code is Code.NO_RUN


def test_an_item_that_ends_while_the_run_is_paused(valkey: "redis.Redis") -> None:
    """The next one waits, then the gathering does; neither is forgotten."""
    pair = Pair(valkey)
    do(pair, "launch", "r", MAP, "{}", by="s")
    finish(pair, "r", 0)
    do(pair, "expand", start(pair, "r", 1), ["1", "2"], window=1, by="w")
    token = start(pair, "r", 3)
    pair.do("pause", "r")
    assert do(pair, "succeed", token, "1", by="w").released == (4,)
    assert do(pair, "claim", "r", 4, 1, worker="w", pid=1).code is Code.PAUSED
    pair.do("resume", "r")
    pair.do("pause", "r")  # before the loops have come
    assert go_on(pair) == []
    pair.do("resume", "r")
    assert go_on(pair) == [("r", 4)]
    assert finish(pair, "r", 4).released == (1,)


def test_a_hook_does_not_mind_the_pause(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r", HOOKED, "{}", by="s")
    token = start(pair, "r", 0)
    pair.do("pause", "r")
    assert do(pair, "fail", token, {}, by="w").released == (3,)
    finish(pair, "r", 3)
    assert run_of(pair, "r").settled
    assert not run_of(pair, "r").paused, "nothing of it is left that could be resumed"


# --- decisions


def test_nobody_decides_in_time(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r", ASKS, "{}", by="s")
    do(pair, "ask", start(pair, "r", 0), {"text": "?"}, timeout=60)
    pair.tick(60_000)
    go_on(pair)
    assert states(pair, "r") == {0: "error", 1: "upstream_failed", 2: "queued"}
    assert do(pair, "decide", "r", 0, approved=True, info={}, by="s").code is Code.NOT_ASKED
    assert pair.do("ends", "r", [0])[0].error["reason"] == "timeout"


def test_the_last_word_is_a_persons(valkey: "redis.Redis") -> None:
    """Yes or no, it ends the run; who says it twice is heard once, and nobody else after."""
    for approved in (True, False):
        pair = Pair(valkey)
        do(pair, "launch", "r", ONE, "{}", by="s")
        do(pair, "ask", start(pair, "r", 0), {"text": "?"}, timeout=60)
        for _ in range(2):
            assert pair.do("decide", "r", 0, approved=approved, info={}, by="s", request="d").code is Code.OK
        assert do(pair, "decide", "r", 0, approved=True, info={}, by="s").code is Code.NOT_ASKED
        assert run_of(pair, "r").state is (RunState.SUCCESS if approved else RunState.ERROR)
        assert run_of(pair, "r").settled


def test_a_timer_of_an_earlier_epoch_decides_nothing(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r", ASKS, "{}", by="s")
    do(pair, "retry", start(pair, "r", 0), 60, {}, by="w")
    do(pair, "cancel", "r")
    restore(pair, "r", ASKS, [Kept(0, "", 1)])
    go_on(pair)
    do(pair, "ask", start(pair, "r", 0, 2), {})
    pair.tick(60_000)
    assert go_on(pair) == []
    assert do(pair, "decide", "r", 0, approved=True, info={"approved": True}, by="s").released == (1,)


def test_a_quiet_task_fails_for_itself(valkey: "redis.Redis") -> None:
    """However it fails, and though it is the last."""
    for how in ("fail", "lose"):
        pair = Pair(valkey)
        do(pair, "launch", "r", LEAF, "{}", by="s")
        finish(pair, "r", 0, 2)
        token = start(pair, "r", 1)
        if how == "fail":
            do(pair, "fail", token, {}, by="w")
        else:
            do(pair, "lose", token, sure=True, counts=True, why="", by="s")
            do(pair, "lose", start(pair, "r", 1), sure=True, counts=True, why="", by="s")
        assert (run_of(pair, "r").state, run_of(pair, "r").settled) == (RunState.SUCCESS, True)
        assert states(pair, "r")[1] == "error"


# --- native runs


def test_celery_decides_in_a_native_run(valkey: "redis.Redis") -> None:
    """A delivery is an attempt, the one before is lost; but its hooks are the engine's."""
    pair = Pair(valkey)
    assert do(pair, "launch", "n", NATIVE, "{}", by="s").released == ()
    first = start(pair, "n", 0)
    second = start(pair, "n", 0)
    assert do(pair, "succeed", first, "1", by="w").code is Code.STALE
    do(pair, "retry", second, 60, {}, by="w")
    third = start(pair, "n", 0)
    assert do(pair, "lose", third, sure=True, counts=True, why="", by="s").released == ()
    do(pair, "succeed", start(pair, "n", 0), "1", by="w")
    for index in (2, 4, 7):
        assert do(pair, "claim", "n", index, 1, worker="w", pid=1).code is Code.NOT_QUEUED
    assert finish(pair, "n", 1).released == (2,)
    hook = start(pair, "n", 2)
    assert do(pair, "lose", hook, sure=True, counts=False, why="", by="s").released == (2,)
    do(pair, "retry", start(pair, "n", 2), 5, {}, by="w")
    pair.tick(5000)
    assert go_on(pair) == [("n", 2)]
    finish(pair, "n", 2)
    assert run_of(pair, "n").settled


def test_what_a_failure_blocks_in_a_native_run(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    native = Plan("nat", CHAIN.nodes, engine="canvas")
    do(pair, "launch", "n", native, "{}", by="s")
    do(pair, "fail", start(pair, "n", 0), {}, by="w")
    assert states(pair, "n")[1] == states(pair, "n")[2] == TaskState.UPSTREAM_FAILED
    assert run_of(pair, "n").settled


# --- conditions


def test_conditions_wait_for_every_need(valkey: "redis.Redis") -> None:
    """However they end: the rescue only if one fails, some only if one succeeds, the report in any case."""
    succeeds, fails, skips = "succeed", "fail", "skip"
    for first, second in ((succeeds, skips), (skips, succeeds), (fails, succeeds), (succeeds, fails), (fails, fails)):
        pair = Pair(valkey)
        do(pair, "launch", "r", IFS, "{}", by="s")
        tokens = [start(pair, "r", 0), start(pair, "r", 1)]
        for how, token in zip((first, second), tokens, strict=True):
            assert set(states(pair, "r").values()) <= {"running", "success", "skipped", "error", "waiting"}
            do(pair, how, token, *({"succeed": ["1"], "fail": [{}], "skip": []}[how]), by="w")
        good = 2 - [first, second].count("fail")
        found = states(pair, "r")
        assert found[2] == ("skipped" if good == 2 else "queued")
        assert found[4] == ("queued" if good else "upstream_failed")
        assert found.get(3, "waiting") == ("queued" if good == 2 else "waiting")
        while queued := [index for index, state in states(pair, "r").items() if state == "queued"]:
            finish(pair, "r", queued[0])
        assert states(pair, "r")[5] == ("success" if good else "upstream_failed")
        assert run_of(pair, "r").settled


def test_what_waits_for_its_moment(valkey: "redis.Redis") -> None:
    """A countdown, a moment to come, and one that is over; each once, also if the task is tried again."""
    pair = Pair(valkey)
    assert do(pair, "launch", "r", LATER, "{}", by="s").released == ()
    assert do(pair, "claim", "r", 0, 1, worker="w", pid=1).code is Code.NOT_QUEUED
    pair.tick(5000)
    assert go_on(pair) == [("r", 0)]
    assert do(pair, "lose", start(pair, "r", 0), sure=True, counts=False, why="", by="s").released == (0,)
    assert finish(pair, "r", 0).released == (2,)
    assert states(pair, "r")[1] == "scheduled"
    pair.tick(25_000)
    assert go_on(pair) == [("r", 1)]


def test_what_a_stopped_run_has_waiting_goes(valkey: "redis.Redis") -> None:
    """[U-12] Timers when they are due, released tasks when they are found overdue."""
    pair = Pair(valkey)
    do(pair, "launch", "r", LATER, "{}", by="s")
    do(pair, "launch", "q", FORK, "{}", by="s")
    finish(pair, "q", 0)
    do(pair, "retry", start(pair, "q", 1), 5, {}, by="w")
    do(pair, "launch", "a", ASKS, "{}", by="s")
    do(pair, "ask", start(pair, "a", 0), {}, timeout=5)
    for run in ("r", "q", "a"):
        do(pair, "cancel", run)
    pair.tick(60_000)
    assert pair.do("promote", 0, by="s") == ((), 0)
    assert pair.do("redispatch", 0) == ()
    partition = pair.reference._partitions[0]
    assert not partition.timers
    assert not any(partition.ready.values())


def test_a_claim_whose_answer_was_lost(valkey: "redis.Redis") -> None:
    """[U-10] The same request again gets the same attempt; a renewal belongs to one attempt of one epoch."""
    pair = Pair(valkey)
    do(pair, "launch", "r", CHAIN, '{"a": 1}', by="s")
    first = pair.do("claim", "r", 0, 1, worker="w", pid=1, request="c")
    assert pair.do("claim", "r", 0, 1, worker="w", pid=1, request="c") == first
    assert do(pair, "claim", "r", 0, 1, worker="v", pid=2).code is Code.NOT_QUEUED
    token = Token("r", 0, 1, 1)
    for wrong in (replace(token, epoch=2), replace(token, attempt=2)):
        assert pair.do("renew", wrong).code is Code.STALE
    for request in ("1", "1", "2"):
        pair.do("log", token, [(1, "stdout", "hello")], request=request)
    pair.do("beat", 0, "w", {})
    pair.tick(8000)
    assert pair.do("sweep", 0) == ([], [])


# --- every outcome

OUTCOMES: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("succeed", ("1",), {"by": "w"}),
    ("skip", (), {"by": "w", "why": "no"}),
    ("fail", ({"type": "E"},), {"by": "w"}),
    ("retry", (5.0, {"type": "E"}), {"by": "w"}),
    ("retry", (0.0, {"type": "E"}), {"by": "w"}),
    ("lose", (), {"sure": True, "counts": True, "why": "", "by": "s"}),
    ("expand", (["1", "2"],), {"by": "w"}),
    ("spawn", ("c", ONE.hash, "{}", "x.SUB"), {"by": "w"}),
    ("ask", ({"text": "?"},), {"timeout": 5.0}),
)


def test_no_outcome_counts_twice(valkey: "redis.Redis") -> None:
    """The same request gets its answer again; others, wrong tokens and stopped runs are refused, and told once."""
    for how, values, names in OUTCOMES:
        _tell_again(Pair(valkey), how, values, names)


def _tell_again(pair: Pair, how: str, values: Any, names: Any) -> None:
    do(pair, "launch", "o", ONE, "{}", by="s")
    for run in ("r", "q"):
        do(pair, "launch", run, CHAIN, "{}", by="s")
    token, other = start(pair, "r", 0), start(pair, "q", 0)
    for wrong in (replace(token, epoch=2), replace(token, attempt=2)):
        for _ in range(2):
            assert pair.do(how, wrong, *values, **names, request=f"{wrong}").code is Code.STALE
    answer = pair.do(how, token, *values, **names, request="a")
    assert answer.code is Code.OK
    before = pair.state
    assert pair.do(how, token, *values, **names, request="a") == answer
    assert pair.state == before
    for _ in range(2):
        assert pair.do(how, token, *values, **names, request="b").code is Code.STALE
    do(pair, "cancel", "q")
    for request in ("a", "a", "b", "b"):
        assert pair.do(how, other, *values, **names, request=request).code is Code.CANCELED
    assert run_of(pair, "q").settled
