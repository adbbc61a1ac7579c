"""The scripts on a real Valkey and the reference, driven by the same calls and compared after each."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import redis

from tests.model.plans import START
from umbel.engine.calls import Calls
from umbel.engine.engine import Engine
from umbel.engine.keys import prefix
from umbel.engine.portions import Kept
from umbel.engine.reference import Reference
from umbel.engine.reference_control import Wanted
from umbel.engine.reference_state import Run
from umbel.engine.snapshot import READ, Reader, Snapshot
from umbel.engine.wire import Wire
from umbel.events import EventRecord
from umbel.machine import RUN_TERMINAL, TRANSITIONS, Code, RunState, TaskState, Verb, effective
from umbel.settings import Settings

SETTINGS = Settings(lease=8, max_lost=2, redispatch_after=15, partitions=1)

READS = frozenset(
    {"inputs", "results", "ends", "held", "workers", "node", "needs", "definition", "node_of", "knows", "item"}
    | {"read_events"}
)
VERB_OF = {"redispatch_of": Verb.REDISPATCH, "restore_portion": Verb.RESTORE}
ENDING = frozenset({Verb.SUCCEED, Verb.SKIP, Verb.FAIL, Verb.LOSE, Verb.DECIDE, Verb.PROMOTE})
RELEASING = ENDING | {Verb.LAUNCH, Verb.SPAWN, Verb.EXPAND, Verb.ADVANCE}
STOPPING = frozenset({Verb.CANCEL, Verb.PROMOTE, Verb.ADVANCE})
REPEATABLE = frozenset(
    {"launch", "cancel", "claim", "succeed", "skip", "fail", "retry", "lose", "log", "expand", "spawn", "ask", "decide"}
    | {"restore"}
)
"""Methods that take a request id: the same call again gives the same answer and changes nothing."""

_EXPIRE = """
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  if redis.call('PTTL', key) >= 0 then redis.call('DEL', key) end
end
"""


class CountingWire(Wire):
    """Counts what the scripts answered, and reads the partition's keys in the same trip."""

    _sha = hashlib.sha1(READ.encode()).hexdigest()

    def __init__(self, client: "redis.Redis", seen: "Counter[tuple[Verb, Code]]") -> None:
        super().__init__(client)
        self._client = client
        self._seen = seen
        self.rows: Any = None
        self.reader: Reader | None = None

    def call(
        self, verb: Verb, partition: int, arguments: Sequence[str | int], kinds: Sequence[str]
    ) -> tuple[Code, list[Any]]:
        code, values = super().call(verb, partition, arguments, kinds)
        self._seen[verb, code] += 1
        return code, values

    def _send(self, *words: str | int) -> Any:
        if self.reader is None:
            return super()._send(*words)
        with self._client.pipeline(transaction=False) as pipe:
            pipe.execute_command(*words)
            pipe.evalsha(self._sha, 0, *self.reader.arguments)
            answer, self.rows = pipe.execute(raise_on_error=False)
        if isinstance(self.rows, redis.exceptions.NoScriptError):
            self.rows = self._client.eval(READ, 0, *self.reader.arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Pair:
    """Both engines, empty. Any difference is an AssertionError.

    Args:
        every: compare the whole state after each so many calls (it takes long for a wide plan).
    """

    seen: ClassVar["Counter[tuple[Verb, Code]]"] = Counter()
    told: ClassVar["Counter[tuple[Verb, str]]"] = Counter()
    compared: ClassVar = 0

    def __init__(self, client: "redis.Redis", settings: Settings = SETTINGS, *, every: int = 1) -> None:
        client.flushdb()
        self.client = client
        self.engine = Engine(client, settings)
        self._wire = CountingWire(client, Pair.seen)
        self.engine._calls = Calls(self._wire)
        self.reference = Reference(settings)
        self.state: Snapshot = {}
        self._readers = [Reader(partition) for partition in self.engine.partitions]
        self._wire.reader = self._readers[0] if every == 1 and len(self._readers) == 1 else None
        self._every = every
        self._calls = 0
        self._tasks: dict[tuple[str, int], TaskState] = {}
        self._runs: dict[str, tuple[int, RunState, bool]] = {}
        self.set_clock(START)

    @property
    def now(self) -> int:
        return self.reference.now

    def set_clock(self, now: int) -> None:
        """The same time for both, ms."""
        self.reference.now = now
        for partition in self.engine.partitions:
            self.client.set(f"{prefix(partition)}clock", now)

    def tick(self, ms: int) -> None:
        self.set_clock(self.now + ms)

    def do(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call it on both, compare answers and everything they hold; the answer."""
        self._wire.rows = None
        expected = getattr(self.reference, method)(*args, **kwargs)
        found = getattr(self.engine, method)(*args, **kwargs)
        if method == "read_events":  # the ids in the stream are the store's own
            expected, found = ([event for _, event in some] for some in (expected, found))
        assert found == expected, f"{method}{args}{kwargs}: {found} instead of {expected}"
        self._calls += 1
        if method not in READS and self._calls % self._every == 0:
            verb = VERB_OF.get(method) or Verb(method) if self._every == 1 else None
            self.compare(verb, self._wire.rows)
        return expected

    def restore_portion(self, wanted: Wanted, part: int, tasks: Sequence[Kept], last: bool) -> Code:
        """One call of a restore, whose caller may die after it."""
        self._wire.rows = None
        expected = self.reference.restore_portion(wanted, part, tasks, last)
        for each in (*wanted.plan.subplans, wanted.plan) if expected is Code.OK and part == 0 else ():
            self.engine._put_plan(0, each)
        found = self.engine._calls.restore(
            0,
            run=wanted.run,
            plan=wanted.plan.hash,
            payload=wanted.payload,
            epoch=wanted.epoch,
            seq=wanted.seq,
            state=wanted.state,
            parent=str(wanted.parent or ""),
            size=wanted.size,
            maps=",".join(map(str, wanted.maps)),
            part=part,
            tasks=json.dumps(tasks),
            last=int(last),
            info=json.dumps(wanted.info),
            request_id=wanted.request,
        ).code
        assert found == expected, f"restore {wanted} {part}: {found} instead of {expected}"
        self.compare(Verb.RESTORE, self._wire.rows)
        return found

    def compare(self, verb: Verb | None = None, rows: Any = None) -> None:
        """Everything that both hold; and what the last call, `verb`, did to it fits the table of transitions."""
        after: Snapshot = {}
        Pair.compared += 1
        for partition, reader in enumerate(self._readers):
            expected = self.reference.snapshot(partition)
            found = reader.understand(rows or self.client.eval(READ, 0, *reader.arguments))
            assert found == expected, difference(found, expected)
            if "events" in expected:  # equal, so let them be the same, which makes the next comparison quick
                reader.events[:] = expected["events"].value  # type: ignore[assignment]
            after.update({f"{partition}:{key}": value for key, value in expected.items()})
        if verb:
            for event in self._new_events(after):
                Pair.told[verb, event.type] += 1
            self._check_transitions(verb)
        self.state = after

    def _new_events(self, after: Snapshot) -> list[EventRecord]:
        found: list[EventRecord] = []
        for partition in self.engine.partitions:
            key = f"{partition}:events"
            before = len(self.state[key].value) if key in self.state else 0
            if key in after:
                found += after[key].value[before:]  # type: ignore[arg-type]
        return found

    def _check_transitions(self, verb: Verb) -> None:
        for partition in self.reference._partitions:
            for run in partition.runs.values():
                epoch, old, stopped = self._runs.get(
                    run.id, (0 if verb is Verb.RESTORE else run.epoch, RunState.PENDING, False)
                )
                same = epoch == run.epoch and not run.restoring
                if same:
                    assert old is run.state or old not in RUN_TERMINAL, f"{verb}: run {old} -> {run.state}"
                    assert run.stopped or not stopped
                else:
                    self._tasks = {place: state for place, state in self._tasks.items() if place[0] != run.id}
                self._runs[run.id] = (0 if run.restoring else run.epoch, run.state, run.stopped)
                for index, task in run.tasks.items():
                    before = self._tasks.get((run.id, index), TaskState.WAITING)
                    now = task.state
                    if not run.tasks_total <= index < run.nodes:  # hooks go on when their run is stopped
                        before, now = effective(before, old, stopped), effective(now, run.state, run.stopped)
                    if same and before is not now:
                        assert now in allowed(verb, before, run), f"{verb}: {run.id}:{index} {before} -> {now}"
                    self._tasks[run.id, index] = task.state

    def expire(self) -> None:
        """All keys with a TTL go."""
        for partition in self.engine.partitions:
            self.client.eval(_EXPIRE, 0, prefix(partition))
        self.reference.expire()
        self._forget_lost()

    def vanish(self, run: str) -> None:
        """A run's keys are lost."""
        base = prefix(self.engine.partition(run))
        kinds = ("run", "results", "items", "work", "parked", "subs")
        self.client.delete(*(f"{base}{kind}:{run}" for kind in kinds))
        self.reference.vanish(run)
        self._forget_lost()

    def _forget_lost(self) -> None:
        present = {id for partition in self.reference._partitions for id in partition.runs}
        self._runs = {id: state for id, state in self._runs.items() if id in present}
        self._tasks = {place: state for place, state in self._tasks.items() if place[0] in present}
        self.compare()


def allowed(verb: Verb, before: TaskState, run: Run) -> set[TaskState]:
    """What may follow `before`."""
    steps = set(TRANSITIONS.get((before, verb), ()))
    if before is TaskState.WAITING and verb in RELEASING:
        steps.update(TRANSITIONS[TaskState.WAITING, Verb.ADVANCE])
    if before is TaskState.EXPANDED and verb in ENDING:
        steps.update(TRANSITIONS[TaskState.EXPANDED, Verb.ADVANCE])  # the map whose last item has ended
    if run.stopped and verb in STOPPING:
        steps.add(TaskState.CANCELED)
    if run.native and verb is Verb.CLAIM:
        steps.add(TaskState.RUNNING)
    if run.native and verb is Verb.RETRY:
        steps.add(TaskState.RETRYING)
    return steps


def difference(found: Snapshot, expected: Snapshot) -> str:
    """Where the store differs from the reference, one line per key or field."""
    lines = ["the store (left) differs from the reference (right):"]
    for key in sorted(found.keys() | expected.keys()):
        left, right = found.get(key), expected.get(key)
        if left == right:
            continue
        if left and right and isinstance(left.value, dict) and isinstance(right.value, dict):
            for name in sorted(left.value.keys() | right.value.keys()):
                if left.value.get(name) != right.value.get(name):
                    lines.append(f"{key} {name}: {left.value.get(name)} | {right.value.get(name)}")
            if left.expires != right.expires:
                lines.append(f"{key} expires: {left.expires} | {right.expires}")
        else:
            lines.append(f"{key}: {left} | {right}")
    return "\n".join(lines)
