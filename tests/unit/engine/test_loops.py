"""The loops on a real store with a frozen clock: [U-1], [U-6], [U-8]."""

from collections.abc import Sequence

import pytest
import redis

from tests.model.plans import DIAMOND, ONE
from tests.model.test_wide_plans import FAN
from tests.waiting import wait_until
from umbel.engine import loops as loops_module
from umbel.engine.engine import Engine, Token
from umbel.engine.loops import Loops
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable
from umbel.machine import Code
from umbel.settings import Settings

SETTINGS = Settings(lease=8, max_lost=2, redispatch_after=15, partitions=1)
START = 1_790_000_000_000


class World:
    """An engine, its clock, and loops whose messages are kept."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self.engine = Engine(client, SETTINGS)
        self.sent: list[Item] = []
        self.broker_works = True
        self.now = START
        self.tick(0)

    def tick(self, ms: int) -> None:
        self.now += ms
        self.client.set("umbel:{0}:clock", self.now)

    def publish(self, items: Sequence[Item]) -> None:
        if not self.broker_works:
            raise BrokerUnavailable("no broker")
        self.sent += items

    def turn(self) -> list[tuple[str, int]]:
        """One full turn of a process that has just started; what it sent."""
        self.sent.clear()
        Loops(self.engine, self.publish, "loops").turn()
        return [(item.run, item.task) for item in self.sent]

    def running(self, run: str, worker: str = "w") -> Token:
        self.engine.launch(run, ONE, "{}", by="s")
        attempt = self.engine.claim(run, 0, 1, worker=worker, pid=1).attempt
        return Token(run, 0, 1, attempt)


@pytest.fixture
def world(valkey: "redis.Redis") -> World:
    return World(valkey)


def test_a_retry_is_published_when_it_is_due(world: World) -> None:
    token = world.running("r")
    world.engine.retry(token, 5, {"exception": "x"}, by="w")
    world.tick(4999)
    assert world.turn() == []
    world.tick(1)
    assert world.turn() == [("r", 0)]
    assert world.sent[0] == Item("r", 0, 1, ONE.hash)
    assert world.turn() == []


def test_the_tasks_of_a_dead_worker_are_taken_over(world: World) -> None:
    """[U-6] Within its lease and one look."""
    world.engine.beat(0, "w", {})
    tokens = [world.running("a"), world.running("b")]
    world.tick(8000)
    assert world.turn() == []
    world.tick(1)
    assert world.turn() == [("a", 0), ("b", 0)]
    assert [world.engine.succeed(token, "1", by="w").code for token in tokens] == [Code.STALE, Code.STALE]
    assert world.engine.claim("a", 0, 1, worker="v", pid=1).attempt == 2


def test_a_worker_that_leaves_is_taken_over_at_once(world: World) -> None:
    world.engine.beat(0, "w", {})
    world.running("a")
    world.engine.beat(0, "w", {}, leaving=True)
    assert world.turn() == [("a", 0)]


def test_an_attempt_without_renewals_is_taken_over_though_its_worker_lives(world: World) -> None:
    token = world.running("a")
    other = world.running("b")
    world.tick(6000)
    world.engine.beat(0, "w", {})
    world.engine.renew(other)
    world.tick(2001)
    assert world.turn() == [("a", 0)]
    assert world.engine.renew(token).code is Code.STALE
    assert world.engine.renew(other).code is Code.OK


def test_a_dead_worker_is_buried(world: World) -> None:
    """[U-8] What it released but may never have published, and what it may have fetched, is sent again at once."""
    world.engine.beat(0, "w", {"queues": ["celery"], "prefetch": 2})
    world.engine.launch("fetched", ONE, "{}", by="s")
    world.engine.launch("diamond", DIAMOND, "{}", by="w/1")
    world.engine.claim("diamond", 0, 1, worker="w", pid=1)
    world.engine.succeed(Token("diamond", 0, 1, 1), "1", by="w/1")  # releases 1, and 2 into the queue "fast"
    world.tick(8001)
    assert sorted(world.turn()) == [("diamond", 1), ("diamond", 2), ("fetched", 0)]
    assert world.engine.workers() == []
    assert world.turn() == []


def test_the_messages_of_others_are_left_alone(world: World) -> None:
    world.engine.beat(0, "w", {"queues": ["other"], "prefetch": 2})
    world.engine.launch("r", ONE, "{}", by="s")
    world.tick(8001)
    assert world.turn() == []


def test_a_release_that_cannot_be_published_is_found_by_others(world: World) -> None:
    """[U-8] The broker is away: the task stays released, and is found overdue when the broker is back."""
    world.engine.retry(world.running("r"), 5, {}, by="w")
    world.tick(5000)
    world.broker_works = False
    assert world.turn() == []
    world.broker_works = True
    world.tick(14_999)
    assert world.turn() == []
    world.tick(1)
    assert world.turn() == [("r", 0)]


def test_what_could_not_be_published_is_sent_as_soon_as_the_broker_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[U-8] And with it what others released in vain; once."""
    monkeypatch.setattr(loops_module, "SLOW_TURN", 0.0)
    world.engine.beat(0, "w", {"queues": ["celery"], "prefetch": 2})
    token = world.running("own")
    loops = Loops(world.engine, world.publish, "loops")
    world.broker_works = False
    world.engine.retry(token, 5, {}, by="w")
    world.tick(5000)
    world.engine.beat(0, "w", {"queues": ["celery"], "prefetch": 2})
    for number in range(30):
        world.engine.launch(f"r{number}", ONE, "{}", by="s")
        world.tick(1)
    for _ in range(3):
        loops.turn()
    assert world.sent == []
    world.broker_works = True
    loops.turn()
    assert {item.run for item in world.sent} == {"own", *(f"r{number}" for number in range(30))}
    world.sent.clear()
    loops.turn()
    assert world.sent == []


def test_what_somebody_else_could_not_publish_is_sent_as_soon_as_the_broker_is_back(world: World) -> None:
    world.engine.launch("r", ONE, "{}", by="loops")
    loops = Loops(world.engine, world.publish, "loops")
    loops.later([Item("r", 0, 1, ONE.hash)])
    loops.turn()
    assert {item.run for item in world.sent} == {"r"}


def test_a_publish_that_fails_costs_no_other_task_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """[U-6] [U-8] A dead worker is told of once, so what it had is looked for before anything is published."""
    world.engine.beat(0, "w", {})
    world.running("a")
    world.running("b")
    world.engine.beat(0, "gone", {"queues": ["celery"], "prefetch": 2})
    world.engine.launch("fetched", ONE, "{}", by="s")
    world.tick(8001)
    monkeypatch.setattr(loops_module, "SLOW_TURN", 0.0)
    loops = Loops(world.engine, world.publish, "loops")
    world.broker_works = False
    loops.turn()
    assert [worker["worker"] for worker in world.engine.workers()] == ["w"]  # nobody else hears of the other one
    world.broker_works = True
    loops.turn()
    assert {item.run for item in world.sent} == {"a", "b", "fetched"}


def test_a_wide_release_is_finished_in_one_turn(world: World) -> None:
    world.engine.launch("fan", FAN, "{}", by="w")
    world.engine.claim("fan", 0, 1, worker="w", pid=1)
    first = world.engine.succeed(Token("fan", 0, 1, 1), "1", by="w").released
    assert [*first, *(task for _, task in world.turn())] == list(range(1, len(FAN.nodes) - 1))


def test_the_thread_takes_turns_until_it_is_stopped(world: World) -> None:
    """With the store's own clock; it goes on after an error."""
    world.engine.launch("r", ONE, "{}", by="s")
    world.client.delete("umbel:{0}:clock")
    token = Token("r", 0, 1, world.engine.claim("r", 0, 1, worker="w", pid=1).attempt)
    world.engine.retry(token, 0.05, {}, by="w")
    settings = SETTINGS.model_copy(update={"loop_interval": 0.01})
    loops = Loops(Engine(world.client, settings), world.publish, "loops")
    loops.start()
    try:
        wait_until(lambda: world.sent, 10, "message of the retry")
    finally:
        loops.stop()
    assert [(item.run, item.task) for item in world.sent] == [("r", 0)]
