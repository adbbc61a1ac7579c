"""One slice: a world, a steady load, faults by a seeded schedule, then quiet, and the verdict."""

import contextlib
import itertools
import json
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.chaos.harness import history
from tests.chaos.harness.check import KILLS, Check, Verdict
from tests.chaos.harness.client import Load
from tests.chaos.harness.faults import Fault, Faults
from tests.chaos.harness.shapes import TASKS, Wanted, wanted
from tests.chaos.harness.world import Parts, World, open_world
from tests.waiting import wait_until
from umbel.errors import HistoryUnavailable
from umbel.store import Database

FORBIDDEN: Final = (
    "lost", "unexpected", "doubled", "early", "late", "twice", "stuck", "wrong", "broken", "ghost", "accepted",
    "unrecovered", "refused",
)  # fmt: skip
"""A green slice has none of these."""

WEIGHTS: Final = {
    "kill-child": 8,
    "kill-worker": 5,
    "stop-worker": 3,
    "freeze-child": 4,
    "freeze-worker": 3,
    "kill-server": 3,
    "double-messages": 3,
    "lose-messages": 3,
    "pause-valkey": 2,
}
"""How often each fault is chosen that any world can have."""


@dataclass(frozen=True)
class Plan:
    """What a slice does. Times are seconds.

    `rate`: runs a second; None measures what the world can do, and takes half of it. `faults`: their names, in order,
    each after a pause out of `pauses`; None draws them for `duration`, of `kinds` or of all. `only`: the shape of all
    runs. `guards`: say INVALID where the slice has not been one.
    """

    seed: int
    parts: Parts
    duration: float = 150.0
    burst: int = 30
    pauses: tuple[float, float] = (1.0, 5.0)
    rate: float | None = None
    slow: float = 0.05
    faults: tuple[str, ...] | None = None
    kinds: tuple[str, ...] = ()
    only: str | None = None
    guards: bool = True
    bound: float = 30.0
    patience: float = 0.0
    """Without any news the world is waited for so long at the end; 0: ten times `redispatch_after`."""


@dataclass
class Result:
    """What came of it."""

    plan: Plan
    verdict: Verdict
    faults: list[Fault]
    figures: dict[str, Any]
    began: float
    invalid: list[str] = field(default_factory=list)

    @property
    def red(self) -> bool:
        """Something happened that must not."""
        return any(self.verdict.words[word] for word in FORBIDDEN)

    @property
    def colour(self) -> str:
        """`red`, `invalid` or `green`."""
        return "red" if self.red else "invalid" if self.invalid else "green"

    def record(self) -> dict[str, Any]:
        """For the report: one line of JSON."""
        return {
            "seed": self.plan.seed,
            "colour": self.colour,
            "invalid": self.invalid,
            "parts": asdict(self.plan.parts),
            "kinds": self.plan.kinds,
            "words": dict(self.verdict.words),
            "problems": self.verdict.problems,
            "faults": dict(Counter(fault.name for fault in self.faults if fault.fired)),
            "course": [
                f"{fault.at - self.began:.1f}-{fault.until - self.began:.1f} {fault.name} {fault.note} "
                f"{' '.join(f'{key.run[:8]}:{key.task}:{key.attempt}' for key in fault.hits)}".strip()
                for fault in self.faults
            ],
            "recovery": [round(each, 2) for each in self.verdict.recovery],
            "released": [round(each, 2) for each in self.verdict.released],
            "alone": [round(each, 2) for each in self.verdict.alone],
            **self.figures,
        }


_OTHERS: Final[dict[str, tuple[int, Callable[[Parts], bool]]]] = {
    "kill-valkey": (3, lambda parts: True),
    "flush": (1, lambda parts: True),
    "restart-valkey": (2, lambda parts: parts.aof != "none"),
    "empty-valkey": (1, lambda parts: parts.aof != "none"),
    "older-valkey": (1, lambda parts: parts.aof != "none"),
    "freeze-server": (3, lambda parts: parts.servers > 1),
    "restart-postgres": (2, lambda parts: parts.sql == "postgres"),
    "restart-rabbitmq": (1, lambda parts: parts.broker == "rabbitmq"),
    "lose-replies": (3, lambda parts: parts.lossy),
}

EVERY: Final = (*WEIGHTS, *_OTHERS)
"""The names of all faults that the long form has."""


def possible(parts: Parts) -> dict[str, int]:
    """The faults that a world of these parts can have, and how often each is chosen."""
    return WEIGHTS | {name: weight for name, (weight, can) in _OTHERS.items() if can(parts)}


def schedule(plan: Plan, chance: Random) -> Iterator[tuple[float, str]]:
    """Pause and fault, one after another. Each fault that is possible comes once before any comes twice."""
    names = {name: weight for name, weight in possible(plan.parts).items() if name in (plan.kinds or EVERY)}
    first = list(names)
    chance.shuffle(first)
    endless = itertools.chain(first, (chance.choices(list(names), list(names.values()))[0] for _ in itertools.count()))
    for name in endless if plan.faults is None else plan.faults:
        yield chance.uniform(*plan.pauses), name


def run(
    plan: Plan, say: Callable[[str], None] = lambda line: None, keep: Path | None = None, *, always: bool = False
) -> Result:
    """Do one slice. `keep`: a folder that gets ledger, notes and logs if the slice is not green, or `always`.

    Raises:
        AssertionError, StackError: the world did not come up, or would not heal.
    """
    with _folder(keep) as (home, kept), open_world(plan.parts, home) as world:
        trial = Trial(plan, world, say)
        try:
            result = trial.go()
        finally:
            trial.close()
        (home / "result.json").write_text(json.dumps(result.record(), indent=1))
        kept.append(always or result.colour != "green")
        return result


@contextmanager
def _folder(keep: Path | None) -> Iterator[tuple[Path, list[bool]]]:
    home = Path(tempfile.mkdtemp(prefix="umbel-chaos-"))
    wanted_later: list[bool] = []
    try:
        yield home, wanted_later
    finally:
        if keep is not None and (not wanted_later or wanted_later[0]):
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(home, keep, ignore=shutil.ignore_patterns("lock", "kept-*"))
        shutil.rmtree(home, ignore_errors=True)


class Trial:
    """The course of one slice."""

    def __init__(self, plan: Plan, world: World, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._world = world
        self._say = say
        self._chance = Random(plan.seed)
        self._quit = threading.Event()
        self._load = Load(list(world.servers.values()), world.home / "client")
        self._database = Database(world.database_url)
        self._faults = Faults(world, Random(plan.seed + 1), self._quit, self._load.cancels)
        self._number = itertools.count()
        self._figures: dict[str, Any] = {}
        self._invalid: list[str] = []
        self._began = time.monotonic()

    def close(self) -> None:
        """Ends what this has started."""
        self._quit.set()
        self._load.close()
        self._database.close()

    def go(self) -> Result:
        """All of it."""
        rate = self._calibrate()
        if rate:
            with self._loading(rate):
                self._disturb()
        self._heal()
        verdict = self._judge()
        self._guard(verdict)
        self._figures |= {"seconds": round(time.monotonic() - self._began, 1)}
        return Result(self._plan, verdict, self._faults.done, self._figures, self._began, self._invalid)

    # -- load

    def _next(self) -> Wanted:
        return wanted(self._chance, next(self._number), slow=self._plan.slow, only=self._plan.only)

    def _calibrate(self) -> float:
        """How many runs a second are asked for: half of what the world can do while nothing is wrong; 0 if nothing.

        The same runs twice: what the first time gives is the measure for the second, the last moments without a fault.
        """
        wants = [self._next() for _ in range(self._plan.burst)]
        again = [replace(want, key=f"run-{next(self._number)}") for want in wants]
        tasks = sum(TASKS[want.definition] for want in wants)
        try:
            took = [self._burst(each) for each in (wants, again)]
        except AssertionError as error:
            self._invalid.append(f"before any fault: {error}")
            return 0.0
        speed = [round(tasks / seconds, 1) for seconds in took]
        self._figures |= {"calibrated": speed[0], "before": speed[1]}
        rate = self._plan.rate or min(20.0, max(0.5, 0.5 * len(wants) / min(took)))
        self._figures["rate"] = round(rate, 2)
        self._say(f"{tasks} tasks at {speed[0]} and {speed[1]} a second; {rate:.1f} runs a second from now on")
        return rate

    def _burst(self, wants: list[Wanted]) -> float:
        since, patience = time.monotonic(), 1.5 * self._plan.patience or 120
        asked = self._load.ask(wants)
        wait_until(lambda: self._load.answered(asked) and not self._unsettled(), patience, "end of the first runs")
        return time.monotonic() - since

    @contextmanager
    def _loading(self, rate: float) -> Iterator[None]:
        stop = threading.Event()

        def endless() -> Iterator[Wanted]:
            while not stop.is_set() and not self._quit.is_set():
                yield self._next()

        thread = threading.Thread(target=lambda: self._load.ask(endless(), 1 / rate), name="load")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    # -- faults

    def _disturb(self) -> None:
        until = time.monotonic() + self._plan.duration
        under_way: list[Future[Fault]] = []

        def open_faults() -> int:
            return sum(not each.done() for each in under_way)

        for pause, name in schedule(self._plan, self._chance):
            self._tend(lambda: False, min(time.monotonic() + pause, until))
            # Two at a time, so that they meet; more, or one of the only store or broker beside another, would only be
            # an outage.
            most = 1 if _of_store(name) else 2
            self._tend(lambda most=most: open_faults() < most, until)  # type: ignore[misc]
            if time.monotonic() >= until:
                break
            self._say(f"{time.monotonic() - self._began:6.1f} s  {name}")
            under_way.append(self._world.pool.submit(self._faults.do, name))
        self._tend(lambda: not open_faults(), time.monotonic() + 120)
        for each in under_way:
            each.result(1)

    def _tend(self, enough: Callable[[], bool], until: float) -> None:
        """Keep up what has died, until it is enough or the time is over."""
        while not enough() and time.monotonic() < until:
            self._quit.wait(0.1)
            self._world.keep_up()

    def _heal(self) -> None:
        """Everything is up again; wait until all is done, as long as anything happens."""
        self._world.heal()
        healed = time.monotonic()
        patience = self._plan.patience or 10 * self._plan.parts.redispatch_after
        last, news = (-1, -1), healed
        while time.monotonic() - news < patience:
            self._world.keep_up()
            if self._load.answered(self._load.asked) and not self._unsettled():
                break
            self._world.ledger.read()
            with contextlib.suppress(HistoryUnavailable):
                now = (history.event_count(self._database), len(self._world.ledger.bodies))
                if now != last:
                    last, news = now, time.monotonic()
            self._quit.wait(0.25)
        self._figures["quiet after"] = round(time.monotonic() - healed, 1)
        self._load.close()

    def _unsettled(self) -> list[str]:
        try:
            return history.unsettled(self._database)
        except HistoryUnavailable:
            return ["?"]

    # -- verdict

    def _judge(self) -> Verdict:
        told = history.read(self._database)
        ghosts: list[str] = []
        if all(row.settled for row in told.runs.values()):
            with contextlib.suppress(AssertionError):
                wait_until(lambda: not self._ghosts(), self._plan.parts.live_ttl + 15, "clean store")
            ghosts = self._ghosts()
        self._world.ledger.read()
        check = Check(
            self._load.asked,
            self._world.ledger.bodies,
            told,
            self._faults.done,
            ghosts=ghosts,
            bound=self._plan.bound,
        )
        (self._world.home / "events.json").write_text(json.dumps(told.events))
        verdict = check.judge()
        self._figures["died"] = self._world.died
        return verdict

    def _ghosts(self) -> list[str]:
        """Keys that belong to a run and have neither an owner nor an end."""
        found = []
        with self._world.state() as client:
            for key in client.scan_iter("umbel:*", count=1000):
                kind = key.split(":")[2]
                if kind in ("run", "results", "items", "work", "parked", "subs", "held"):
                    if kind == "held":
                        found.append(f"{key} {client.hgetall(key)}")
                    elif client.ttl(key) == -1:
                        found.append(key)
                elif kind in ("timers", "deadlines", "leases", "ready", "cursors") and client.type(key) == "zset":
                    found += [f"{key} {member}" for member in client.zrange(key, 0, 4)]
        return found

    def _guard(self, verdict: Verdict) -> None:
        """A slice in which nothing happened proves nothing."""
        if not self._plan.guards:
            return
        if self._figures.get("before", 0) < 0.8 * self._figures.get("calibrated", 0):
            told = f"{self._figures['before']} of {self._figures['calibrated']} tasks a second before the first fault"
            self._invalid.append(f"{told}: not 80 %")
        kills = [fault for fault in self._faults.done if fault.name in KILLS and fault.fired]
        landed = sum(bool(fault.hits) for fault in kills)
        self._figures["kills"] = {"done": len(kills), "landed": landed}
        if landed * 2 < len(kills):
            self._invalid.append(f"{landed} of {len(kills)} kills hit a running task: not half")
        # A drawn schedule has no room for all in every slice: the report says what has been done too seldom.
        fired = {fault.name for fault in self._faults.done if fault.fired}
        if missing := sorted(set(self._plan.faults or ()) - fired):
            self._invalid.append(f"never fired: {', '.join(missing)}")
        if len(fired) * 3 < len(self._plan.faults or self._plan.kinds or possible(self._plan.parts)):
            self._invalid.append(f"only {len(fired)} kinds of faults")
        if verdict.words["acknowledged"] < self._plan.burst:
            self._invalid.append("hardly a run was accepted")


def _of_store(name: str) -> bool:
    return "valkey" in name or name in ("flush", "restart-postgres", "restart-rabbitmq")


def bounded(seed: int) -> Plan:
    """The form for every pull request: about a minute; the same faults always, on whom the seed says."""
    parts = Parts(heartbeat=1.0, lease=4.0, redispatch_after=4.0, live_ttl=2.0)
    faults = ("kill-child", "freeze-child", "kill-worker", "restart-valkey", "kill-child", "double-messages")
    return Plan(seed, parts, duration=25.0, burst=8, slow=0.05, faults=faults, pauses=(0.2, 0.8), bound=30.0)


def long(seed: int, seconds: float, kinds: tuple[str, ...] = (), **fixed: object) -> Plan:
    """One slice of the long form: parts and faults (of these `kinds`) by the seed, the product's own times."""
    parts = replace(Parts.by_chance(Random(seed)), **fixed)  # type: ignore[arg-type]
    # Where all faults are kills, more of them in a row would only be a world without workers.
    pauses = (4.0, 10.0) if set(kinds) <= set(KILLS) and kinds else Plan.pauses
    return Plan(seed, parts, duration=seconds, kinds=kinds, pauses=pauses)
