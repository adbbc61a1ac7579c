"""Nothing stays in the state store for ever: every key is of a known kind, and has a TTL or an owner. [U-12]"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
import redis

from tests.valkey import valkey as valkey  # fixtures
from tests.valkey import valkey_url as valkey_url
from tests.waiting import wait_until
from umbel.engine import engine as engines
from umbel.engine.engine import Engine, Token
from umbel.engine.keys import KINDS, prefix
from umbel.machine import Code
from umbel.plan.model import Node, Plan, SubRun
from umbel.settings import load_settings

WIDTH = 700  # more than one call releases
FAN = Plan(
    "keys.FAN", (Node(0, "first", "T"), *(Node(number, f"t{number}", "T", (0,)) for number in range(1, WIDTH + 1)))
)
CHAIN = Plan("keys.CHAIN", (Node(0, "a", "T"), Node(1, "b", "T", (0,))))
STEPS = Plan(
    "keys.STEPS",
    (
        Node(0, "map", "T", map="${payload.list}"),
        Node(1, "sub", "umbel.step", workflow=SubRun(CHAIN.definition, CHAIN.hash)),
        Node(2, "late", "T", countdown=3600.0),
    ),
    deadline=7200.0,
    subplans=(CHAIN,),
)
TYPES = {kind.name: kind.type for kind in KINDS}
OF_THE_PARTITION = {"queues", "events"}  # one each, however many runs there are; the stream is trimmed


@pytest.fixture
def engine(valkey_url: str, valkey: "redis.Redis") -> Iterator[Engine]:
    # Long enough to see the keys, short enough to see them go.
    one = Engine.open(load_settings(state_url=valkey_url, live_ttl=0.3))
    yield one
    one.close()


def keys(valkey: "redis.Redis") -> dict[str, int]:
    """Every key without the partition's prefix, with its TTL in ms (-1: none)."""
    found = {}
    for name in valkey.scan_iter(count=1000):
        kind, _, rest = name.decode().removeprefix(prefix(0)).partition(":")
        type_ = valkey.type(name).decode()
        if type_ == "none":
            continue  # it has gone in this moment
        assert type_ == TYPES[kind], name
        found[f"{kind}:{rest}" if rest or kind == "ready" else kind] = valkey.pttl(name)
    return found


def queues(valkey: "redis.Redis") -> list[str]:
    return [name for name in keys(valkey) if name.startswith("ready")]


def play(engine: Engine, run: str, plan: Plan, end: str) -> None:
    """A run that is succeeded, failed, retried first, or canceled while its first task runs."""
    engine.launch(run, plan, "{}", by="test")
    done = count()
    for index in range(len(plan.nodes)):
        claimed = engine.claim(run, index, 1, worker="w", pid=1)
        if claimed.code is not Code.OK:
            break  # the run was canceled, or the first task failed
        token = Token(run, index, 1, claimed.attempt)
        if end == "retry" and next(done) == 0:
            engine.retry(token, 0.0, {"exception": "again"}, by="test", args="[[], {}]")
            token = replace(token, attempt=engine.claim(run, index, 1, worker="w", pid=1).attempt)
        if end == "cancel":
            engine.cancel(run)
        if end == "fail":
            engine.fail(token, {"exception": "no"}, by="test")
        else:
            engine.succeed(token, "1", by="test")
        while engine.advance(0, by="test")[1]:
            pass


def test_keys_of_runs_that_are_over_go(engine: Engine, valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "PLAN_TTL", 0.3)
    runs = [f"{end}-{plan.definition}" for plan in (FAN, CHAIN) for end in ("succeed", "fail", "retry", "cancel")]
    engine.beat(0, "w", {"queues": ["celery"]})
    for run in runs:
        end, _, name = run.partition("-")
        play(engine, run, FAN if name == FAN.definition else CHAIN, end)
    before = keys(valkey)
    assert {f"run:{run}" for run in runs} <= before.keys()
    assert {f"plan:{FAN.hash}", "events", "worker:w"} <= before.keys()

    assert engine.forget(runs) == len(runs)

    after = keys(valkey)
    engine.beat(0, "w", {}, leaving=True)
    without = {name for name, ttl in after.items() if ttl < 0}
    # What remains without a TTL belongs to the partition, to a worker, or stands in `ready` until it is cleaned there.
    assert {name.partition(":")[0] for name in without} <= {*OF_THE_PARTITION, "workers", "ready"}
    wait_until(lambda: not any(run in name for name in keys(valkey) for run in runs), 10, "end of the runs' keys")
    wait_until(lambda: f"plan:{FAN.hash}" not in keys(valkey), 10, "end of the plans")
    wait_until(lambda: engine.sweep(0)[1] and "workers" not in keys(valkey), 10, "burial of the worker")
    assert {name for name in keys(valkey) if name.startswith("worker")} == set()


def test_a_released_task_of_a_canceled_run_is_taken_off_the_queue(engine: Engine, valkey: "redis.Redis") -> None:
    engine.launch("canceled", CHAIN, "{}", by="test")
    engine.cancel("canceled")
    assert queues(valkey) == ["ready:"]
    valkey.set(f"{prefix(0)}clock", 2**42)
    engine.redispatch(0)
    assert queues(valkey) == []


def test_keys_of_a_run_with_items_and_runs_below_it_go(
    engine: Engine, valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of key that a run can have, held by a run that is canceled in the midst of all."""
    monkeypatch.setattr(engines, "PLAN_TTL", 0.3)
    engine.launch("steps", STEPS, "{}", by="test")
    first, second = (
        Token("steps", index, 1, engine.claim("steps", index, 1, worker="w", pid=1).attempt) for index in (0, 1)
    )
    engine.spawn(second, "below", CHAIN.hash, "{}", CHAIN.definition, by="test")
    engine.pause("steps")
    engine.expand(first, ["1", "2"], by="test")
    assert engine.claim("steps", 3, 1, worker="w", pid=1).code is Code.PAUSED
    of_runs = {"run:steps", "run:below", "items:steps", "parked:steps", "subs:steps", "timers", "deadlines"}
    assert of_runs <= keys(valkey).keys()

    engine.cancel("steps")
    assert engine.forget(["steps", "below"]) == 2

    assert keys(valkey).keys().isdisjoint({"parked:steps", "subs:steps", "deadlines", "cursors"})
    wait_until(lambda: not {"run:steps", "run:below", "items:steps"} & keys(valkey).keys(), 10, "end of the runs' keys")
    wait_until(lambda: not any(name.startswith("plan:") for name in keys(valkey)), 10, "end of the plans")
    valkey.set(f"{prefix(0)}clock", 2**42)
    engine.promote(0, by="test")
    engine.redispatch(0)
    valkey.delete(f"{prefix(0)}clock")
    assert keys(valkey).keys() == OF_THE_PARTITION
