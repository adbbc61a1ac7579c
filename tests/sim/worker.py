"""Simulated workers: a main process with a heart, the real loops and children that run bodies by the worker's rules.

What `celery/attempt.py` does with threads and Celery's pools is written again here as one generator for each message;
telling the engine how an attempt ended is the worker's own code (`celery/record.py`).
"""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.sim.store import Broker, Door, StateStore
from tests.sim.world import Life, Process, World, loop
from umbel.celery.outcome import Awaited, Expanded, Failed, Outcome, Retried, Skipped, Spawned, Succeeded
from umbel.celery.record import record
from umbel.engine.calls import Claim
from umbel.engine.engine import MAX_WINDOW, Token
from umbel.engine.loops import Loops
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable, StateUnavailable, UmbelError
from umbel.machine import Code
from umbel.plan.model import Node

T = TypeVar("T")
BEATS = 2000
"""ms."""
GOOD = ("success", "skipped")


@dataclass(eq=False)
class Body:
    """A body that runs, as its process sees it."""

    token: Token
    stopped: bool = False


class Worker(Process):
    """The main process of a worker."""

    def __init__(self, world: World, state: StateStore, broker: Broker, number: int, queues: tuple[str, ...]) -> None:
        super().__init__(world, f"w{number}")
        self.state, self.broker, self.queues = state, broker, queues
        self.engine = Door(state, self)
        self.loops = Loops(self.engine, self.publish, self.name)  # type: ignore[arg-type]
        self.inbox: list[Item] = []
        self.children: list[Child] = []
        self.born = 0

    def start(self, children: int) -> None:
        """It is up: it says so, takes its turns, and gets messages."""
        named = [queue or "celery" for queue in self.queues]
        self.about = {"queues": named, "prefetch": 4 * children, "concurrency": children, "host": self.name}
        for _ in range(children):
            self.fork()
        self.world.begin(self, self._arrive())
        self.world.begin(self, loop(self._beat, BEATS))
        self.world.begin(self, run_loops(self.world, self.loops))

    def fork(self) -> None:
        """One more child."""
        self.born += 1
        self.children.append(Child(self, self.born))

    def publish(self, items: Any) -> None:
        """To the broker."""
        self.broker.publish(self, items)

    def take(self, item: Item) -> None:
        """A message has come. It waits in the memory of this process until a child is free."""
        self.inbox.append(item)
        self.feed()

    def feed(self) -> None:
        """Give messages, in any order, to children that are free."""
        for child in self.children:
            if child.alive and not child.busy and self.inbox:
                item = self.inbox.pop(self.world.chance.randrange(len(self.inbox)))
                child.busy = True
                self.world.begin(child, child.handle(item), self.world.within(0, 3))

    def _arrive(self) -> Life:
        try:
            self._beat()
            self.loops.welcome(self.about)
        except UmbelError:
            pass
        self.broker.consumers.append(self)
        return
        yield 0

    def _beat(self) -> None:
        for partition in self.engine.partitions:
            self.engine.beat(partition, self.name, self.about)

    def lost(self, child: "Child") -> None:
        """A child has died: the engine hears of it at once, and another one is made."""
        self.world.begin(self, self._tell(child), self.world.within(10, 400))

    def _tell(self, child: "Child") -> Life:
        self.children.remove(child)
        self.fork()
        self.feed()
        try:
            for pid, token in self.engine.held(self.name):
                if pid == child.pid:
                    answer = self.engine.lose(token, sure=True, counts=True, why="its process died", by=self.name)
                    yield self.world.within(0, 5)
                    self.publish([self.engine.item(token, index) for index in answer.released])
        except UmbelError:
            self.world.counts["left to the sweep"] += 1

    def ended(self) -> None:
        """The children die with it, and so do the messages in its memory, unless the broker knows of them."""
        for child in self.children:
            child.alive = False
        if self in self.broker.consumers:
            self.broker.consumers.remove(self)
        for item in self.inbox:
            if self.world.likely(0.3):
                self.world.begin(self.broker._post, self.broker._carry(item, self.queues[0]), 500)
            else:
                self.world.fire("fetched message lost")
        self.world.restart(self)  # type: ignore[attr-defined]

    def freeze(self, until: int) -> None:
        """With its children."""
        super().freeze(until)
        for child in self.children:
            child.freeze(until)


class Child(Process):
    """A pool process."""

    def __init__(self, main: Worker, number: int) -> None:
        super().__init__(main.world, f"{main.name}/{number}")
        self.main, self.pid, self.busy = main, number, False
        self.engine = Door(main.state, self)
        self.body: Body | None = None

    def ended(self) -> None:
        """The main process hears of it."""
        if self.main.alive:
            self.main.lost(self)

    def handle(self, item: Item) -> Life:
        """One message, from claim to recorded outcome, and straight on."""
        world = self.world
        try:
            released = yield from self._attempt(item, in_turn=True)
            for _ in range(3):
                if not released:
                    break
                following = world.chance.choice(released) if world.chance.random() < 0.5 else None
                yield world.within(0, 3)
                try:
                    self.main.broker.publish(self, [each for each in released if each is not following])
                except BrokerUnavailable:
                    world.counts["released, not published"] += 1
                released = [] if following is None else (yield from self._attempt(following, in_turn=False))
            else:
                self.main.broker.publish(self, released)
        except (UmbelError, KeyError) as error:
            world.counts["left to the sweep"] += 1
            world.note(self, f"left to the sweep: {type(error).__name__}")
        self.body = None
        self.busy = False
        self.main.feed()

    def _attempt(self, item: Item, *, in_turn: bool) -> Generator[int, None, list[Item]]:
        world, request = self.world, self.world.id()
        claim: Claim = yield from self._patiently(
            10_000,
            lambda: self.engine.claim(
                item.run, item.task, item.epoch, worker=self.main.name, pid=self.pid, in_turn=in_turn, request=request
            ),
        )
        if claim.code is not Code.OK:
            return []
        token = Token(item.run, item.task, item.epoch, claim.attempt)
        world.checks.claimed(token, self)  # type: ignore[attr-defined]
        body = self.body = Body(token)
        world.begin(self, self._renew(body), BEATS)
        node = self.engine.node(self.engine.partition(item.run), claim.plan, claim.node)
        result = yield from self._do(token, claim, node)
        if body.stopped:
            return []
        self.body = None
        if result is None:
            self.die("under its task")
            return []
        request = world.id()
        code, released = yield from self._patiently(
            600_000,
            lambda: record(self.engine, token, claim.plan, result, by=self.name, request=request),  # type: ignore[arg-type]
        )
        world.checks.recorded(token, self, code)  # type: ignore[attr-defined]
        return list(released)

    def _patiently(self, most: int, call: Callable[[], T]) -> Generator[int, None, T]:
        until, pause = self.world.now + most, 100
        while True:
            try:
                return call()
            except StateUnavailable:
                if self.world.now + pause > until:
                    raise
                yield pause
                pause = min(2 * pause, BEATS)

    def _renew(self, body: Body) -> Life:
        while self.body is body:
            try:
                code = self.engine.renew(body.token).code
                if code is not Code.OK and self.body is body:
                    body.stopped = True
                    self.world.counts["stopped body"] += 1
                    self.engine.fail(body.token, {"reason": "stopped"}, by=self.name)
                    self.die("its attempt is not wanted any more")
                    return
            except StateUnavailable:
                pass
            yield BEATS

    def _do(self, token: Token, claim: Claim, node: Node) -> Generator[int, None, Outcome | None]:
        """What the attempt gives; None: the death of its process."""
        chance = self.world.chance
        yield 0
        if node.when == "no":
            return Skipped("no")
        if claim.phase:
            return self._gather(token, claim)
        if node.map is not None and not claim.item:
            if not node.map:
                return Succeeded("[]")
            return Expanded([json.dumps(each) for each in node.map], min(node.max_parallel or MAX_WINDOW, MAX_WINDOW))
        if node.workflow is not None:
            return Spawned(self._child_of(token.run), node.workflow.plan, "{}", node.workflow.definition)
        if node.approval:
            return Awaited({}, node.timeout)
        long = chance.random() < 0.1
        yield self.world.within(9000, 16000) if long else self.world.within(0, chance.choice((50, 1000, 4000)))
        fate = chance.random()
        if fate < 0.02 and self.world.faults:
            self.world.fire("body killed its process")
            return None
        if fate < 0.07:
            return Failed({"exception": "bad luck", "type": "Bad", "traceback": "", "reason": "error"})
        if fate < 0.15 and claim.retries < 3:
            return Retried(chance.choice((0.0, 0.3, 2.0)), {"exception": "again", "type": "Again"})
        return Succeeded(json.dumps([node.key, claim.attempt, claim.item]))

    def _gather(self, token: Token, claim: Claim) -> Outcome:
        base, count = map(int, claim.phase.split(":"))
        places = range(base, base + count)
        bad = [end for end in self.engine.ends(token.run, places) if end.state not in GOOD]
        if bad:
            return Failed({"exception": f"{len(bad)} items failed", "type": "ItemsFailed", "reason": "items"})
        results = self.engine.results(token.run, places)
        assert all(result is not None for result in results), f"{token}: gathered before all items had given something"
        return Succeeded(f"[{','.join(results)}]")

    def _child_of(self, run: str) -> str:
        while True:
            child = self.world.id()
            if self.engine.partition(child) == self.engine.partition(run):
                return child


def run_loops(world: World, loops: Loops) -> Life:
    """The engine's loops, as their thread runs them."""
    pause = loops.interval
    while True:
        yield round(pause * 1000)
        pause = loops.step(pause)
