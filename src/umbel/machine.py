"""States, verbs, events and which of them may follow which.

Everything that names a state of a run or of a task lives here and nowhere else: the Lua scripts, the reference
engine, the tables, the API and the pictures take the words from this file.

Owns: the words of the state machine and its transition table.
May import: nothing.
Promises: pure data and functions; no clock, no I/O.
"""

from enum import StrEnum
from typing import Final


class TaskState(StrEnum):
    """Where one task of a run stands."""

    WAITING = "waiting"
    """Its dependencies are not done."""
    QUEUED = "queued"
    """Released: a message is on its way to a worker."""
    SCHEDULED = "scheduled"
    """Released, but not due yet: its countdown, or its moment, waits in the state store."""
    RUNNING = "running"
    """One attempt is owned by a worker."""
    EXPANDED = "expanded"
    """Its items (`map`), or the run that it started (`workflow`), are under way; no worker holds it."""
    AWAITING_INPUT = "awaiting_input"
    """A person has to approve or reject."""
    RETRYING = "retrying"
    """An attempt failed; the next one waits for its due time in the state store."""
    SUCCESS = "success"
    ERROR = "error"
    SKIPPED = "skipped"
    """Its condition was false: counts as done, with result null."""
    CANCELED = "canceled"
    UPSTREAM_FAILED = "upstream_failed"
    """It will never run because a task that it needs failed."""


class RunState(StrEnum):
    """Where a run stands. `settled` is a separate fact: nothing of the run is alive any more."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    CANCELED = "canceled"


class Verb(StrEnum):
    """What can be done to the state machine. Each verb is one atomic script in `engine/lua/`."""

    PLAN = "plan"
    LAUNCH = "launch"
    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    SKIP = "skip"
    LOSE = "lose"
    EXPAND = "expand"
    SPAWN = "spawn"
    ASK = "ask"
    DECIDE = "decide"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    RESTORE = "restore"
    PROMOTE = "promote"
    ADVANCE = "advance"
    REDISPATCH = "redispatch"
    RENEW = "renew"
    BEAT = "beat"
    SWEEP = "sweep"
    LOG = "log"
    FORGET = "forget"
    DROP = "drop"


class Code(StrEnum):
    """How a script answers. `OK` did it; every other code changed nothing."""

    OK = "ok"
    EXISTS = "exists"
    """launch: the run is there already. drop: it has come as far as the history."""
    NO_PLAN = "no_plan"
    """launch: the plan is not in this partition yet; put it there and launch again."""
    NO_RUN = "no_run"
    """The state store does not know the run (finished long ago, or lost)."""
    CANCELED = "canceled"
    """The run was canceled: do not start, or throw the outcome away."""
    STALE = "stale"
    """The token is not the task's present one: another attempt owns it, or it is finished."""
    NOT_QUEUED = "not_queued"
    """claim: the task is not waiting for a worker (running elsewhere, retrying or finished)."""
    ALIVE = "alive"
    """lose: the attempt's lease has not run out."""
    FINISHED = "finished"
    """cancel, pause: nothing of the run is under way any more. restore: the run has gone on, or has ended, since."""
    PAUSED = "paused"
    """claim: the run is paused; the task is sent again when the run is resumed."""
    NOT_ASKED = "not_asked"
    """decide: the task does not wait for a decision (any more)."""
    LIVE = "live"
    """restore: something of the run is still under way."""


class EventType(StrEnum):
    """What the stream says. The details of each are in `docs/reference/events.md`."""

    RUN_LAUNCHED = "run.launched"
    RUN_ADVANCED = "run.advanced"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_FAILED = "run.failed"
    RUN_CANCELED = "run.canceled"
    RUN_STOPPED = "run.stopped"
    RUN_PAUSED = "run.paused"
    RUN_RESUMED = "run.resumed"
    RUN_RESTORED = "run.restored"
    RUN_SETTLED = "run.settled"
    TASK_STARTED = "task.started"
    TASK_SUCCEEDED = "task.succeeded"
    TASK_FAILED = "task.failed"
    TASK_RETRYING = "task.retrying"
    TASK_QUEUED = "task.queued"
    TASK_LOST = "task.lost"
    TASK_SKIPPED = "task.skipped"
    TASK_EXPANDED = "task.expanded"
    TASK_SPAWNED = "task.spawned"
    TASK_ASKED = "task.asked"
    TASK_FENCED = "task.fenced"
    TASK_LOG = "task.log"


TRANSITIONS: Final[dict[tuple[TaskState, Verb], tuple[TaskState, ...]]] = {
    (TaskState.QUEUED, Verb.CLAIM): (TaskState.RUNNING,),
    (TaskState.RUNNING, Verb.SUCCEED): (TaskState.SUCCESS,),
    (TaskState.RUNNING, Verb.FAIL): (TaskState.ERROR,),
    (TaskState.RUNNING, Verb.RETRY): (TaskState.RETRYING, TaskState.QUEUED),
    (TaskState.RUNNING, Verb.SKIP): (TaskState.SKIPPED,),
    (TaskState.RUNNING, Verb.LOSE): (TaskState.QUEUED, TaskState.ERROR),
    (TaskState.RUNNING, Verb.EXPAND): (TaskState.EXPANDED, TaskState.QUEUED),
    (TaskState.EXPANDED, Verb.ADVANCE): (TaskState.QUEUED,),
    (TaskState.RUNNING, Verb.SPAWN): (TaskState.EXPANDED,),
    (TaskState.EXPANDED, Verb.PROMOTE): (TaskState.SUCCESS, TaskState.ERROR),
    (TaskState.RUNNING, Verb.ASK): (TaskState.AWAITING_INPUT,),
    (TaskState.AWAITING_INPUT, Verb.DECIDE): (TaskState.SUCCESS, TaskState.ERROR),
    (TaskState.AWAITING_INPUT, Verb.PROMOTE): (TaskState.ERROR,),
    (TaskState.RETRYING, Verb.PROMOTE): (TaskState.QUEUED,),
    (TaskState.SCHEDULED, Verb.PROMOTE): (TaskState.QUEUED,),
    (TaskState.WAITING, Verb.ADVANCE): (
        TaskState.QUEUED,
        TaskState.SCHEDULED,
        TaskState.SKIPPED,
        TaskState.UPSTREAM_FAILED,
    ),
}
"""(state, verb) -> states that may follow. Launch, succeed, fail and skip release dependents in the same script,
which is the ADVANCE rows. Cancel is not in it: a stopped run's unfinished tasks count as canceled without a write; nor
is restore, which begins a new epoch with any state."""

TASK_TERMINAL: Final = frozenset(
    {
        TaskState.SUCCESS,
        TaskState.ERROR,
        TaskState.SKIPPED,
        TaskState.CANCELED,
        TaskState.UPSTREAM_FAILED,
    }
)
RUN_TERMINAL: Final = frozenset({RunState.SUCCESS, RunState.ERROR, RunState.CANCELED})

TERMINAL_EVENTS: Final[dict[EventType, RunState]] = {
    EventType.RUN_SUCCEEDED: RunState.SUCCESS,
    EventType.RUN_FAILED: RunState.ERROR,
    EventType.RUN_CANCELED: RunState.CANCELED,
}

_DIRECTOR: Final[dict[str, str]] = {
    TaskState.WAITING: "pending",
    TaskState.QUEUED: "pending",
    TaskState.SCHEDULED: "pending",
    TaskState.UPSTREAM_FAILED: "pending",
    TaskState.RUNNING: "progress",
    TaskState.EXPANDED: "progress",
    TaskState.AWAITING_INPUT: "progress",
    TaskState.RETRYING: "progress",
    TaskState.SUCCESS: "success",
    TaskState.SKIPPED: "success",
    TaskState.ERROR: "error",
    TaskState.CANCELED: "canceled",
    RunState.PENDING: "pending",
}


def director_status(state: TaskState | RunState) -> str:
    """The one of celery-director's five words (pending, progress, success, error, canceled) for a finer state."""
    return _DIRECTOR[state]


def effective(task: TaskState, run: RunState, stopped: bool = False) -> TaskState:
    """The state a reader should see: in a canceled or stopped run, whatever had not finished counts as canceled."""
    if (stopped or run is RunState.CANCELED) and task not in TASK_TERMINAL:
        return TaskState.CANCELED
    return task
