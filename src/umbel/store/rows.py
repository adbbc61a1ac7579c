"""The rows of the history as plain values: what reads give and what the fold works on."""

from dataclasses import dataclass, field
from typing import Any

from umbel.machine import RunState, TaskState
from umbel.plan.model import Plan


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's promise that requests with this `key` (within `scope`) are one request, with this content hash."""

    key: str
    scope: str
    request_hash: str


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


@dataclass(slots=True)
class RunRow:
    """One run. `payload` is JSON text; `last_seq` is the number of its newest event in the history, 0 for none.

    `tasks_done` counts the tasks that ended by themselves (success, error, skipped); `retries` the retries of all.
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


@dataclass(slots=True)
class TaskRow:
    """One task to which something has happened. `result` is JSON text; `attempts` the number of the newest attempt."""

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


@dataclass(slots=True)
class AttemptRow:
    """One execution of a task by one worker.

    `outcome` is running, success, error, retrying, lost, skipped, fenced or canceled; `countdown` is seconds;
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
    """An account. `created_at` is milliseconds UTC."""

    name: str
    created_at: int
