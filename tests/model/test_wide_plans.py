"""Plans that are too wide for one call: [U-1], [U-4]. What is left over waits in the store, where anyone may go on."""

import pytest
import redis

from tests.model.pair import SETTINGS, Pair
from tests.model.plans import plan
from umbel.engine.engine import Token
from umbel.machine import Code, RunState, TaskState
from umbel.plan.model import Plan

WIDTH = 1_230
FAN = plan("fan", (), *[(0,)] * WIDTH, tuple(range(1, WIDTH + 1)), queues={1: "fast"})
ROOTS = plan("roots", *[()] * WIDTH)
TAILS = plan("tails", (), *[(0,)] * 520, *[(i,) for i in range(1, 521)])


def open_fan(pair: Pair, how: str = "succeed") -> None:
    """Launch the fan and end its first task."""
    pair.do("launch", "r0", FAN, "{}", by="w0", request="l")
    pair.do("claim", "r0", 0, 1, worker="w0", pid=1, request="c0")
    token = Token("r0", 0, 1, 1)
    if how == "succeed":
        assert len(pair.do("succeed", token, "0", by="w0", request="s0").released) == 500
    else:
        assert pair.do("fail", token, {}, by="w0", request="s0").code is Code.OK


def go_on(pair: Pair, run: str = "") -> int:
    """Advance until nothing is left; how many tasks that released."""
    total = 0
    for _ in range(10):
        items, more = pair.do("advance", 0, by="w1", run=run)
        total += len(items)
        if not items and not more:
            return total
    raise AssertionError("advance finds no end")


def test_a_wide_release_and_a_wide_join(valkey: "redis.Redis") -> None:
    """Every task once, in portions of at most 500, and the join after the last; its inputs are read in pieces."""
    pair = Pair(valkey, every=100)
    open_fan(pair)
    assert go_on(pair) == WIDTH - 500
    pair.compare()
    for index in range(1, WIDTH + 1):
        pair.do("claim", "r0", index, 1, worker="w0", pid=1, request=f"c{index}")
        released = pair.do("succeed", Token("r0", index, 1, 1), str(index), by="w0", request=f"s{index}").released
        assert released == ((WIDTH + 1,) if index == WIDTH else ())
    join = pair.do("claim", "r0", WIDTH + 1, 1, worker="w0", pid=1, request="join")
    assert join.inputs == ""
    assert pair.do("inputs", "r0", WIDTH + 1, FAN.hash) == [str(index) for index in range(1, WIDTH + 1)]
    pair.do("succeed", Token("r0", WIDTH + 1, 1, 1), "1", by="w0", request="end")
    pair.compare()
    assert pair.reference._partitions[0].runs["r0"].state is RunState.SUCCESS


@pytest.mark.parametrize("run", ["", "r0"])
def test_whoever_comes_goes_on_after_a_crash(valkey: "redis.Redis", run: str) -> None:
    """The caller of succeed never comes back; two others share what is left."""
    pair = Pair(valkey)
    open_fan(pair)
    first, more = pair.do("advance", 0, by="w1", run=run)
    assert (len(first), more) == (500, 1)
    second, more = pair.do("advance", 0, by="w2", run=run)
    assert (len(second), more) == (230, 0)
    assert not pair.reference._partitions[0].cursors


def test_a_cancel_ends_a_wide_release(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    open_fan(pair)
    pair.do("cancel", "r0", request="x")
    assert go_on(pair) == 0
    assert pair.do("claim", "r0", 1, 1, worker="w0", pid=1, request="y").code is Code.CANCELED


def test_a_wide_block_settles_the_run(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    open_fan(pair, "fail")
    assert not pair.reference._partitions[0].runs["r0"].settled
    assert go_on(pair) == 0
    run = pair.reference._partitions[0].runs["r0"]
    assert (run.state, run.left, run.settled) == (RunState.ERROR, 0, True)
    assert {task.state for task in run.tasks.values()} == {TaskState.ERROR, TaskState.UPSTREAM_FAILED}


def test_many_roots(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    assert len(pair.do("launch", "r0", ROOTS, "{}", by="w0", request="l").released) == 500
    assert go_on(pair) == WIDTH - 500


def test_a_block_that_goes_on_below_a_wide_one(valkey: "redis.Redis") -> None:
    """The work list then holds many small portions."""
    pair = Pair(valkey, every=20)
    pair.do("launch", "r0", TAILS, "{}", by="w0", request="l")
    pair.do("claim", "r0", 0, 1, worker="w0", pid=1, request="c")
    pair.do("fail", Token("r0", 0, 1, 1), {}, by="w0", request="f")
    for _ in range(200):
        items, more = pair.do("advance", 0, by="w1")
        if not items and not more:
            break
    pair.compare()
    assert pair.reference._partitions[0].runs["r0"].settled


def test_a_lost_run_leaves_no_work(valkey: "redis.Redis") -> None:
    pair = Pair(valkey)
    open_fan(pair)
    valkey.delete("umbel:{0}:run:r0", "umbel:{0}:results:r0")
    pair.reference._partitions[0].runs.pop("r0")
    assert pair.engine.advance(0, by="w1") == pair.reference.advance(0, by="w1") == ((), 0)
    pair.compare()


def test_several_partitions(valkey: "redis.Redis") -> None:
    """Runs live where their id says, and the loops look at one partition at a time."""
    pair = Pair(valkey, SETTINGS.model_copy(update={"partitions": 3}))
    runs = [f"run-{number}" for number in range(9)]
    assert {pair.engine.partition(run) for run in runs} == {0, 1, 2}
    small: Plan = plan("small", (), (0,))
    for run in runs:
        pair.do("launch", run, small, "{}", by="w0", request=run)
        pair.do("claim", run, 0, 1, worker="w0", pid=1, request=f"c{run}")
    pair.tick(9000)
    for partition in pair.engine.partitions:
        lost, _ = pair.do("sweep", partition)
        assert {pair.engine.partition(each.token.run) for each in lost} == {partition}
    assert len(pair.do("held", "w0")) == 9
    pair.do("cancel", runs[0], request="x")
    pair.do("lose", Token(runs[0], 0, 1, 1), sure=True, counts=False, why="", by="w0", request="y")
    assert pair.do("forget", runs) == 1
