"""Starts runs by their schedules: one run for each tick, whatever happens to servers."""

import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from umbel.definition import Catalog, Definition, Schedule
from umbel.errors import UmbelError
from umbel.failpoints import failpoint
from umbel.keeper.held import limit_of
from umbel.keeper.leader import Leader
from umbel.keeper.loop import ThreadLoop
from umbel.plan.model import Plan
from umbel.store import Lease, Limit, NewRun, RunRow, ScheduleRow, Ticked

log = logging.getLogger(__name__)

LOOK: Final = 1.0
"""Seconds between two looks at the schedules, if no tick is due before: until a pause or a new definition is seen."""
BATCH: Final = 20
"""Ticks of one definition in one turn; the other definitions come next."""
ASLEEP: Final = 10.0
"""Seconds between two turns of this loop after which the server counts as having been down (a laptop's lid)."""
LATE: Final = 10.0
"""With `catchup: none`, seconds that a tick may be late and is still started: a restart is no downtime."""


class Known(Protocol):
    """What the loop needs of the definitions."""

    @property
    def catalog(self) -> Catalog: ...
    @property
    def plans(self) -> Mapping[str, Plan]: ...


class Scheduling(Protocol):
    """What the loop needs of the store."""

    def schedules(self) -> dict[str, ScheduleRow]: ...
    def arrange(self, lease: Lease, definition: str, spec: str, next_at: int | None) -> None: ...
    def tick(
        self,
        lease: Lease,
        definition: str,
        expected: int,
        tick: int,
        next_at: int | None,
        new: NewRun | None,
        *,
        overlap: bool,
    ) -> Ticked: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What to do with a schedule that is due: start (or leave out) the run of `tick`, and go on at `next_at`."""

    tick: int
    next_at: int | None
    start: bool


class Scheduler(ThreadLoop):
    """Follows the schedules while this server is the leader.

    A tick's run and the next tick are written in one transaction, and the run's id depends on nothing but definition
    and tick; so neither two servers nor a crash between any two steps can start it twice, or lose it. A tick that
    falls due while a server is up is started, however late, even if another server was the leader then and died. What
    fell due while none was up is `catchup`'s business.

    Args:
        store: holds the schedules.
        leader: says whether this server is the one.
        definitions: what is scheduled, as last read.
        partition: gives a run's partition.
        launch: launches an accepted run, if it can, and never raises; `Relaunch` does later what it could not.
        now: the present in ms, by a clock that all servers share.
    """

    def __init__(
        self,
        store: Scheduling,
        leader: Leader,
        definitions: Known,
        partition: Callable[[str], int],
        launch: Callable[[RunRow], object],
        now: Callable[[], int],
    ) -> None:
        super().__init__("schedule")
        self.started = 0
        """Runs started since the start."""
        self._store = store
        self._leader = leader
        self._definitions = definitions
        self._partition = partition
        self._launch = launch
        self._now = now
        self._up_since: int | None = None
        self._looked = 0

    def turn(self) -> float:
        """Starts what is due."""
        now = self._now()
        if self._up_since is None or now - self._looked > ASLEEP * 1000:
            self._up_since = now
        soonest = now + round(LOOK * 1000)
        lease = self._leader.lease
        catalog, plans = self._definitions.catalog, self._definitions.plans
        wanted = {name: each for name, each in catalog.definitions.items() if each.schedule and name in plans}
        if lease is not None:
            rows = self._store.schedules()
            for name, definition in wanted.items():
                due = self._follow(lease, definition, plans[name], rows.get(name), now)
                if due is not None:
                    soonest = min(soonest, due)
            if not any(problem.severity == "error" for problem in catalog.problems):
                for name in rows.keys() - wanted.keys():
                    if rows[name].next_at is not None:
                        # Gone, and not because of a mistake: should it come back, it begins anew.
                        self._store.arrange(lease, name, rows[name].spec, None)
        self._looked = self._now()
        return max(soonest - self._looked, 0) / 1000

    def _follow(
        self, lease: Lease, definition: Definition, plan: Plan, row: ScheduleRow | None, now: int
    ) -> int | None:
        """Brings one schedule up to `now`; when it is due next."""
        schedule = definition.schedule
        assert schedule is not None
        name = definition.fullname
        if row is None or row.spec != schedule.spec or row.next_at is None:
            first = schedule.after(now)
            if row is None or (row.spec, row.next_at) != (schedule.spec, first):
                self._store.arrange(lease, name, schedule.spec, first)
            return first
        at: int | None = row.next_at
        if row.paused:
            return None
        for _ in range(BATCH):
            if at is None or at > now or self.stopping.is_set():
                break
            assert self._up_since is not None
            step = next_step(schedule, at, now, self._up_since)
            new = self._new_run(definition, plan, step.tick, now) if step.start else None
            ticked = self._store.tick(
                lease, name, at, step.tick, step.next_at, new, overlap=schedule.overlap == "allow"
            )
            failpoint("tick-written")
            if ticked.outcome == "moved":
                return None  # the next look shows where it stands
            if ticked.run is not None:
                self.started += 1
                self._launch(ticked.run)
            else:
                log.info("%s: the tick of %d ms was left out (%s)", name, step.tick, ticked.outcome)
            at = step.next_at
        return at

    def _new_run(self, definition: Definition, plan: Plan, tick: int, now: int) -> NewRun:
        schedule = definition.schedule
        assert schedule is not None
        run_id = run_id_of(definition.fullname, tick)
        payload = {**definition.defaults, **schedule.payload}
        return NewRun(
            id=run_id,
            definition=definition.fullname,
            project=definition.project,
            name=definition.name,
            plan=plan,
            payload=json.dumps(payload, separators=(",", ":")),
            partition=self._partition(run_id),
            created_at=now,
            periodic=True,
            limit=_limit(definition, payload),
        )


def _limit(definition: Definition, payload: Mapping[str, Any]) -> Limit | None:
    try:
        return limit_of(definition.fullname, definition.concurrency, payload)
    except UmbelError as error:  # the tick must not be tried again for ever
        log.error("%s is started by its schedule without its limit: %s", definition.fullname, error)
        return None


def run_id_of(definition: str, tick: int) -> str:
    """The id of the run that a tick starts: always the same, and shaped like all others."""
    digest = hashlib.sha256(f"{definition} {tick}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def next_step(schedule: Schedule, due: int, now: int, up_since: int) -> Step:
    """What becomes of the tick `due`, which is not after `now`, on a server that is up since `up_since`."""
    if due >= up_since or schedule.catchup == "all":
        return Step(due, schedule.after(due), True)
    # Missed. Of all that were, only the newest is of interest.
    newest = schedule.last_before(due, up_since)
    start = schedule.catchup == "last" or now - newest <= LATE * 1000
    return Step(newest, schedule.after(newest), start)
