"""The machine's rules in random order, weighted so that runs come far: many steps for one choice of Hypothesis."""

import random
from collections.abc import Callable

import hypothesis.strategies as st
import redis
from hypothesis.stateful import rule

from tests.model.machine import PUBLISHERS, RUNS, WORKERS, EngineMachine
from tests.model.plans import DIAMOND, SMALL

ENDINGS = ("step", "step", "step", "succeed", "fail", "retry", "skip", "expand", "spawn", "ask")
PAUSES = (0.0, 1.0, 5.0)
WRONG = ("", "", "epoch", "attempt", "run")


class Walk:
    """Leads a machine by a seed."""

    def __init__(self, machine: EngineMachine, seed: int) -> None:
        self.machine = m = machine
        self.random = random.Random(seed)
        one = self.random.choice
        at = lambda: self.random.randrange(20)  # noqa: E731
        by = lambda: one(PUBLISHERS)  # noqa: E731
        self._steps: list[tuple[int, Callable[[], object]]] = [
            (3, lambda: m.launch(one(RUNS), one(SMALL), by())),
            (1, lambda: m.cancel(one(RUNS))),
            (1, lambda: len(m.known) > 4 and m.cancel_any(at())),
            (2, lambda: m.pause(one(RUNS), at() < 10)),
            (2, lambda: m.resume(one(RUNS))),
            (3, lambda: m.decide(at(), at() < 12, by(), at() < 5)),
            (3, lambda: (m.known or m.lost) and m.restore(at(), at() % 4 - 1, int(at() < 16), at() < 5)),
            (2, lambda: m.begun and m.restore_rest(at() < 10)),
            (1, lambda: m.forget(set(self.random.sample(RUNS, 2)))),
            (1, lambda: at() < 10 and m.drop(one(RUNS), one((0, 0, 1, -1)), one((-1, 0, 1)), at() < 5)),
            (10, lambda: m.claimable() and m.claim(at(), one(WORKERS), at() % 2 + 1)),
            (2, lambda: m.claim_anything(one(RUNS), at() % 8, one((1, 1, 2)), one(WORKERS))),
            (8, lambda: m.live() and m.finish(at(), one(ENDINGS), by(), one(PAUSES))),
            (4, lambda: m.tokens and m.finish_anything(at(), one(ENDINGS), by(), 1.0, one(WRONG))),
            (2, lambda: m.tokens and m.renew(at(), one(WRONG), at() < 7)),
            (3, lambda: m.tokens and m.lose(at(), at() < 14, at() < 10, by(), "run" if at() < 2 else "")),
            (1, lambda: m.cancel_while_running(at(), one(ENDINGS), one(WORKERS), 1.0)),
            (4, lambda: m.fresh and m.repeat()),
            (1, lambda: m.calls and m.repeat_late(at())),
            (4, lambda: m.tick(one((1, 1000, 5000, 8000, 8001, 16000, 40000)))),
            (2, lambda: m.beat(one(WORKERS), at() < 4)),
            (1, lambda: m.crash(one(WORKERS), by())),
            (3, lambda: m.sweep(one((1, 100)), by(), at() < 10)),
            (3, lambda: m.promote(one((1, 100)), by())),
            (1, lambda: m.advance(one(("", "r0")), by())),
            (3, lambda: m.redispatch(one((1, 100)))),
            (1, lambda: m.redispatch_of(by(), one((0, 5000, 60000)), at() % 4, one((1, 100)))),
            (1, lambda: at() < 4 and m.expire()),
            (1, lambda: at() < 4 and m.vanish(one(RUNS))),
            (1, lambda: m.read(one(WORKERS), at() % 2)),
        ]  # fmt: skip

    def go(self, steps: int) -> None:
        """So many rules."""
        weights = [weight for weight, _ in self._steps]
        for _, step in self.random.choices(self._steps, weights, k=steps):
            step()
            self.machine.counts()


class WalkingMachine(EngineMachine):
    """Some of its steps are walks."""

    @rule(seed=st.integers(0, 2**32))
    def walk(self, seed: int) -> None:
        """A hundred rules."""
        Walk(self, seed).go(100)


def walk_alone(client: "redis.Redis", seed: int, steps: int) -> None:
    """A walk without Hypothesis, from the start, with a look at the whole history at its end."""
    machine: EngineMachine = type("Machine", (EngineMachine,), {"client": client})()
    machine.begin(DIAMOND, SMALL[seed % len(SMALL)])
    Walk(machine, seed).go(steps)
    machine.teardown()
