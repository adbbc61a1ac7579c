"""The rows of the history as plain values: what reads give and what the fold works on."""

from dataclasses import dataclass, field
from functools import lru_cache
from json import loads
from typing import Any, Literal, NamedTuple

from umbel.machine import RunState, TaskState
from umbel.plan.model import Plan


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's promise that requests with this `key` (within `scope`) are one request, with this content hash."""

    key: str
    scope: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `runs` runs with this `key` are live at a time. `on_limit`: see `umbel.definition.Concurrency`."""

    key: str
    runs: int
    on_limit: Literal["queue", "skip", "cancel_oldest", "cancel_newest"]


class MapRow(NamedTuple):
    """Where the items of a map stand: task `base + i` is item i of node `node`. Of the maps of one node only the newest
    is `live`; the others are kept so that what once happened keeps its name."""

    node: int
    base: int
    size: int
    live: int


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be accepted. `payload` is JSON text; `created_at` is milliseconds UTC."""

    id: str
    definition: str
    project: str
    name: str
    plan: Plan
    payload: str
    partition: int
    created_at: int
    comment: str | None = None
    periodic: bool = False
    relaunch_of: str | None = None
    idempotency: IdempotencyKey | None = None
    limit: "Limit | None" = None
    traceparent: str | None = None


@dataclass(slots=True)
class RunRow:
    """One run. `payload` is JSON text; `last_seq` is the number of its newest event in the history, 0 for none.

    `tasks_done` counts the tasks that ended by themselves (success, error, skipped); `retries` the retries of all.
    `maps` is a JSON list of `MapRow`. `rerun` is what a new epoch was asked to run again (JSON of `Rerun`), until that
    has begun. `held`: it waits for another run with the same `limit_key`; `evicted`: it is canceled for another one.
    `parent_run` has started it with its task `parent_task`, and `root_run` is the one that nobody's task has started.
    `traceparent`: the caller's place in a trace (W3C Trace Context).
    """

    id: str
    definition: str
    project: str
    name: str
    state: RunState
    settled: bool
    payload: str
    comment: str | None
    plan_hash: str
    partition: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    updated_at: int
    periodic: bool
    relaunch_of: str | None
    tasks_total: int
    tasks_done: int
    retries: int
    failed_task: str | None
    error: str | None
    last_seq: int
    stopped: bool = False
    paused: bool = False
    epoch: int = 1
    maps: str = "[]"
    deadline_at: int | None = None
    rerun: str | None = None
    parent_run: str | None = None
    parent_task: str | None = None
    root_run: str | None = None
    limit_key: str | None = None
    limit_runs: int | None = None
    held: bool = False
    evicted: bool = False
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to `accept`: the run, and whether this request made it (False: an earlier one with the same key)."""

    run: RunRow
    created: bool


@dataclass(slots=True)
class RunHead:
    """The part of a run that events change, and the plan's hash."""

    id: str
    plan_hash: str
    state: RunState
    settled: bool
    started_at: int | None
    finished_at: int | None
    updated_at: int
    tasks_done: int
    retries: int
    failed_task: str | None
    error: str | None
    last_seq: int
    tasks_total: int
    stopped: bool = False
    paused: bool = False
    epoch: int = 1
    maps: str = "[]"
    deadline_at: int | None = None
    rerun: str | None = None
    root_run: str | None = None


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A run that a task has started, as its first event tells of it."""

    id: str
    plan_hash: str
    definition: str
    payload: str
    parent_run: str
    parent_task: str
    root_run: str
    created_at: int
    tasks_total: int


@dataclass(frozen=True, slots=True)
class End:
    """An epoch of a run has ended, at `at` (ms); tasks of it that are under way may go on."""

    run: str
    epoch: int
    state: RunState
    at: int
    failed_task: str | None


@dataclass(slots=True)
class TaskRow:
    """One task to which something has happened. `result` is JSON text; `attempts` the number of the newest attempt,
    `child` the run that it started."""

    run_id: str
    idx: int
    key: str
    state: TaskState
    epoch: int = 1
    attempts: int = 0
    queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    due_at: int | None = None
    result: str | None = None
    exception: str | None = None
    error_type: str | None = None
    traceback: str | None = None
    updated_at: int = 0
    child: str | None = None


@dataclass(slots=True)
class AttemptRow:
    """One execution of a task by one worker.

    `outcome` is running, success, error, retrying, lost, skipped, fenced or canceled; expanded if it left the task with
    items or a run of its own, asked if with a person, until those end it. `countdown` is seconds;
    `late_outcome` is what a fenced attempt said too late.
    """

    run_id: str
    idx: int
    epoch: int
    attempt: int
    worker: str | None = None
    pid: int | None = None
    queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    outcome: str = "running"
    exception: str | None = None
    error_type: str | None = None
    traceback: str | None = None
    countdown: float | None = None
    due_at: int | None = None
    late_outcome: str | None = None


@dataclass(slots=True)
class AppliedEvent:
    """An event of the history. `id` is its number among all events, `seq` among those of its run.

    `data` leaves out what rows hold: tracebacks (attempts) and log lines (logs; here only their `count`).
    """

    id: int
    run_id: str
    seq: int
    type: str
    at: int
    idx: int | None
    attempt: int | None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One captured line of an attempt's output. `id` grows within a run; `stream` is stdout, stderr or a log level."""

    id: int
    run_id: str
    idx: int
    attempt: int
    at: int
    stream: str
    line: str


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account. `created_at` is milliseconds UTC; `scope` is what it may do: read, run or admin."""

    name: str
    created_at: int
    scope: str


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One attempt to deliver: answered with the HTTP `status` and the first bytes of `answer`, or failed with `error`;
    with neither, it is under way, or its server died. Times are ms; `took` is how long it lasted."""

    attempt: int
    at: int
    status: int | None = None
    took: int | None = None
    error: str | None = None
    answer: str = ""


@dataclass(slots=True)
class DeliveryRow:
    """The news of the end of one epoch of a run, for its webhook. `id` is the message's, the same in every attempt.

    `event` is success, failure or cancel; `status` is pending, delivered or failed (given up). `due_at` is when the
    next attempt is made (0: at once), None if there is none.
    """

    id: str
    run_id: str
    epoch: int
    event: str
    url: str
    status: str
    created_at: int
    due_at: int | None
    finished_at: int | None
    attempts: int
    log: list[DeliveryAttempt] = field(default_factory=list)


@lru_cache(maxsize=1024)
def maps_of(text: str) -> tuple[MapRow, ...]:
    """The maps of a run, from its row."""
    return tuple(MapRow(*entry) for entry in loads(text))
