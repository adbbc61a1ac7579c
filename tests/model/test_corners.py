"""Moments that arbitrary steps seldom meet, told to both engines: [U-3], [U-6], [U-7], [U-10], [U-12]."""

from typing import Any

import redis

from tests.model.pair import Pair
from tests.model.plans import CHAIN, CROSSED, FORK, HOOKED, JOIN, ONE
from umbel.engine.engine import Token, request_id
from umbel.machine import Code, RunState

LEASE = 8000


def do(pair: Pair, method: str, *args: Any, **kwargs: Any) -> Any:
    """A call with a request id of its own, the same for both."""
    return pair.do(method, *args, **kwargs, request=request_id())


def running(pair: Pair, *runs: str, worker: str = "w") -> list[Token]:
    """One task of each new run, in the hands of the worker."""
    for run in runs:
        do(pair, "launch", run, ONE, "{}", by="s")
        do(pair, "claim", run, 0, 1, worker=worker, pid=1)
    return [Token(run, 0, 1, 1) for run in runs]


def test_a_lease_lasts_through_its_last_millisecond(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    (token,) = running(pair, "a")
    pair.tick(LEASE)
    assert pair.do("sweep", 0)[0] == []
    assert do(pair, "lose", token, sure=False, counts=True, why="", by="s").code is Code.ALIVE
    pair.tick(1)
    assert [lost.token for lost in pair.do("sweep", 0)[0]] == [token]
    assert do(pair, "lose", token, sure=False, counts=True, why="", by="s").code is Code.OK


def test_no_task_is_blamed_for_a_worker_that_died_with_several(valkey: "redis.Redis") -> None:
    """However many of them are taken over already when a second loop looks."""
    pair = Pair(valkey)
    pair.do("beat", 0, "w", {})
    first, second = running(pair, "a", "b")
    pair.tick(LEASE + 1)
    found, gone = pair.do("sweep", 0)
    assert [(lost.token, lost.sure, lost.counts) for lost in found] == [(first, True, False), (second, True, False)]
    assert not gone
    do(pair, "lose", first, sure=True, counts=False, why="", by="s")
    assert [(lost.token, lost.counts) for lost in pair.do("sweep", 0)[0]] == [(second, False)]
    do(pair, "lose", second, sure=True, counts=False, why="", by="s")
    found, gone = pair.do("sweep", 0)
    assert (found, [each.worker for each in gone]) == ([], ["w"])
    assert pair.do("sweep", 0) == ([], [])


def test_a_worker_that_comes_back_starts_anew(valkey: "redis.Redis") -> None:
    """What it held when it was silent says nothing about its next death."""
    pair = Pair(valkey)
    pair.do("beat", 0, "w", {})
    first, second = running(pair, "a", "b")
    pair.tick(LEASE + 1)
    pair.do("sweep", 0)
    do(pair, "lose", first, sure=True, counts=False, why="", by="s")
    pair.do("beat", 0, "w", {})
    pair.tick(LEASE + 1)
    assert [(lost.token, lost.counts) for lost in pair.do("sweep", 0)[0]] == [(second, True)]


def test_a_lease_that_ends_just_before_its_workers_is_not_the_tasks_fault(valkey: "redis.Redis") -> None:
    """Both die at once, but the worker's last sign of life came later. Had it lived on, the task would be to blame."""
    pair = Pair(valkey)
    running(pair, "a", "b")
    pair.tick(3000)
    pair.do("beat", 0, "w", {})
    pair.tick(LEASE - 3000 + 1)
    assert [(lost.sure, lost.counts) for lost in pair.do("sweep", 0)[0]] == [(False, False)] * 2
    pair.do("beat", 0, "w", {})
    assert [(lost.sure, lost.counts) for lost in pair.do("sweep", 0)[0]] == [(False, True)] * 2


def test_a_run_that_was_lost_and_launched_again(valkey: "redis.Redis") -> None:
    """What stands in the common keys from its first life harms nothing and goes."""
    pair = Pair(valkey)
    do(pair, "launch", "r", CHAIN, "{}", by="s")
    do(pair, "claim", "r", 0, 1, worker="w", pid=1)
    do(pair, "retry", Token("r", 0, 1, 1), 5, {}, by="w")
    do(pair, "launch", "q", ONE, "{}", by="s")
    do(pair, "claim", "q", 0, 1, worker="w", pid=1)
    do(pair, "launch", "p", ONE, "{}", by="s")
    pair.do("beat", 0, "w", {})
    for run in ("r", "q", "p"):
        pair.vanish(run)
    do(pair, "launch", "r", FORK, "{}", by="s")
    do(pair, "claim", "r", 0, 1, worker="v", pid=1)
    do(pair, "launch", "p", CHAIN, "{}", by="s")
    do(pair, "claim", "p", 0, 1, worker="v", pid=1)
    pair.do("beat", 0, "v", {})
    pair.tick(6000)
    assert pair.do("promote", 0, by="s") == ((), 0)
    pair.tick(LEASE)
    assert [lost.token.run for lost in pair.do("sweep", 0)[0]] == ["r", "p"]
    pair.tick(20_000)
    assert pair.do("redispatch", 0) == ()
    do(pair, "launch", "q", ONE, "{}", by="s")
    pair.do("sweep", 0)


def test_a_message_left_over_from_a_first_life(valkey: "redis.Redis") -> None:
    """A task that is no longer queued is not sent again."""
    pair = Pair(valkey)
    do(pair, "launch", "r", ONE, "{}", by="w")
    pair.vanish("r")
    do(pair, "launch", "r", CROSSED, "{}", by="w")  # the same task, in another queue
    do(pair, "claim", "r", 0, 1, worker="w", pid=1)
    do(pair, "claim", "r", 1, 1, worker="w", pid=1)
    do(pair, "launch", "x", FORK, "{}", by="w")
    pair.vanish("x")
    pair.tick(60_000)
    pair.do("redispatch_of", 0, "w", heads={"": 5})
    pair.do("redispatch", 0)
    assert not any(pair.reference._partitions[0].ready.values())


def test_what_a_busy_queue_has_passed_is_sent_again(valkey: "redis.Redis") -> None:
    """[U-8] Nothing stands still there, so that only the order of the claims tells that a message was lost."""
    pair = Pair(valkey)
    do(pair, "launch", "lost", ONE, "{}", by="w")
    pair.tick(1)
    do(pair, "launch", "next", ONE, "{}", by="w")
    do(pair, "launch", "last", ONE, "{}", by="w")
    pair.tick(15_000)
    do(pair, "claim", "next", 0, 1, worker="w", pid=1)
    assert [item.run for item in pair.do("redispatch", 0)] == ["lost"]


def test_retries_left_over_from_a_first_life(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r", ONE, "{}", by="w")
    do(pair, "claim", "r", 0, 1, worker="w", pid=1)
    do(pair, "retry", Token("r", 0, 1, 1), 5, {}, by="w")
    pair.vanish("r")
    do(pair, "launch", "r", ONE, "{}", by="w")
    pair.tick(5000)
    assert pair.do("promote", 0, by="s") == ((), 0)


def test_the_hold_of_a_first_life_is_dropped(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    pair.do("beat", 0, "w", {})
    running(pair, "r")
    pair.vanish("r")
    running(pair, "r", worker="v")
    do(pair, "retry", Token("r", 0, 1, 1), 0, {}, by="v")
    do(pair, "claim", "r", 0, 1, worker="v", pid=1)
    pair.tick(LEASE - 1000)
    assert pair.do("renew", Token("r", 0, 1, 2)).code is Code.OK
    pair.tick(2000)
    found, gone = pair.do("sweep", 0)
    assert (found, [each.worker for each in gone]) == ([], ["w"])


def test_a_poisoned_task_fails_and_the_rest_goes_on(valkey: "redis.Redis") -> None:
    """[U-7] After `max_lost` losses of its own doing, with what it was about in the event."""
    pair = Pair(valkey)
    do(pair, "launch", "r", FORK, "{}", by="s")
    do(pair, "claim", "r", 0, 1, worker="w", pid=1)
    assert do(pair, "lose", Token("r", 0, 1, 1), sure=True, counts=False, why="machine", by="s").released == (0,)
    for attempt in (2, 3):
        do(pair, "claim", "r", 0, 1, worker="w", pid=1)
        answer = do(pair, "lose", Token("r", 0, 1, attempt), sure=True, counts=True, why="signal 9", by="s")
        assert answer.released == ((0,) if attempt == 2 else ())
    run = pair.reference._partitions[0].runs["r"]
    assert (run.state, run.settled) == (RunState.ERROR, True)
    failed = next(event for event in pair.reference._partitions[0].events if event.type == "task.failed")
    assert failed.data["type"] == "TaskPoisoned"
    assert "2 times" in failed.data["exception"]


def test_a_zombie_of_a_canceled_run(valkey: "redis.Redis") -> None:
    """[U-3] Its run settles when its outcome comes, or its lease ends; it is told once."""
    for last in ("succeed", "lose"):
        pair = Pair(valkey)
        (token,) = running(pair, "r")
        do(pair, "cancel", "r")
        assert pair.do("renew", token).code is Code.CANCELED
        run = pair.reference._partitions[0].runs["r"]
        assert not run.settled
        pair.tick(LEASE + 1)
        request = request_id()
        for _ in range(2):
            if last == "succeed":
                answer = pair.do("succeed", token, "1", by="w", request=request)
            else:
                answer = pair.do("lose", token, sure=False, counts=True, why="", by="w", request=request)
            assert answer.code is Code.CANCELED
        assert run.settled
        kinds = [event.type for event in pair.reference._partitions[0].events]
        assert kinds.count("task.fenced") == kinds.count("run.settled") == 1


def test_a_canceled_run_settles_only_when_its_last_body_has_ended(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r0", JOIN, "{}", by="s")
    for task in (0, 1):
        do(pair, "claim", "r0", task, 1, worker="w1", pid=task)
    do(pair, "cancel", "r0")
    do(pair, "succeed", Token("r0", 0, 1, 1), "1", by="w1/0")
    do(pair, "fail", Token("r0", 1, 1, 1), {"exception": "late"}, by="w1/1")


def test_a_plan_stays_as_long_as_one_run_uses_it(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    for run in ("r0", "r1"):
        do(pair, "launch", run, ONE, "{}", by="s")
    for run in ("r0", "r1"):
        do(pair, "claim", run, 0, 1, worker="w1", pid=1)
        do(pair, "succeed", Token(run, 0, 1, 1), "1", by="w1/1")
        pair.do("forget", [run])


def test_an_outcome_of_another_epoch_is_refused(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r0", ONE, "{}", by="s")
    do(pair, "claim", "r0", 0, 1, worker="w1", pid=1)
    do(pair, "fail", Token("r0", 0, 2, 1), {"exception": "from another life"}, by="w1/1")


def test_hooks_run_after_the_end_and_hold_the_run_open(valkey: "redis.Redis") -> None:
    """The success hook once all is done, the failure hook with the first error; the run settles after them. [U-4]"""
    pair = Pair(valkey)
    do(pair, "launch", "good", HOOKED, "{}", by="s")
    for task in (0, 1, 2):
        do(pair, "claim", "good", task, 1, worker="w1", pid=1)
        done = do(pair, "succeed", Token("good", task, 1, 1), "1", by="w1/1")
        assert done.released == {0: (1,), 1: (2,), 2: ()}[task]
    do(pair, "launch", "bad", HOOKED, "{}", by="s")
    do(pair, "claim", "bad", 0, 1, worker="w1", pid=1)
    assert do(pair, "fail", Token("bad", 0, 1, 1), {"exception": "x"}, by="w1/1").released == (3,)
    do(pair, "claim", "bad", 3, 1, worker="w1", pid=1)
    assert do(pair, "fail", Token("bad", 3, 1, 1), {"exception": "y"}, by="w1/1").released == ()
    ends = [(event.run, event.type) for _, event in pair.engine.read_events(0, "0-0", 100, 1) if not event.task]
    assert ends.count(("good", "run.settled")) == ends.count(("bad", "run.settled")) == 1
    assert ("bad", "run.failed") in ends
    assert ("good", "run.succeeded") in ends


def test_a_worker_need_not_say_everything_with_each_sign_of_life(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    about = {"queues": ["celery"], "tasks": ["A"]}
    for info, known in (({}, {}), (about, about), ({}, about), ({"queues": []}, {"queues": []})):
        pair.do("beat", 0, "w", info)
        assert [{key: row[key] for key in row if key in about} for row in pair.do("workers")] == [known]
    pair.do("beat", 0, "w", {}, leaving=True)
    pair.do("sweep", 0)
