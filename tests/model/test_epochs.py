"""Runs that start runs, and new epochs, at the moments that matter. [U-1], [U-3], [U-5], [U-10], [U-12]"""

from dataclasses import replace

import redis

from tests.model.pair import Pair
from tests.model.plans import (
    BRANCH,
    CHAIN,
    DIAMOND,
    EMPTY,
    FORK,
    HOOKED,
    LATE_ROOT,
    LEAF,
    MAP,
    NOTHING,
    ONE,
    ROOT,
    START,
    plan,
    starts,
)
from tests.model.restoring import restoration
from tests.model.telling import do, finish, go_on, restore, run_of, spawn, start, states
from umbel.engine.engine import Token
from umbel.engine.portions import Kept, KeptMap
from umbel.machine import Code, RunState
from umbel.plan.model import Node, Plan

WIDE_MAP = Plan("widemap", (Node(0, "m", "m", map="${x}"), Node(1, "c", "c", (0,))))


# --- runs that start runs


def test_a_sub_run_ends_the_task_that_started_it(valkey: "redis.Redis") -> None:
    """Two last tasks give a list, a quiet one does not count; a failure is told as one."""
    pair = Pair(valkey)
    do(pair, "launch", "p", BRANCH, "{}", by="s")
    assert [(item.run, item.task) for item in spawn(pair, "p", "c", LEAF).items] == [("c", 0), ("c", 1), ("c", 2)]
    finish(pair, "c", 0, 1, 2)
    assert go_on(pair) == [("p", 1)]
    assert pair.do("results", "p", [0]) == ['["0","2"]']
    do(pair, "launch", "q", BRANCH, "{}", by="s")
    spawn(pair, "q", "d", LEAF)
    do(pair, "fail", start(pair, "d", 0), {}, by="w")
    assert go_on(pair) == []
    finish(pair, "d", 1, 2)
    assert go_on(pair) == []
    assert pair.do("ends", "q", [0])[0].error["reason"] == "run"


def test_an_empty_sub_run_has_ended_at_once(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    parent = starts("p", EMPTY, Node(1, "b", "b", (0,)))
    do(pair, "launch", "p", parent, "{}", by="s")
    assert spawn(pair, "p", "c", EMPTY).items == ()
    assert go_on(pair) == [("p", 1)]


def test_a_run_that_only_starts_another_ends_with_it(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "p", NOTHING, "{}", by="s")
    spawn(pair, "p", "c", EMPTY)
    assert go_on(pair) == []
    assert run_of(pair, "p").state is RunState.SUCCESS


def test_a_stop_reaches_the_runs_below(valkey: "redis.Redis") -> None:
    """A canceled run's, and one's whose time is over."""
    for how in ("cancel", "deadline"):
        pair = Pair(valkey)
        top = LATE_ROOT if how == "deadline" else ROOT
        do(pair, "launch", "p", top, "{}", by="s")
        spawn(pair, "p", "c", BRANCH if top is ROOT else LEAF)
        if top is ROOT:
            spawn(pair, "c", "d", LEAF)
        below = "d" if top is ROOT else "c"
        own = [] if top is ROOT else [start(pair, "p", 1)]
        token = start(pair, below, 0)
        if how == "cancel":
            do(pair, "cancel", "p")
        else:
            pair.tick(20_000)
            pair.do("promote", 0, by="s")
        assert pair.do("renew", token).code is Code.CANCELED
        for each in own:
            assert pair.do("promote", 0, by="s")[0] == ()
            do(pair, "succeed", each, "1", by="w")
        assert run_of(pair, "p").settled
        assert not run_of(pair, below).settled
        do(pair, "succeed", token, "1", by="w")
        assert all(run.settled for run in pair.reference._partitions[0].runs.values())
        assert go_on(pair) == []


def test_a_stop_leaves_alone_what_is_not_below_any_more(valkey: "redis.Redis") -> None:
    """A run that was lost and launched again by itself, and has settled: nothing may be told of it after that."""
    pair = Pair(valkey)
    do(pair, "launch", "p", BRANCH, "{}", by="s")
    spawn(pair, "p", "c", LEAF)
    pair.vanish("c")
    do(pair, "launch", "c", ONE, "{}", by="s")
    finish(pair, "c", 0)
    assert run_of(pair, "c").settled
    do(pair, "cancel", "p")
    assert not run_of(pair, "c").stopped
    assert run_of(pair, "p").settled


def test_many_sub_runs_are_stopped_in_portions(valkey: "redis.Redis") -> None:
    """[U-12] And their run is not settled, so not forgotten, before they all know."""
    pair = Pair(valkey, every=40)
    many = Plan("many", (*starts("", ONE).nodes,), subplans=(ONE,))
    many = replace(many, nodes=tuple(replace(many.nodes[0], index=i, key=f"w{i}") for i in range(300)))
    do(pair, "launch", "p", many, "{}", by="s")
    for index in range(300):
        spawn(pair, "p", f"c{index}", ONE, index)
    do(pair, "fail", start(pair, "c299", 0), {}, by="w")
    do(pair, "cancel", "p")
    children = [run for run in pair.reference._partitions[0].runs.values() if run.parent]
    assert len([run for run in children if run.stopped]) == 125
    assert not run_of(pair, "p").settled
    assert pair.do("forget", ["p"]) == 0
    go_on(pair)
    pair.compare()
    assert run_of(pair, "p").settled
    assert all(run.stopped or run.settled for run in children)


def test_the_plans_below_stay_as_long_as_the_run(valkey: "redis.Redis") -> None:
    """[U-12] Also those that only a sub-run's own plan knows of."""
    pair = Pair(valkey)
    do(pair, "launch", "p", ROOT, "{}", by="s")
    branch = replace(BRANCH, subplans=())
    do(pair, "launch", "q", branch, "{}", by="s")
    do(pair, "cancel", "p")
    assert pair.do("forget", ["p"]) == 1
    pair.expire()
    assert spawn(pair, "q", "c", LEAF).code is Code.OK
    do(pair, "cancel", "q")
    pair.do("forget", ["q", "c"])
    pair.expire()
    assert not pair.reference._partitions[0].plans


def test_a_sub_run_that_has_no_plan_here(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "p", BRANCH, "{}", by="s")
    token = start(pair, "p", 0)
    assert do(pair, "spawn", token, "c", "nope", "{}", "x.SUB", by="w").code is Code.NO_PLAN
    do(pair, "fail", token, {}, by="w")


def test_the_one_result_of_a_sub_run_is_that_of_the_task(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "p", BRANCH, "{}", by="s")
    do(pair, "launch", "o", CHAIN, "{}", by="s")
    spawn(pair, "p", "c", CHAIN)
    finish(pair, "c", 0, 1, 2)
    assert go_on(pair) == [("p", 1)]
    assert pair.do("results", "p", [0]) == ['"2"']
    assert pair.do("forget", ["p", "c"]) == 1
    assert pair.do("forget", ["p", "c"]) == 0


def test_only_the_run_that_a_task_waits_for_ends_it(valkey: "redis.Redis") -> None:
    """Not one that it had started in an earlier life, and not the same once more."""
    pair = Pair(valkey)
    do(pair, "launch", "p", BRANCH, "{}", by="s")
    spawn(pair, "p", "c", LEAF)
    pair.vanish("p")
    restore(pair, "p", BRANCH, [Kept(0, "", 1)])
    go_on(pair)
    do(pair, "spawn", start(pair, "p", 0, 2), "d", LEAF.hash, "{}", "x.SUB", by="w")
    do(pair, "cancel", "c")
    assert go_on(pair) == []
    do(pair, "cancel", "d")
    go_on(pair)
    assert states(pair, "p") == {0: "error", 1: "upstream_failed"}
    restore(pair, "d", LEAF, [], parent="p:0")
    do(pair, "cancel", "d")
    assert go_on(pair) == []
    assert not pair.reference._partitions[0].timers


def test_a_timer_of_an_earlier_epoch_ends_no_wait(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "p", BRANCH, "{}", by="s")
    do(pair, "retry", start(pair, "p", 0), 5, {}, by="w")
    do(pair, "cancel", "p")
    restore(pair, "p", BRANCH, [Kept(0, "", 1)])
    go_on(pair)
    do(pair, "spawn", start(pair, "p", 0, 2), "c", LEAF.hash, "{}", "x.SUB", by="w")
    pair.tick(5000)
    assert go_on(pair) == []
    assert states(pair, "p") == {0: "expanded"}


def test_a_deadline_that_comes_after_a_cancel(valkey: "redis.Redis") -> None:
    """While the last body ends. Nothing is told twice."""
    pair = Pair(valkey)
    do(pair, "launch", "p", LATE_ROOT, "{}", by="s")
    token = start(pair, "p", 1)
    do(pair, "cancel", "p")
    pair.tick(20_000)
    assert pair.do("promote", 0, by="s") == ((), 0)
    do(pair, "succeed", token, "1", by="w")
    assert run_of(pair, "p").settled


# --- new epochs


def test_a_failed_run_runs_again_from_what_failed(valkey: "redis.Redis") -> None:
    """[U-3] Old tokens are refused, attempts and events go on counting, the same call again changes nothing."""
    pair = Pair(valkey)
    do(pair, "launch", "r", DIAMOND, "{}", by="s")
    finish(pair, "r", 0)
    old = start(pair, "r", 1)
    do(pair, "fail", old, {}, by="w")
    finish(pair, "r", 2)
    run = run_of(pair, "r")
    assert run.settled
    again = {**restoration(run, DIAMOND, -1).arguments(run, DIAMOND, 2), "seq": 1}  # the history lags behind
    assert pair.do("restore", **again, request="q") is Code.OK
    assert pair.do("restore", **again, request="q") is Code.OK
    assert pair.do("restore", **again, request="other") is Code.EXISTS
    assert do(pair, "claim", "r", 1, 1, worker="w", pid=1).code is Code.STALE
    assert do(pair, "succeed", old, "1", by="w").code is Code.STALE
    assert go_on(pair) == [("r", 1)]
    assert do(pair, "restore", **{**again, "epoch": 3}) is Code.LIVE
    token = start(pair, "r", 1, 2)
    assert token.attempt == 2
    do(pair, "succeed", token, "1", by="w")
    finish(pair, "r", 3, epoch=2)
    assert run_of(pair, "r").state is RunState.SUCCESS


def test_two_who_restore_do_not_mix(valkey: "redis.Redis") -> None:
    """Whoever comes last has it; a portion of the other is refused, and nobody sees half a run."""
    pair = Pair(valkey)
    do(pair, "launch", "r", FORK, "{}", by="s")
    do(pair, "cancel", "r")
    run = run_of(pair, "r")
    half = restoration(run, FORK)
    first, second = (half.wanted(run, FORK, 2, name) for name in ("first", "second"))
    older, newer = (half.wanted(run, FORK, epoch, f"epoch {epoch}") for epoch in (1, 3))
    kept = [Kept(0, "success", 1, "1")]
    assert pair.restore_portion(first, 0, kept, False) is Code.OK
    assert pair.restore_portion(first, 0, kept, False) is Code.OK
    assert pair.restore_portion(first, 2, [], True) is Code.STALE
    assert pair.restore_portion(older, 0, kept, False) is Code.EXISTS
    assert pair.restore_portion(second, 0, kept, False) is Code.OK
    assert pair.restore_portion(first, 1, [], True) is Code.STALE
    for method in ("cancel", "pause", "resume"):
        assert pair.do(method, "r", **({"request": "x"} if method == "cancel" else {})).code is Code.NO_RUN
    assert pair.do("renew", Token("r", 1, 2, 1)).code is Code.NO_RUN
    assert do(pair, "launch", "r", FORK, "{}", by="s").code is Code.EXISTS
    assert do(pair, "claim", "r", 1, 2, worker="w", pid=1).code is Code.NO_RUN
    assert pair.do("advance", 0, run="r", by="s") == ((), 0)
    assert pair.restore_portion(second, 1, [Kept(1, "", 1)], True) is Code.OK
    assert pair.restore_portion(second, 1, [Kept(1, "", 1)], True) is Code.OK
    assert pair.restore_portion(newer, 0, kept, False) is Code.LIVE
    assert go_on(pair) == [("r", 1), ("r", 2)]


def test_work_of_the_earlier_epoch_does_not_touch_the_new_one(valkey: "redis.Redis") -> None:
    """A run may have settled while its list of work was not empty; then a loop comes in the middle of the restore."""
    pair = Pair(valkey)
    wide = plan("blocked", (), *[(0,)] * 700, (0,))
    do(pair, "launch", "r", wide, "{}", by="s")
    do(pair, "fail", start(pair, "r", 0), {}, by="w")
    do(pair, "cancel", "r")
    run = run_of(pair, "r")
    valkey.zadd("umbel:{0}:cursors", {"r": pair.now})
    pair.reference._partitions[0].cursors["r"] = pair.now
    again = restoration(run, wide).wanted(run, wide, 2, "q")
    pair.restore_portion(again, 0, [Kept(0, "success", 1, "1")], False)
    pair.do("advance", 0, by="s", run="r")
    pair.do("advance", 0, by="s")
    pair.restore_portion(again, 1, [], True)
    assert len(go_on(pair)) == 701


def test_a_run_of_which_everything_is_kept_ends_at_once(valkey: "redis.Redis") -> None:
    """The history had its tasks, not its end; and its hook is called."""
    pair = Pair(valkey)
    assert restore(pair, "r", HOOKED, [Kept(0, "success", 1, "1"), Kept(1, "skipped", 1, "null")]) is Code.OK
    assert go_on(pair) == [("r", 2)]
    finish(pair, "r", 2, epoch=2)
    assert run_of(pair, "r").settled


def test_a_hook_that_had_been_called_is_called_again(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    tasks = [Kept(0, "error", 1, '{"type": "E"}'), Kept(1, "upstream_failed", 0), Kept(3, "queued", 2)]
    restore(pair, "r", HOOKED, tasks, state="error")
    assert go_on(pair) == [("r", 3)]
    assert pair.do("ends", "r", [0])[0].error == {"type": "E"}
    assert not run_of(pair, "r").settled
    assert start(pair, "r", 3, 2).attempt == 3
    done = [Kept(0, "error", 1), Kept(1, "upstream_failed", 0), Kept(3, "success", 1, "1")]
    restore(pair, "q", HOOKED, done, state="error")
    assert go_on(pair) == []
    assert run_of(pair, "q").settled


def test_a_restored_map_keeps_what_its_items_gave(valkey: "redis.Redis") -> None:
    """If there are as many as then; all of them, and it gathers at once."""
    pair = Pair(valkey)
    kept = [
        Kept(0, "success", 1, "1"),
        Kept(1, "", 2),
        Kept(3, "success", 1, '"x"'),
        Kept(4, "", 1),
        Kept(5, "success", 1),
    ]
    for run, count, released in (("r", 3, (4,)), ("q", 2, (6, 7))):
        restore(pair, run, MAP, kept, maps=[KeptMap(1, 3, 3, 2)], size=6)
        assert go_on(pair) == [(run, 1)]
        token = start(pair, run, 1, 2)
        assert do(pair, "expand", token, ["1", "2", "3"][:count], window=2, by="w").released == released
        assert finish(pair, run, *released, epoch=2).released == (1,)
    restore(pair, "s", MAP, [*kept[:3], Kept(4, "skipped", 1), *kept[4:]], maps=[KeptMap(1, 3, 3, 3)], size=6)
    go_on(pair)
    assert do(pair, "expand", start(pair, "s", 1, 2), ["1", "2", "3"], by="w").released == (1,)
    assert do(pair, "claim", "s", 1, 2, worker="w", pid=1).phase == "3:3"


def test_many_kept_items_are_passed_over_in_portions(valkey: "redis.Redis") -> None:
    pair = Pair(valkey, every=20)
    kept = [Kept(index, "success", 1, "1") for index in range(2, 1_302)]
    restore(pair, "r", WIDE_MAP, kept, maps=[KeptMap(0, 2, 1_303, 1_300)], size=1_305)
    assert go_on(pair) == [("r", 0)]
    assert do(pair, "expand", start(pair, "r", 0, 2), ["1"] * 1_303, by="w").released == ()
    assert go_on(pair) == [("r", 1302), ("r", 1303), ("r", 1304)]
    assert finish(pair, "r", 1302, 1303, 1304, epoch=2).released == (0,)


def test_a_lost_run_waits_again_for_the_run_that_it_had_started(valkey: "redis.Redis") -> None:
    """[U-1] Which may be under way, may end in the middle of the restore, or may have ended before."""
    for when in ("later", "between", "before"):
        pair = Pair(valkey)
        do(pair, "launch", "p", BRANCH, "{}", by="s")
        spawn(pair, "p", "c", LEAF)
        run = run_of(pair, "p").copy()
        again = restoration(run, BRANCH)
        assert again.tasks == [Kept(0, "expanded", 1, "c")]
        pair.vanish("p")
        if when == "before":
            finish(pair, "c", 0, 1, 2)
        wanted = again.wanted(run, BRANCH, 2, "q")
        pair.restore_portion(wanted, 0, again.tasks, False)
        if when == "between":
            finish(pair, "c", 0, 1, 2)
        assert go_on(pair) == []
        pair.restore_portion(wanted, 1, [], True)
        if when == "later":
            finish(pair, "c", 0, 1, 2)
        pair.tick(1000)
        assert go_on(pair) == [("p", 1)]


def test_a_lost_run_hears_how_the_run_that_it_had_started_has_ended(valkey: "redis.Redis") -> None:
    """[U-1] Of which the store knows nothing any more."""
    for state, released in (("success", [("p", 1)]), ("error", [])):
        pair = Pair(valkey)
        do(pair, "launch", "p", BRANCH, "{}", by="s")
        spawn(pair, "p", "c", LEAF)
        wanted = restoration(run := run_of(pair, "p").copy(), BRANCH).wanted(run, BRANCH, 2, "q")
        pair.vanish("p")
        pair.vanish("c")
        pair.restore_portion(wanted, 0, [Kept(0, "expanded", 1, "c", state, '"all"')], False)
        assert go_on(pair) == []
        pair.restore_portion(wanted, 1, [], True)
        pair.tick(1000)
        assert go_on(pair) == released
        assert states(pair, "p")[0] == state
        assert pair.do("results", "p", [0]) == (['"all"'] if state == "success" else [None])


def test_an_item_starts_its_run_anew(valkey: "redis.Redis") -> None:
    """Its map has to expand again first; the run of its first life ends without telling anybody."""
    pair = Pair(valkey)
    sub_map = Plan("submap", (replace(BRANCH.nodes[0], map="${x}"),), subplans=(LEAF,))
    do(pair, "launch", "p", sub_map, "{}", by="s")
    do(pair, "expand", start(pair, "p", 0), ["1"], by="w")
    spawn(pair, "p", "c", LEAF, 1)
    pair.vanish("p")
    restore(pair, "p", sub_map, [Kept(0, "", 1), Kept(1, "expanded", 1, "c")], maps=[KeptMap(0, 1, 1, 0)], size=2)
    finish(pair, "c", 0, 1, 2)
    assert go_on(pair) == [("p", 0)]
    assert do(pair, "expand", start(pair, "p", 0, 2), ["1"], by="w").released == (1,)


def test_a_restored_run_has_its_whole_time_again(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    do(pair, "launch", "r", LATE_ROOT, "{}", by="s")
    pair.tick(20_000)
    go_on(pair)
    assert (run_of(pair, "r").state, run_of(pair, "r").stopped) == (RunState.ERROR, True)
    restore(pair, "r", LATE_ROOT, [])
    go_on(pair)
    assert pair.reference._partitions[0].deadlines == {"r": START + 40_000}


def test_only_what_is_behind_the_history_is_dropped(valkey: "redis.Redis") -> None:
    """[U-5] With results, parked tasks, deadline and the runs that it waits for; and its plans may go. [U-12]"""
    pair = Pair(valkey)
    do(pair, "launch", "p", LATE_ROOT, "{}", by="s")
    spawn(pair, "p", "c", LEAF)
    pair.do("pause", "p")
    assert do(pair, "claim", "p", 1, 1, worker="w", pid=1).code is Code.PAUSED
    pair.do("resume", "p")  # what was parked waits to be released
    seq = run_of(pair, "p").seq
    assert pair.do("drop", "p", 1, seq) is Code.EXISTS
    assert pair.do("drop", "p", 0, seq + 1) is Code.EXISTS
    assert pair.do("drop", "p", 1, seq + 1) is Code.OK
    assert pair.do("drop", "p", 1, seq + 1) is Code.NO_RUN
    pair.do("beat", 0, "w", {})
    do(pair, "launch", "x", ONE, "{}", by="s")
    start(pair, "c", 0)
    start(pair, "x", 0)
    assert pair.do("drop", "c", 2, 1) is Code.OK
    assert [token.run for _, token in pair.do("held", "w")] == ["x"]
    assert pair.do("drop", "x", 1, 99) is Code.OK
    pair.tick(60_000)
    assert go_on(pair) == []
    pair.expire()
    assert not pair.reference._partitions[0].plans


def test_a_run_that_was_forgotten_has_no_plan_to_let_go(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    for run in ("a", "b"):
        do(pair, "launch", run, ONE, "{}", by="s")
    assert do(pair, "skip", start(pair, "a", 0), by="w").code is Code.OK
    pair.do("forget", ["a"])
    assert pair.do("drop", "a", 1, 99) is Code.OK
    pair.expire()
    assert start(pair, "b", 0)
