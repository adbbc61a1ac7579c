"""[U-12] Once all runs are finished, settled and forgotten, every key that is left has a TTL or an owner."""

import redis

from tests.model.machine import WORKERS, EngineMachine
from tests.model.plans import SMALL
from tests.model.walk import Walk
from umbel.engine.keys import KINDS
from umbel.machine import TaskState

OWNED = {"queues", "events"}
"""One per partition for ever."""


class Machine(EngineMachine):
    """A store that loses nothing: the plan of a run whose keys were lost would wait for it for ever."""

    def vanish(self, run: str) -> None:
        pass


def finish(machine: Machine) -> None:
    """Let well-behaved workers do all that is left, and cancel every second run."""
    pair = machine.pair
    if machine.begun:
        machine.restore_rest(False)
    for run in sorted(machine.known):
        pair.do("resume", run)
        if run.startswith("r") and int(run[1:]) % 2:
            machine.cancel(run)
    for _ in range(100):
        machine.tick(60_001)
        machine.sweep(100, "w0", False)
        machine.promote(100, "w0")
        machine.advance("", "w0")
        for at in range(20):
            if machine.claimable():
                machine.claim(at, WORKERS[0], 1)
            if machine.live():
                machine.finish(0, "step", "w0", 0.0)
            if machine.tasks(TaskState.AWAITING_INPUT):
                machine.decide(at, at % 2 == 0, "w0", False)
        if all(run.settled for run in machine.known.values()):
            break
    # A run that had started another one has heard of its end: nothing else would wake it.
    assert all(run.settled for run in machine.known.values()), [
        run for run in machine.known.values() if not run.settled
    ]
    for _ in range(10):  # what canceled runs had released goes when it is found overdue
        pair.tick(16 * 60_000)
        machine.sweep(100, "w0", False)
        machine.redispatch(100)
    pair.do("forget", sorted(machine.known))


def test_nothing_is_left(valkey: "redis.Redis") -> None:
    kinds = {kind.name for kind in KINDS}
    for seed in range(4):
        machine: Machine = type("Machine", (Machine,), {"client": valkey})()
        machine.begin(SMALL[seed % len(SMALL)], SMALL[-1])
        Walk(machine, seed).go(40)
        finish(machine)
        for name, stored in machine.pair.state.items():
            kind = name.partition(":")[2].partition(":")[0]
            assert kind in kinds
            assert stored.expires or kind in OWNED, f"{name} stays: {stored.value}"
        machine.pair.expire()
        kept = {key.decode().removeprefix("umbel:{0}:") for key in valkey.scan_iter()}
        assert kept <= {"queues", "events", "clock"}
