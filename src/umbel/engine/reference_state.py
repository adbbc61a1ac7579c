"""What the reference engine remembers, as plain values, and how it looks in the form of `snapshot`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from umbel.engine.keys import plan_fields
from umbel.engine.snapshot import Snapshot, Stored
from umbel.events import EventRecord
from umbel.machine import Code, RunState, TaskState
from umbel.plan.model import Plan


class Member(NamedTuple):
    """A task of a run, as a member of ready, timers, leases or held."""

    run: str
    task: int

    def __str__(self) -> str:
        return f"{self.run}:{self.task}"


class How(IntEnum):
    """What a portion of work is about."""

    BAD = 0
    """Tell that its source has ended badly; or:"""
    GOOD = 1
    ITEMS = 2
    """Release that many more items of the map `source`."""
    HOOK = 3
    """Release the hook `source`."""


class Portion(NamedTuple):
    """Work that is left: mostly a chunk of the dependents of `source` (-1: the start of the run) to be told of it."""

    source: int
    chunk: int
    how: How

    def __str__(self) -> str:
        return f"{self.source}:{self.chunk}:{self.how}"


class Items(NamedTuple):
    """Where the items of a map stand among the run's tasks."""

    node: int
    base: int
    size: int

    def __str__(self) -> str:
        return f"{self.node}:{self.base}:{self.size}"


@dataclass(slots=True)
class Task:
    """One task of a run. None: it has not come to that yet."""

    state: TaskState = TaskState.WAITING
    done: int | None = None
    """Of the tasks that it needs, how many are done,"""
    bad: int | None = None
    """and how many will never be."""
    attempt: int | None = None
    retries: int | None = None
    losses: int | None = None
    ready: int | None = None
    """When it was released, ms."""
    by: str | None = None
    """Who has to publish its message."""
    copies: int | None = None
    """Spare copies of its message since then."""
    worker: str | None = None
    pid: int | None = None
    args: str | None = None
    request: str | None = None
    """The last request about it that was not refused, and the answer that it gets again (none for a claim)."""
    answer: Any = None
    since: int | None = None
    """When its first attempt began, ms."""
    phase: str | None = None
    """Of a map that was expanded: base and count of its items,"""
    next: int | None = None
    """the place of the next to be released,"""
    open: int | None = None
    """how many have not ended,"""
    kept: int | None = None
    """and how many had ended before this epoch."""
    child: str | None = None
    """The run that it has started,"""
    child_state: str | None = None
    """how that ended, and what it gave."""
    child_result: str | None = None
    fenced: str | None = None
    """The last request that was refused, which is told only once."""
    logged: str | None = None

    def fields(self) -> Iterator[tuple[str, str]]:
        """Name and text of what has been set."""
        if self.state is not TaskState.WAITING:
            yield "state", self.state
        for name in _PLAIN:
            value = getattr(self, name)
            if value is not None:
                yield name, str(value)
        if self.answer is not None:
            yield "answer", as_text(self.answer)


_PLAIN = (
    "done", "bad", "attempt", "retries", "losses", "ready", "by", "copies", "worker", "pid", "args", "request", "since",
    "phase", "next", "open", "kept", "child", "child_state", "child_result", "fenced", "logged",
)  # fmt: skip


@dataclass(slots=True)
class Run:
    """One run."""

    id: str
    plan: str
    payload: str
    left: int
    """Tasks that have not ended."""
    request: str | None = None
    answer: Any = None
    state: RunState = RunState.PENDING
    epoch: int = 1
    seq: int = 0
    live: int = 0
    """Tasks that an attempt holds."""
    tasks_total: int = 0
    nodes: int = 0
    """Tasks and hooks; the items of maps have the numbers behind."""
    size: int | None = None
    """One more than the highest number in use, if items are."""
    maps: list[Items] = field(default_factory=list)
    native: bool = False
    parent: Member | None = None
    """The task that has started it."""
    stopped: bool = False
    paused: bool = False
    restoring: bool = False
    """A new epoch has begun, but not all of it is known yet: nobody may see the run."""
    restore_request: str | None = None
    restore_part: int | None = None
    hooks: int = 0
    """Hooks that have been called and have not ended."""
    settled: bool = False
    cancel_request: str | None = None
    forgotten: bool = False
    tasks: dict[int, Task] = field(default_factory=dict)
    results: dict[int, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    """What `fail` was told, as JSON."""
    items: dict[tuple[int, int], str] = field(default_factory=dict)
    """The items of its maps as JSON, by map and place."""
    work: list[Portion] = field(default_factory=list)
    parked: dict[int, int] = field(default_factory=dict)
    """Tasks whose message came while it was paused, and when."""
    subs: dict[str, int] = field(default_factory=dict)
    """Runs that it has started and that are under way, and since when."""

    def copy(self) -> "Run":
        """An independent one."""
        tasks = {index: replace(task) for index, task in self.tasks.items()}
        return replace(
            self,
            tasks=tasks,
            maps=list(self.maps),
            results=dict(self.results),
            errors=dict(self.errors),
            items=dict(self.items),
            work=list(self.work),
            parked=dict(self.parked),
            subs=dict(self.subs),
        )

    def fields(self) -> dict[str, str]:
        """The run's hash."""
        found = {
            "plan": self.plan,
            "payload": self.payload,
            "left": str(self.left),
            "state": "restoring" if self.restoring else str(self.state),
            "epoch": str(self.epoch),
            "seq": str(self.seq),
            "live": str(self.live),
            "settled": str(int(self.settled)),
            "tasks": str(self.tasks_total),
            "nodes": str(self.nodes),
            "hooks": str(self.hooks),
        }
        for name in ("request", "cancel_request", "restore_request", "restore_part", "size", "parent"):
            if getattr(self, name) is not None:
                found[name] = str(getattr(self, name))
        for name in ("forgotten", "native", "stopped", "paused"):
            if getattr(self, name):
                found[name] = "1"
        if self.answer is not None:
            found["answer"] = as_text(self.answer)
        if self.maps:
            found["maps"] = ",".join(map(str, self.maps))
        for index, task in self.tasks.items():
            for name, value in task.fields():
                found[f"{index}:{name}"] = value
        return found


@dataclass(slots=True)
class StoredPlan:
    """A plan and how many runs use it (None: none ever did); `expires` while that is none."""

    plan: Plan
    hash: dict[str, str]
    runs: int | None = None
    expires: bool = True

    @classmethod
    def of(cls, plan: Plan) -> "StoredPlan":
        """The plan without a run."""
        fields = {name: value for part in plan_fields(plan) for name, value in part.items()}
        return cls(plan, {**fields, "complete": "1"})


@dataclass(slots=True)
class Marks:
    """How far a queue's claims have come, when the last one was, when its front was sent again; ms."""

    passed: int | None = 0
    claimed: int | None = None
    front: int | None = None


@dataclass(slots=True)
class About:
    """What a worker said of itself (JSON) and when, ms; `held` is how many tasks it held when it was found dead."""

    info: str | None = None
    beat: int | None = None
    held: int | None = None


Scores = dict[Member, int]


@dataclass(slots=True)
class Partition:
    """All that the state store holds of one partition."""

    runs: dict[str, Run] = field(default_factory=dict)
    plans: dict[str, StoredPlan] = field(default_factory=dict)
    ready: dict[str, Scores] = field(default_factory=dict)
    queues: dict[str, Marks] = field(default_factory=dict)
    timers: Scores = field(default_factory=dict)
    deadlines: dict[str, int] = field(default_factory=dict)
    leases: Scores = field(default_factory=dict)
    held: dict[str, dict[Member, tuple[int, int, int]]] = field(default_factory=dict)
    """worker -> task -> pid, epoch, attempt."""
    workers: dict[str, int] = field(default_factory=dict)
    about: dict[str, About] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    events: list[EventRecord] = field(default_factory=list)
    trimmed: int = 0
    """Events that are gone from the front of the list."""

    def copy(self) -> "Partition":
        """An independent one; plans do not change and are shared."""
        return Partition(
            {id: run.copy() for id, run in self.runs.items()},
            {hash: replace(plan) for hash, plan in self.plans.items()},
            {queue: dict(members) for queue, members in self.ready.items()},
            {queue: replace(marks) for queue, marks in self.queues.items()},
            dict(self.timers),
            dict(self.deadlines),
            dict(self.leases),
            {worker: dict(held) for worker, held in self.held.items()},
            dict(self.workers),
            {worker: replace(about) for worker, about in self.about.items()},
            dict(self.cursors),
            list(self.events),
            self.trimmed,
        )

    def snapshot(self) -> Snapshot:
        """Every key, as `snapshot.snapshot` reads it from Redis."""
        found: Snapshot = {}

        def put(name: str, value: Any, expires: bool = False) -> None:
            if value:  # Redis has no empty collections
                found[name] = Stored(value, expires)

        for id, run in self.runs.items():
            put(f"run:{id}", run.fields(), run.forgotten)
            results = {str(index): text for index, text in run.results.items()}
            errors = {f"{index}:error": text for index, text in run.errors.items()}
            put(f"results:{id}", {**results, **errors}, run.forgotten)
            put(f"items:{id}", {f"{node}:{place}": text for (node, place), text in run.items.items()}, run.forgotten)
            put(f"work:{id}", [str(portion) for portion in run.work])
            put(f"parked:{id}", {str(index): score for index, score in run.parked.items()})
            put(f"subs:{id}", dict(run.subs))
        for hash, plan in self.plans.items():
            runs = {} if plan.runs is None else {"runs": str(plan.runs)}
            put(f"plan:{hash}", {**plan.hash, **runs}, plan.expires)
        for queue, members in self.ready.items():
            put(f"ready:{queue}", _scores(members))
        put("queues", dict(self._marks()))
        put("timers", _scores(self.timers))
        put("deadlines", dict(self.deadlines))
        put("leases", _scores(self.leases))
        for worker, held in self.held.items():
            put(f"held:{worker}", {str(member): ":".join(map(str, token)) for member, token in held.items()})
        put("workers", dict(self.workers))
        for worker, about in self.about.items():
            put(f"worker:{worker}", _set(about), about.beat is not None)
        put("cursors", dict(self.cursors))
        put("events", list(self.events))
        return found

    def _marks(self) -> Iterator[tuple[str, str]]:
        for queue, marks in self.queues.items():
            for name, value in _set(marks).items():
                yield f"{name}:{queue}", value


@lru_cache(maxsize=4096)
def as_text(answer: Any) -> str:
    """An answer as a script keeps it: JSON of the code and, if it is ok, the values."""
    if answer.code is not Code.OK:
        return json.dumps([answer.code])
    return json.dumps(
        [answer.code, *(_value(answer, field.name) for field in fields(answer)[1:])], separators=(",", ":")
    )


def _value(answer: Any, name: str) -> Any:
    value = getattr(answer, name)
    if name == "items":
        return json.dumps(value, separators=(",", ":"))
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def _scores(members: Scores) -> dict[str, int]:
    return {str(member): score for member, score in members.items()}


def _set(record: Any) -> dict[str, str]:
    values = ((name, getattr(record, name)) for name in record.__slots__)
    return {name: str(value) for name, value in values if value is not None}
