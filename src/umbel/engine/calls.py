"""Typed calls of the Lua scripts. From their headers, by `python -m umbel.engine.scripts`: do not edit."""

from dataclasses import dataclass

from umbel.engine.wire import Item, Wire
from umbel.machine import Code, Verb


@dataclass(frozen=True, slots=True)
class Plan:
    """Answer of plan."""

    code: Code


@dataclass(frozen=True, slots=True)
class Launch:
    """Answer of launch."""

    code: Code
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """Answer of claim."""

    code: Code
    attempt: int = 0
    retries: int = 0
    plan: str = ""
    payload: str = ""
    inputs: str = ""
    args: str = ""
    node: int = 0
    item: str = ""
    phase: str = ""
    waited_ms: int = 0
    age_ms: int = 0


@dataclass(frozen=True, slots=True)
class Succeed:
    """Answer of succeed."""

    code: Code
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer of fail."""

    code: Code
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """Answer of retry."""

    code: Code
    due: int = 0
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """Answer of skip."""

    code: Code
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Lose:
    """Answer of lose."""

    code: Code
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Expand:
    """Answer of expand."""

    code: Code
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Spawn:
    """Answer of spawn."""

    code: Code
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """Answer of ask."""

    code: Code


@dataclass(frozen=True, slots=True)
class Decide:
    """Answer of decide."""

    code: Code
    released: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Answer of cancel."""

    code: Code


@dataclass(frozen=True, slots=True)
class Pause:
    """Answer of pause."""

    code: Code


@dataclass(frozen=True, slots=True)
class Resume:
    """Answer of resume."""

    code: Code


@dataclass(frozen=True, slots=True)
class Restore:
    """Answer of restore."""

    code: Code


@dataclass(frozen=True, slots=True)
class Promote:
    """Answer of promote."""

    code: Code
    items: tuple[Item, ...] = ()
    next: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """Answer of advance."""

    code: Code
    items: tuple[Item, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Redispatch:
    """Answer of redispatch."""

    code: Code
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Renew:
    """Answer of renew."""

    code: Code


@dataclass(frozen=True, slots=True)
class Beat:
    """Answer of beat."""

    code: Code


@dataclass(frozen=True, slots=True)
class Sweep:
    """Answer of sweep."""

    code: Code
    attempts: str = ""
    workers: str = ""


@dataclass(frozen=True, slots=True)
class Log:
    """Answer of log."""

    code: Code


@dataclass(frozen=True, slots=True)
class Forget:
    """Answer of forget."""

    code: Code
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Drop:
    """Answer of drop."""

    code: Code


class Calls:
    """One method per script; each runs it once in a partition."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def plan(self, partition: int, *, plan: str, fields: str, last: int, ttl_ms: int) -> Plan:
        """Put a part of a plan where the scripts of this partition can read it."""
        code, values = self._wire.call(Verb.PLAN, partition, [plan, fields, last, ttl_ms], [])
        return Plan(code, *values)

    def launch(self, partition: int, *, run: str, plan: str, payload: str, by: str, request_id: str) -> Launch:
        """Create a run, unless its id exists, and release its first tasks."""
        code, values = self._wire.call(Verb.LAUNCH, partition, [run, plan, payload, by, request_id], ["ints"])
        return Launch(code, *values)

    def claim(self, partition: int, *, run: str, task: int, epoch: int, worker: str, pid: int, in_turn: int, lease_ms: int, request_id: str) -> Claim:
        """Give a queued task to a worker, as a new attempt with a lease."""
        code, values = self._wire.call(Verb.CLAIM, partition, [run, task, epoch, worker, pid, in_turn, lease_ms, request_id], ["int", "int", "str", "json", "json", "json", "int", "json", "str", "int", "int"])
        return Claim(code, *values)

    def succeed(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, result: str, by: str, request_id: str) -> Succeed:
        """Record the result of one attempt and release the tasks that waited for it."""
        code, values = self._wire.call(Verb.SUCCEED, partition, [run, task, epoch, attempt, result, by, request_id], ["ints"])
        return Succeed(code, *values)

    def fail(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, info: str, by: str, request_id: str) -> Fail:
        """Record the error that ends a task for good. Branches that do not need it go on."""
        code, values = self._wire.call(Verb.FAIL, partition, [run, task, epoch, attempt, info, by, request_id], ["ints"])
        return Fail(code, *values)

    def retry(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, delay_ms: int, info: str, args: str, by: str, request_id: str) -> Retry:
        """The attempt failed; the next one is due after a pause that is kept here, not in a worker's memory."""
        code, values = self._wire.call(Verb.RETRY, partition, [run, task, epoch, attempt, delay_ms, info, args, by, request_id], ["int", "ints"])
        return Retry(code, *values)

    def skip(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, info: str, by: str, request_id: str) -> Skip:
        """The task's condition was false: it counts as done with result null, and its dependents are released."""
        code, values = self._wire.call(Verb.SKIP, partition, [run, task, epoch, attempt, info, by, request_id], ["ints"])
        return Skip(code, *values)

    def lose(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, sure: int, counts: int, max_lost: int, why: str, by: str, request_id: str) -> Lose:
        """The attempt's worker is gone. The task is queued again, or fails once it has been lost too often."""
        code, values = self._wire.call(Verb.LOSE, partition, [run, task, epoch, attempt, sure, counts, max_lost, why, by, request_id], ["ints"])
        return Lose(code, *values)

    def expand(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, first: int, items: str, count: int, window: int, by: str, request_id: str) -> Expand:
        """The list of a map is known; its items become tasks of their own, a window of them at a time."""
        code, values = self._wire.call(Verb.EXPAND, partition, [run, task, epoch, attempt, first, items, count, window, by, request_id], ["ints"])
        return Expand(code, *values)

    def spawn(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, child: str, plan: str, payload: str, definition: str, by: str, request_id: str) -> Spawn:
        """The task starts a run of another definition, and ends as that run ends."""
        code, values = self._wire.call(Verb.SPAWN, partition, [run, task, epoch, attempt, child, plan, payload, definition, by, request_id], ["items"])
        return Spawn(code, *values)

    def ask(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, info: str, timeout_ms: int, request_id: str) -> Ask:
        """The task waits for a person's decision, for as long as its author allows."""
        code, values = self._wire.call(Verb.ASK, partition, [run, task, epoch, attempt, info, timeout_ms, request_id], [])
        return Ask(code, *values)

    def decide(self, partition: int, *, run: str, task: int, approved: int, value: str, info: str, by: str, request_id: str) -> Decide:
        """A person approves or rejects; what waited for it goes on, or will never run."""
        code, values = self._wire.call(Verb.DECIDE, partition, [run, task, approved, value, info, by, request_id], ["ints"])
        return Decide(code, *values)

    def cancel(self, partition: int, *, run: str, info: str, request_id: str) -> Cancel:
        """End the run now, and the runs that it has started. What has not finished counts as canceled."""
        code, values = self._wire.call(Verb.CANCEL, partition, [run, info, request_id], [])
        return Cancel(code, *values)

    def pause(self, partition: int, *, run: str, info: str) -> Pause:
        """Let nothing new of the run begin; what runs goes on to its end."""
        code, values = self._wire.call(Verb.PAUSE, partition, [run, info], [])
        return Pause(code, *values)

    def resume(self, partition: int, *, run: str, info: str) -> Resume:
        """Let the run go on; `advance` releases what came in vain meanwhile."""
        code, values = self._wire.call(Verb.RESUME, partition, [run, info], [])
        return Resume(code, *values)

    def restore(self, partition: int, *, run: str, plan: str, payload: str, epoch: int, seq: int, state: str, parent: str, size: int, maps: str, part: int, tasks: str, last: int, info: str, request_id: str) -> Restore:
        """Begin a new epoch of a run from what the history knows: to run a part of it again, or because it was lost here."""
        code, values = self._wire.call(Verb.RESTORE, partition, [run, plan, payload, epoch, seq, state, parent, size, maps, part, tasks, last, info, request_id], [])
        return Restore(code, *values)

    def promote(self, partition: int, *, limit: int, by: str) -> Promote:
        """Do what is due: retries, countdowns, decisions that nobody made in time, news of a run that a task started, deadlines."""
        code, values = self._wire.call(Verb.PROMOTE, partition, [limit, by], ["items", "int"])
        return Promote(code, *values)

    def advance(self, partition: int, *, run: str, by: str) -> Advance:
        """Go on releasing (or blocking) the dependents of a task that has too many for one call."""
        code, values = self._wire.call(Verb.ADVANCE, partition, [run, by], ["items", "int"])
        return Advance(code, *values)

    def redispatch(self, partition: int, *, by: str, since_ms: int, heads: str, after_ms: int, limit: int) -> Redispatch:
        """Find released tasks whose message is probably lost, so that the caller sends a spare copy of each."""
        code, values = self._wire.call(Verb.REDISPATCH, partition, [by, since_ms, heads, after_ms, limit], ["items"])
        return Redispatch(code, *values)

    def renew(self, partition: int, *, run: str, task: int, epoch: int, attempt: int, lease_ms: int) -> Renew:
        """The process that runs the body is alive; tells it if its attempt is not wanted any more."""
        code, values = self._wire.call(Verb.RENEW, partition, [run, task, epoch, attempt, lease_ms], [])
        return Renew(code, *values)

    def beat(self, partition: int, *, worker: str, info: str, lease_ms: int, leaving: int, keep_ms: int) -> Beat:
        """A worker's sign of life. One that leaves says so, and its tasks are taken over without waiting for its lease."""
        code, values = self._wire.call(Verb.BEAT, partition, [worker, info, lease_ms, leaving, keep_ms], [])
        return Beat(code, *values)

    def sweep(self, partition: int, *, limit: int) -> Sweep:
        """Find what lost its owner: attempts whose lease ran out, and workers that gave no sign of life."""
        code, values = self._wire.call(Verb.SWEEP, partition, [limit], ["json", "json"])
        return Sweep(code, *values)

    def log(self, partition: int, *, run: str, task: int, attempt: int, lines: str, request_id: str) -> Log:
        """Append what an attempt printed to the run's events."""
        code, values = self._wire.call(Verb.LOG, partition, [run, task, attempt, lines, request_id], [])
        return Log(code, *values)

    def forget(self, partition: int, *, runs: str, ttl_ms: int, plan_ttl_ms: int) -> Forget:
        """The history has these runs; let their keys go after a while."""
        code, values = self._wire.call(Verb.FORGET, partition, [runs, ttl_ms, plan_ttl_ms], ["int"])
        return Forget(code, *values)

    def drop(self, partition: int, *, run: str, epoch: int, seq: int, plan_ttl_ms: int) -> Drop:
        """Take a run out that is behind the history, since the store has gone back in time; as if it had been lost."""
        code, values = self._wire.call(Verb.DROP, partition, [run, epoch, seq, plan_ttl_ms], [])
        return Drop(code, *values)
