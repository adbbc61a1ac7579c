"""A small world that is searched completely: what every engine state and every message on its way can lead to."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from umbel.engine.engine import Token
from umbel.engine.reference import Reference
from umbel.engine.reference_state import Run
from umbel.machine import Code, RunState
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
    total: int = 3

    def allows(self, name: str) -> bool:
        return self.total > 0 and getattr(self, name) > 0

    def spend(self, name: str) -> "Budget":
        return replace(self, **{name: getattr(self, name) - 1, "total": self.total - 1})


@dataclass(frozen=True)
class World:
    """The engine, the messages in the broker, what each worker believes to hold, and what may still go wrong."""

    engine: Reference
    messages: tuple[int, ...]
    believes: tuple[tuple[Token, ...], ...]
    budget: Budget
    cancel_acknowledged: bool = False

    @property
    def run(self) -> Run:
        return self.engine._partitions[0].runs[RUN]

    def key(self) -> Any:
        """Two worlds with the same key have the same future: times count only as before or after now,
        and it is all one which of the workers is which."""
        here, run, now = self.engine._partitions[0], self.run, self.engine.now
        tasks = tuple(
            (index, task.state, task.done, task.attempt, task.retries, task.losses)
            for index, task in sorted(run.tasks.items())
        )
        return (
            run.state, run.left, run.live, run.settled, tasks, tuple(sorted(run.results)),
            tuple(sorted((member.task, score < now) for member, score in here.leases.items())),
            tuple(sorted(member.task for member in here.timers)),
            tuple(sorted(member.task for members in here.ready.values() for member in members)),
            tuple(sorted(tuple((token.task, token.attempt) for token in held) for held in self.believes)),
            self.messages, self.budget, self.cancel_acknowledged,
        )  # fmt: skip


def start(plan: Plan, total: int) -> World:
    engine = Reference(SETTINGS, now=1_000_000)
    released = engine.launch(RUN, plan, "{}", by="w0").released
    return World(engine, released, ((), ()), Budget(total=total))


def steps(world: World) -> Iterator[tuple[str, World]]:
    """Everything that can happen next."""
    budget = world.budget
    for task in sorted(set(world.messages)):
        left = list(world.messages)
        left.remove(task)
        taken = replace(world, messages=tuple(left))
        for number in range(len(WORKERS)):
            if not world.believes[number]:  # each worker has one process
                yield f"claim {task} by {number}", _claim(taken, task, number)
        if budget.allows("drops"):
            yield f"drop {task}", replace(taken, budget=budget.spend("drops"))
        if budget.allows("duplicates"):
            spent = budget.spend("duplicates")
            yield f"duplicate {task}", replace(world, messages=tuple(sorted((*world.messages, task))), budget=spent)
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
    if not world.messages and any(world.engine._partitions[0].ready.values()):
        yield "redispatch", _do(world, _redispatch)


def _outcomes(world: World, number: int, token: Token) -> Iterator[tuple[str, World]]:
    budget = world.budget
    rest = tuple(each for each in world.believes[number] if each != token)
    after = replace(
        world, believes=tuple(rest if place == number else held for place, held in enumerate(world.believes))
    )
    by = WORKERS[number]
    yield f"succeed {token}", _do(after, lambda e: e.succeed(token, "1", by=by).released)
    yield f"renew {token}", _do(world, lambda e: e.renew(token) and ())
    if budget.allows("failures"):
        spent = replace(after, budget=budget.spend("failures"))
        yield f"fail {token}", _do(spent, lambda e: e.fail(token, {}, by=by) and ())
    if budget.allows("retries"):
        spent = replace(after, budget=budget.spend("retries"))
        yield f"retry {token}", _do(spent, lambda e: e.retry(token, 5, {}, by=by) and ())


def _copy(engine: Reference) -> Reference:
    after = engine.copy()
    after._partitions[0].events.clear()  # the past takes no part in the future
    return after


def _do(world: World, act: Callable[[Reference], Any]) -> World:
    engine = _copy(world.engine)
    released = act(engine)
    acknowledged = world.cancel_acknowledged or engine._partitions[0].runs[RUN].state is RunState.CANCELED
    messages = tuple(sorted((*world.messages, *released)))
    return replace(world, engine=engine, messages=messages, cancel_acknowledged=acknowledged)


def _claim(world: World, task: int, number: int) -> World:
    engine = _copy(world.engine)
    answer = engine.claim(RUN, task, 1, worker=WORKERS[number], pid=1)
    if answer.code is not Code.OK:
        return replace(world, engine=engine)
    token = Token(RUN, task, 1, answer.attempt)
    believes = tuple((*held, token) if place == number else held for place, held in enumerate(world.believes))
    return replace(world, engine=engine, believes=believes)


def _cancel(engine: Reference) -> tuple[int, ...]:
    engine.cancel(RUN)
    return ()


def _take_over(engine: Reference, fault: bool) -> tuple[int, ...]:
    """Both workers fall silent for longer than a lease, but may come back as zombies."""
    engine.now += 8001
    released: list[int] = []
    for lost in engine.sweep(0)[0]:
        released += engine.lose(lost.token, sure=False, counts=fault, why="", by="w1").released
    return tuple(released)


def _promote(engine: Reference) -> tuple[int, ...]:
    engine.now = max(engine.now, *engine._partitions[0].timers.values())
    return tuple(item.task for item in engine.promote(0, by="w0")[0])


def _redispatch(engine: Reference) -> tuple[int, ...]:
    return tuple(item.task for item in engine.redispatch_of(0, "", heads={"": 9}))


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
        moving = [name for name, _ in following if not name.startswith(("renew", "drop", "duplicate", "cancel"))]
        if not moving:
            ends += 1
            assert world.run.settled, "stuck: nothing can happen any more, but the run is not settled"
    return len(seen), ends
