"""A small world that is searched completely: what every engine state and every message on its way can lead to."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.model.restoring import restoration
from umbel.engine.engine import Token
from umbel.engine.reference import Reference
from umbel.engine.reference_state import Run
from umbel.engine.wire import Item
from umbel.machine import Code, RunState, TaskState
from umbel.plan.model import Plan
from umbel.settings import Settings

SETTINGS = Settings(lease=8, max_lost=1, redispatch_after=15)
RUN = "r"
WORKERS = ("w0", "w1")


@dataclass(frozen=True)
class Budget:
    """How often each disturbance may still happen, and all of them together."""

    retries: int = 1
    failures: int = 1
    cancels: int = 1
    expiries: int = 1
    duplicates: int = 1
    drops: int = 1
    pauses: int = 1
    restores: int = 1
    total: int = 3

    def allows(self, name: str) -> bool:
        return self.total > 0 and getattr(self, name) > 0

    def spend(self, name: str) -> "Budget":
        return replace(self, **{name: getattr(self, name) - 1, "total": self.total - 1})


Message = tuple[str, int, int]
"""Run, task, epoch."""


@dataclass(frozen=True)
class World:
    """The engine, the messages in the broker, what each worker believes to hold, and what may still go wrong."""

    engine: Reference
    messages: tuple[Message, ...]
    believes: tuple[tuple[Token, ...], ...]
    budget: Budget
    cancel_acknowledged: bool = False

    @property
    def run(self) -> Run:
        return self.engine._partitions[0].runs[RUN]

    def key(self) -> Any:
        """Two worlds with the same key have the same future: times count only as before or after now,
        and it is all one which of the workers is which."""
        here, now = self.engine._partitions[0], self.engine.now
        held = sorted(tuple((each.run, each.task, each.attempt, each.epoch) for each in some) for some in self.believes)
        return (
            tuple(_run_key(run) for _, run in sorted(here.runs.items())),
            tuple(sorted((*member, score < now) for member, score in here.leases.items())),
            tuple(sorted(here.timers)),
            tuple(sorted(here.cursors)),
            tuple(sorted(member for members in here.ready.values() for member in members)),
            tuple(held),
            self.messages, self.budget, self.cancel_acknowledged,
        )  # fmt: skip


def _run_key(run: Run) -> Any:
    tasks = tuple(
        (index, task.state, task.done, task.bad, task.attempt, task.retries, task.losses, task.phase, task.next,
         task.open, task.kept, task.child, task.child_state)
        for index, task in sorted(run.tasks.items())
    )  # fmt: skip
    return (
        run.id, run.state, run.epoch, run.left, run.live, run.settled, run.stopped, run.paused, tasks,
        tuple(sorted(run.results)), tuple(run.maps), tuple(run.work), tuple(sorted(run.parked)),
        tuple(sorted(run.subs)),
    )  # fmt: skip


def start(plan: Plan, total: int) -> World:
    engine = Reference(SETTINGS, now=1_000_000)
    released = engine.launch(RUN, plan, "{}", by="w0").released
    return World(engine, tuple((RUN, task, 1) for task in released), ((), ()), Budget(total=total))


def steps(world: World) -> Iterator[tuple[str, World]]:
    """Everything that can happen next."""
    budget = world.budget
    for message in sorted(set(world.messages)):
        left = list(world.messages)
        left.remove(message)
        taken = replace(world, messages=tuple(left))
        for number in range(len(WORKERS)):
            if not world.believes[number]:  # each worker has one process
                yield f"claim {message} by {number}", _claim(taken, message, number)
        if budget.allows("drops"):
            yield f"drop {message}", replace(taken, budget=budget.spend("drops"))
        if budget.allows("duplicates"):
            spent = budget.spend("duplicates")
            yield (
                f"duplicate {message}",
                replace(world, messages=tuple(sorted((*world.messages, message))), budget=spent),
            )
    for number, held in enumerate(world.believes):
        for token in held:
            yield from _outcomes(world, number, token)
    if budget.allows("cancels"):
        spent = budget.spend("cancels")
        yield "cancel", _do(replace(world, budget=spent), _cancel)
    if budget.allows("expiries") and world.engine._partitions[0].leases:
        spent = budget.spend("expiries")
        yield "leases run out", _do(replace(world, budget=spent), lambda e: _take_over(e, False))
        yield "leases run out by the task's fault", _do(replace(world, budget=spent), lambda e: _take_over(e, True))
    if world.engine._partitions[0].timers:
        yield "promote", _do(world, _promote)
    if world.engine._partitions[0].cursors:
        yield "advance", _do(world, lambda e: _sent(e.advance(0, by="w0")[0]))
    for index, task in sorted(world.run.tasks.items()):
        if task.state is TaskState.AWAITING_INPUT and not world.run.stopped:
            yield f"approve {index}", _do(world, lambda e, index=index: _decide(e, index, True))
            yield f"reject {index}", _do(world, lambda e, index=index: _decide(e, index, False))
    if world.run.paused and not world.run.stopped and world.run.left:
        yield "resume", _do(world, lambda e: e.resume(RUN) and ())
    elif budget.allows("pauses") and not world.run.stopped and world.run.left:
        yield "pause", _do(replace(world, budget=budget.spend("pauses")), lambda e: e.pause(RUN) and ())
    if budget.allows("restores") and world.run.settled and world.run.state is not RunState.SUCCESS:
        spent = budget.spend("restores")
        yield "restore", replace(_do(replace(world, budget=spent), _restore), cancel_acknowledged=False)
    if not world.messages and any(world.engine._partitions[0].ready.values()):
        yield "redispatch", _do(world, _redispatch)


def _outcomes(world: World, number: int, token: Token) -> Iterator[tuple[str, World]]:
    budget = world.budget
    rest = tuple(each for each in world.believes[number] if each != token)
    after = replace(
        world, believes=tuple(rest if place == number else held for place, held in enumerate(world.believes))
    )
    by = WORKERS[number]
    yield f"succeed {token}", _do(after, lambda e: _succeed(e, token, by))
    yield f"renew {token}", _do(world, lambda e: e.renew(token) and ())
    if budget.allows("failures"):
        spent = replace(after, budget=budget.spend("failures"))
        yield f"fail {token}", _do(spent, lambda e: e.fail(token, {}, by=by) and ())
    if budget.allows("retries"):
        spent = replace(after, budget=budget.spend("retries"))
        yield f"retry {token}", _do(spent, lambda e: e.retry(token, 5, {}, by=by) and ())


def _sent(items: Iterable[Item]) -> tuple[Message, ...]:
    return tuple((item.run, item.task, item.epoch) for item in items)


def _released(engine: Reference, run: str, tasks: Iterable[int]) -> tuple[Message, ...]:
    return tuple((run, task, engine._partitions[0].runs[run].epoch) for task in tasks)


def _succeed(engine: Reference, token: Token, by: str) -> tuple[Message, ...]:
    """What its author wants of the task."""
    run = engine._partitions[0].runs[token.run]
    node = engine.node_of(Item(token.run, token.task, token.epoch, run.plan))
    if node.map is not None and token.task < run.nodes and run.tasks[token.task].phase is None:
        return _released(engine, token.run, engine.expand(token, ["1", "2"], window=1, by=by).released)
    if node.workflow:
        child = f"{token.run}.{token.epoch}.{token.attempt}"
        return _sent(engine.spawn(token, child, node.workflow.plan, "{}", "sub", by=by).items)
    if node.approval:
        engine.ask(token, {})
        return ()
    return _released(engine, token.run, engine.succeed(token, "1", by=by).released)


def _decide(engine: Reference, index: int, approved: bool) -> tuple[Message, ...]:
    return _released(engine, RUN, engine.decide(RUN, index, approved=approved, info={}, by="w0").released)


def _restore(engine: Reference) -> tuple[Message, ...]:
    """Whatever went wrong runs again."""
    run = engine._partitions[0].runs[RUN]
    plan = engine._partitions[0].plans[run.plan].plan
    assert engine.restore(**restoration(run, plan, -1).arguments(run, plan, run.epoch + 1)) is Code.OK
    return ()


def _copy(engine: Reference) -> Reference:
    after = engine.copy()
    after._partitions[0].events.clear()  # the past takes no part in the future
    return after


def _do(world: World, act: Callable[[Reference], Any]) -> World:
    engine = _copy(world.engine)
    released = act(engine)
    acknowledged = world.cancel_acknowledged or engine._partitions[0].runs[RUN].stopped
    messages = tuple(sorted((*world.messages, *released)))
    return replace(world, engine=engine, messages=messages, cancel_acknowledged=acknowledged)


def _claim(world: World, message: Message, number: int) -> World:
    engine = _copy(world.engine)
    answer = engine.claim(*message, worker=WORKERS[number], pid=1)
    if answer.code is not Code.OK:
        return replace(world, engine=engine)
    token = Token(*message, answer.attempt)
    believes = tuple((*held, token) if place == number else held for place, held in enumerate(world.believes))
    return replace(world, engine=engine, believes=believes)


def _cancel(engine: Reference) -> tuple[Message, ...]:
    engine.cancel(RUN)
    return ()


def _take_over(engine: Reference, fault: bool) -> tuple[Message, ...]:
    """Both workers fall silent for longer than a lease, but may come back as zombies."""
    engine.now += 8001
    released: list[Message] = []
    for lost in engine.sweep(0)[0]:
        answer = engine.lose(lost.token, sure=False, counts=fault, why="", by="w1")
        released += _released(engine, lost.token.run, answer.released)
    return tuple(released)


def _promote(engine: Reference) -> tuple[Message, ...]:
    engine.now = max(engine.now, *engine._partitions[0].timers.values())
    return _sent(engine.promote(0, by="w0")[0])


def _redispatch(engine: Reference) -> tuple[Message, ...]:
    return _sent(engine.redispatch_of(0, "", heads={"": 9}))


HARMLESS = ("renew", "drop", "duplicate", "cancel", "pause", "restore")
"""What nobody has to do: without it the run has to come to its end."""


def search(plan: Plan, total: int, check: Callable[[World, str, World], None]) -> tuple[int, int]:
    """Every world that can be reached, breadth first; how many, and how many of them are the end of all."""
    first = start(plan, total)
    seen = {first.key()}
    todo = deque([first])
    ends = 0
    while todo:
        world = todo.popleft()
        following = list(steps(world))
        for name, after in following:
            check(world, name, after)
            key = after.key()
            if key not in seen:
                seen.add(key)
                todo.append(after)
        moving = [name for name, _ in following if not name.startswith(HARMLESS)]
        if not moving:
            ends += 1
            runs = world.engine._partitions[0].runs.values()
            assert all(run.settled for run in runs), "stuck: nothing can happen any more, but a run is not settled"
    return len(seen), ends
