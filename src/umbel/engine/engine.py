"""The engine: one method per verb, each one atomic script in the run's partition."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from redis.exceptions import RedisError

from umbel.engine.calls import Calls, Cancel, Claim, Fail, Launch, Lose, Renew, Retry, Skip, Succeed
from umbel.engine.keys import partition_of, plan_fields, prefix
from umbel.engine.wire import Item, Wire, connect
from umbel.errors import StateUnavailable
from umbel.events import EventRecord, decode
from umbel.machine import Code
from umbel.plan.model import Node, Plan
from umbel.settings import Settings

if TYPE_CHECKING:
    import redis

PLAN_TTL = 3600.0
"""Seconds that a plan without a live run stays in the state store."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a worker got with its claim and shows with every later write: proof that the task is still its own (U-3)."""

    run: str
    task: int
    epoch: int
    attempt: int


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """An attempt without an owner, as `sweep` found it. `sure`: its process is known to be dead."""

    token: Token
    sure: bool
    counts: bool
    why: str


@dataclass(frozen=True, slots=True)
class GoneWorker:
    """A worker that gave no sign of life; `beat` is its last one, in ms."""

    worker: str
    info: Mapping[str, Any]
    beat: int


def request_id() -> str:
    """A new id for a call that may have to be repeated."""
    return uuid.uuid4().hex


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


class Engine:
    """The state machine in Redis or Valkey. Safe to share between threads, not across a fork.

    Every method raises StateUnavailable if the store does not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self.settings = settings
        self._client = client
        self._wire = Wire(client, settings.store_timeout)
        self._calls = Calls(self._wire)
        self._lease = _milliseconds(settings.lease)
        self._node = lru_cache(maxsize=65536)(self._read_node)

    @classmethod
    def open(cls, settings: Settings) -> "Engine":
        """An engine on `settings.state_url`."""
        return cls(connect(settings.state_url, timeout=settings.store_timeout), settings)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def ping(self) -> None:
        """Raise StateUnavailable unless the store answers."""
        self._guard(lambda: self._client.ping())

    def partition(self, run: str) -> int:
        """Where the run lives."""
        return partition_of(run, self.settings.partitions)

    @property
    def partitions(self) -> range:
        """All partitions."""
        return range(self.settings.partitions)

    # --- starting and ending a run

    def launch(self, run: str, plan: Plan, payload: str, *, by: str, request: str | None = None) -> Launch:
        """Create the run unless it exists; `released` are the tasks to publish. `payload` is JSON text."""
        request = request or request_id()
        partition = self.partition(run)
        reply = self._calls.launch(partition, run=run, plan=plan.hash, payload=payload, by=by, request_id=request)
        if reply.code is Code.NO_PLAN:
            self._put_plan(partition, plan)
            reply = self._calls.launch(partition, run=run, plan=plan.hash, payload=payload, by=by, request_id=request)
        return reply

    def _put_plan(self, partition: int, plan: Plan) -> None:
        portions = list(plan_fields(plan))
        for number, fields in enumerate(portions):
            last = number == len(portions) - 1
            self._calls.plan(
                partition,
                plan=plan.hash,
                fields=json.dumps(fields),
                last=int(last),
                ttl_ms=_milliseconds(PLAN_TTL),
            )

    def cancel(self, run: str, *, info: Mapping[str, Any] | None = None, request: str | None = None) -> Cancel:
        """End the run; what has not finished counts as canceled."""
        return self._calls.cancel(
            self.partition(run), run=run, info=json.dumps(info or {}), request_id=request or request_id()
        )

    def forget(self, runs: Iterable[str]) -> int:
        """Let the keys of settled runs expire, since the history has them; how many that were."""
        by_partition: dict[int, list[str]] = {}
        for run in runs:
            by_partition.setdefault(self.partition(run), []).append(run)
        total = 0
        for partition, some in by_partition.items():
            for start in range(0, len(some), 500):
                total += self._calls.forget(
                    partition,
                    runs=json.dumps(some[start : start + 500]),
                    ttl_ms=_milliseconds(self.settings.live_ttl),
                    plan_ttl_ms=_milliseconds(PLAN_TTL),
                ).forgotten
        return total

    # --- an attempt, by the worker that runs it

    def claim(
        self,
        run: str,
        task: int,
        epoch: int,
        *,
        worker: str,
        pid: int,
        in_turn: bool = True,
        request: str | None = None,
    ) -> Claim:
        """Take a queued task as a new attempt; hands back payload and inputs (JSON; empty if the join is wide).

        `in_turn`: its message came through the queue; False for a worker that goes straight on.
        """
        return self._calls.claim(
            self.partition(run),
            run=run,
            task=task,
            epoch=epoch,
            worker=worker,
            pid=pid,
            in_turn=int(in_turn),
            lease_ms=self._lease,
            request_id=request or request_id(),
        )

    def inputs(self, run: str, task: int, plan: str, *, portion: int = 500) -> list[str]:
        """The results (JSON) that a task waits for, in definition order, read in portions: for a wide join."""
        base = prefix(self.partition(run))

        def read() -> list[str]:
            needs = cast("bytes | None", self._client.hget(f"{base}plan:{plan}", f"{task}:in")) or b""
            wanted = needs.split(b",") if needs else []
            found: list[str] = []
            for start in range(0, len(wanted), portion):
                some = self._client.hmget(f"{base}results:{run}", wanted[start : start + portion])
                found += [(value or b"null").decode() for value in cast("list[bytes | None]", some)]
            return found

        return cast("list[str]", self._guard(read))

    def succeed(self, token: Token, result: str, *, by: str, request: str | None = None) -> Succeed:
        """Record the result (JSON) and release what waited for it."""
        return self._calls.succeed(
            self.partition(token.run),
            **_token(token),
            result=result,
            by=by,
            request_id=request or request_id(),
        )

    def skip(self, token: Token, *, by: str, request: str | None = None) -> Skip:
        """Record that the task's condition was false."""
        return self._calls.skip(self.partition(token.run), **_token(token), by=by, request_id=request or request_id())

    def fail(self, token: Token, info: Mapping[str, Any], *, by: str, request: str | None = None) -> Fail:
        """Record the final error: `info` has exception, type, traceback, reason."""
        return self._calls.fail(
            self.partition(token.run),
            **_token(token),
            info=json.dumps(info),
            by=by,
            request_id=request or request_id(),
        )

    def retry(
        self,
        token: Token,
        delay: float,
        info: Mapping[str, Any],
        *,
        by: str,
        args: str = "",
        request: str | None = None,
    ) -> Retry:
        """Record that the attempt failed and is due again in `delay` seconds; `args` (JSON) replaces its arguments."""
        return self._calls.retry(
            self.partition(token.run),
            **_token(token),
            delay_ms=max(0, _milliseconds(delay)),
            info=json.dumps(info),
            args=args,
            by=by,
            request_id=request or request_id(),
        )

    def renew(self, token: Token) -> Renew:
        """Prolong the attempt's lease; any code but OK says that its outcome is not wanted any more."""
        return self._calls.renew(self.partition(token.run), **_token(token), lease_ms=self._lease)

    def log(self, token: Token, lines: Sequence[tuple[int, str, str]], *, request: str | None = None) -> None:
        """Append captured output: (ms, stream, text) each."""
        self._calls.log(
            self.partition(token.run),
            run=token.run,
            task=token.task,
            attempt=token.attempt,
            lines=json.dumps(lines),
            request_id=request or request_id(),
        )

    def lose(self, token: Token, *, sure: bool, counts: bool, why: str, by: str, request: str | None = None) -> Lose:
        """Take the task from an owner that is gone. `counts`: the loss may be the task's own fault."""
        return self._calls.lose(
            self.partition(token.run),
            **_token(token),
            sure=int(sure),
            counts=int(counts),
            max_lost=self.settings.max_lost,
            why=why,
            by=by,
            request_id=request or request_id(),
        )

    # --- loops: one partition at a time

    def promote(self, partition: int, *, by: str, limit: int = 100) -> tuple[tuple[Item, ...], int]:
        """Queue what is due; also when the next one is due, in ms (0: nothing waits)."""
        reply = self._calls.promote(partition, limit=limit, by=by)
        return reply.items, reply.next

    def advance(self, partition: int, *, by: str, run: str = "") -> tuple[tuple[Item, ...], int]:
        """Go on with a wide release (of `run`, or the longest waiting); also how many portions are left."""
        reply = self._calls.advance(partition, run=run, by=by)
        return reply.items, reply.more

    def beat(self, partition: int, worker: str, info: Mapping[str, Any], *, leaving: bool = False) -> None:
        """A worker's sign of life, with what it says of itself."""
        self._calls.beat(
            partition,
            worker=worker,
            info=json.dumps(info),
            lease_ms=self._lease,
            leaving=int(leaving),
            keep_ms=max(600_000, 4 * self._lease),
        )

    def sweep(self, partition: int, *, limit: int = 100) -> tuple[list[LostAttempt], list[GoneWorker]]:
        """Attempts without an owner, and workers that are gone."""
        reply = self._calls.sweep(partition, limit=limit)
        attempts = [
            LostAttempt(Token(run, task, epoch, attempt), bool(sure), bool(counts), why)
            for run, task, epoch, attempt, sure, counts, why in json.loads(reply.attempts)
        ]
        gone = [GoneWorker(worker, json.loads(info), beat) for worker, info, beat in json.loads(reply.workers)]
        return attempts, gone

    def redispatch(self, partition: int, *, limit: int = 100) -> tuple[Item, ...]:
        """Released tasks that have waited too long for their message."""
        after = _milliseconds(self.settings.redispatch_after)
        return self._calls.redispatch(partition, by="", since_ms=0, heads="{}", after_ms=after, limit=limit).items

    def redispatch_of(
        self,
        partition: int,
        by: str,
        *,
        since: int = 0,
        heads: Mapping[str, int] | None = None,
        limit: int = 500,
    ) -> tuple[Item, ...]:
        """What a dead worker (or pool process) `by` released since `since` (ms) or may have fetched from `heads`."""
        return self._calls.redispatch(
            partition, by=by, since_ms=since, heads=json.dumps(heads or {}), after_ms=0, limit=limit
        ).items

    # --- reading

    def held(self, worker: str) -> list[tuple[int, Token]]:
        """What a worker holds now: (pid, token) each."""
        found: list[tuple[int, Token]] = []
        for partition in self.partitions:
            name = f"{prefix(partition)}held:{worker}"
            values = cast("dict[bytes, bytes]", self._guard(lambda name=name: self._client.hgetall(name)))
            for member, value in values.items():
                run, _, task = member.decode().rpartition(":")
                pid, epoch, attempt = map(int, value.split(b":"))
                found.append((pid, Token(run, int(task), epoch, attempt)))
        return found

    def workers(self) -> list[dict[str, Any]]:
        """What the workers that are alive said of themselves, with `worker`, `beat` (ms) and `alive_until` (ms)."""
        base = prefix(0)

        def read() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = []
            for name, until in cast(
                "list[tuple[bytes, float]]", self._client.zrange(f"{base}workers", 0, -1, withscores=True)
            ):
                info, beat = self._client.hmget(f"{base}worker:{name.decode()}", ["info", "beat"])
                rows.append(
                    {
                        **json.loads(info or b"{}"),
                        "worker": name.decode(),
                        "beat": int(beat or 0),
                        "alive_until": int(until),
                    }
                )
            return rows

        return cast("list[dict[str, Any]]", self._guard(read))

    def node(self, partition: int, plan: str, index: int) -> Node:
        """A node (without its `needs`) of a plan that a live run uses; remembered, since plans do not change.

        Raises:
            KeyError: the plan is not there.
        """
        return self._node(partition, plan, index)

    def _read_node(self, partition: int, plan: str, index: int) -> Node:
        text = cast(
            "bytes | None",
            self._guard(lambda: self._client.hget(f"{prefix(partition)}plan:{plan}", str(index))),
        )
        if text is None:
            raise KeyError(f"plan {plan} has no node {index} in partition {partition}")
        return Node(**json.loads(text))

    def knows(self, runs: Sequence[str]) -> list[bool]:
        """For each run, whether the state store has it."""
        if not runs:
            return []

        def read() -> list[bool]:
            pipeline = self._client.pipeline(transaction=False)
            for run in runs:
                pipeline.exists(f"{prefix(self.partition(run))}run:{run}")
            return [bool(each) for each in pipeline.execute()]

        return cast("list[bool]", self._guard(read))

    def item(self, token: Token, index: int) -> Item:
        """What a dispatcher needs to publish task `index` of the token's run."""
        name = f"{prefix(self.partition(token.run))}run:{token.run}"
        plan = cast("bytes | None", self._guard(lambda: self._client.hget(name, "plan"))) or b""
        return Item(token.run, index, token.epoch, plan.decode())

    # --- the event stream

    def read_events(self, partition: int, after: str, count: int, block_ms: int) -> list[tuple[str, EventRecord]]:
        """Up to `count` events after stream id `after` ("0-0": all), waiting up to `block_ms` for the first."""
        name = f"{prefix(partition)}events"
        reply = self._guard(lambda: self._client.xread({name: after}, count=count, block=block_ms or None))
        if not reply:
            return []
        entries = reply[0][1] if isinstance(reply, list) else next(iter(reply.values()))[0]
        return [(entry.decode(), decode(fields)) for entry, fields in entries]

    def trim_events(self, partition: int, upto: str) -> None:
        """Drop the events before stream id `upto`, which the history has."""
        self._guard(lambda: self._client.xtrim(f"{prefix(partition)}events", minid=upto, approximate=True))

    def _guard(self, read: Any) -> Any:
        try:
            return self._wire.persist(read)
        except RedisError as error:
            raise StateUnavailable(f"the state store failed: {error}") from error


def _token(token: Token) -> Any:
    return {"run": token.run, "task": token.task, "epoch": token.epoch, "attempt": token.attempt}
