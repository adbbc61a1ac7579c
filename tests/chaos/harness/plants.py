"""Known mistakes, to see that the harness would notice: each is put into the processes of a world (planting.py), never
into the product, and each has a slice in which it must show."""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.chaos.harness.trial import Plan
from tests.chaos.harness.world import Parts

QUICK: Final = Parts(heartbeat=1.0, lease=4.0, redispatch_after=3.0, live_ttl=2.0)


@dataclass(frozen=True)
class Plant:
    """A mistake, and a slice in which it must show. `words`: as what it may."""

    name: str
    what: str
    words: tuple[str, ...]
    faults: tuple[str, ...]
    parts: Parts = QUICK
    only: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def plan(self, seed: int, *, healthy: bool = False) -> Plan:
        """The slice; `healthy` leaves the mistake out."""
        parts = self.parts if healthy else replace(self.parts, plant=self.name)
        common: dict[str, Any] = {
            "duration": 40.0,
            "burst": 4,
            "pauses": (0.3, 1.0),
            "guards": False,
            "slow": 0.1,
            "patience": 20.0,
            "rate": 1.5,
        }
        return Plan(seed, parts, faults=self.faults, only=self.only, **{**common, **self.more})


PLANTS: Final = (
    Plant(
        "no-token",
        "an outcome is taken from whoever runs the task, whichever attempt it was given",
        ("accepted", "doubled", "wrong"),
        ("freeze-child",) * 4,
        more={"slow": 0.3},
    ),
    Plant("no-redispatch", "a lost message is never sent again", ("stuck",), ("lose-messages",) * 3, only="chaos.FAN"),
    Plant(
        "no-lease-sweep",
        "nobody looks for attempts whose lease has run out",
        ("unrecovered", "stuck"),
        ("freeze-child",) * 2,
        more={"bound": 10.0, "slow": 0.3},
    ),
    Plant(
        "client-clock",
        "the end of a lease is told by the worker's clock",
        ("accepted", "wrong", "unrecovered", "stuck"),
        ("freeze-child",) * 2,
        parts=replace(QUICK, skew=3600.0),
        more={"bound": 10.0, "slow": 0.3},
    ),
    Plant(
        "double-claim",
        "a task is given to everyone who asks, whatever its state",
        ("twice", "doubled"),
        ("double-messages",) * 3,
        only="chaos.FAN",
    ),
    Plant("early-join", "a join is released when all but one are done", ("early",), ("kill-child",), only="chaos.FAN"),
    Plant(
        "no-cancel",
        "a claim does not look whether the run is canceled",
        ("late", "broken"),
        ("kill-child",) * 3,
        only="chaos.CANCEL",
    ),
    Plant(
        "position-first",
        "the projector saves its position before the events",
        ("broken", "stuck", "lost"),
        ("kill-server",) * 6,
    ),
    Plant(
        "no-relaunch",
        "a run that was accepted while the store was away is not launched later",
        ("stuck",),
        ("kill-valkey",) * 3,
        more={"rate": 6.0},
        only="chaos.CHAIN",
    ),
    Plant(
        "no-request-id",
        "an outcome told again, because the answer was lost, is recorded again",
        ("doubled", "early"),
        ("lose-replies",) * 3,
        parts=replace(QUICK, lossy=True),
    ),
    Plant(
        "timers-in-memory",
        "the pauses before retries are forgotten when a worker starts",
        ("stuck",),
        ("kill-worker",) * 3,
        only="chaos.RETRY",
    ),
    Plant(
        "rebuild-all",
        "a rebuilt run begins anew, whatever the history knows of its results",
        ("doubled", "twice"),
        ("flush",) * 3,
    ),
)
