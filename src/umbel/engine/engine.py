"""The engine: one method per verb, each one atomic script in the run's partition."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from umbel.engine.breaking import breakable
from umbel.engine.calls import (
    Ask,
    Calls,
    Cancel,
    Claim,
    Decide,
    Expand,
    Fail,
    Launch,
    Lose,
    Pause,
    Renew,
    Resume,
    Retry,
    Skip,
    Spawn,
    Succeed,
)
from umbel.engine.keys import plan_fields, prefix
from umbel.engine.portions import Kept, KeptMap, portions
from umbel.engine.reader import Reader
from umbel.engine.reader import Token as Token
from umbel.engine.wire import Item, connect
from umbel.errors import StateUnavailable
from umbel.failpoints import failpoint
from umbel.machine import Code
from umbel.plan.model import Plan
from umbel.settings import Settings

if TYPE_CHECKING:
    import redis

MAX_WINDOW = 500
"""Items of one map that are released at the same time, at most: no script touches more."""
MAX_PORTION = 500
MAX_BYTES = 1_000_000
"""Items, and bytes of them, in one call."""

_TRACE = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'trace', ARGV[1]) end"
"""A run that is lost meanwhile must not look as if it were there."""

PLAN_TTL = 3600.0
"""Seconds that a plan without a live run stays in the state store."""


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


class Engine(Reader):
    """The state machine in Redis or Valkey. Safe to share between threads, not across a fork.

    Every method raises StateUnavailable if the store does not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        super().__init__(client, settings)
        self._calls = Calls(breakable(self._wire))
        self._lease = _milliseconds(settings.lease)

    @classmethod
    def open(cls, settings: Settings, *, if_confirmed: bool = True) -> "Engine":
        """An engine on `settings.state_url`; without `if_confirmed` also while that is closed (`incarnation`)."""
        client = connect(settings.state_url, timeout=settings.store_timeout, if_confirmed=if_confirmed)
        return cls(client, settings)

    # --- starting and ending a run

    def launch(self, run: str, plan: Plan, payload: str, *, by: str, request: str | None = None) -> Launch:
        """Create the run unless it exists; `released` are the tasks to publish. `payload` is JSON text.

        `plan` has its `subplans`, which are put where `spawn` finds them.
        """
        request = request or request_id()
        partition = self.partition(run)
        reply = self._calls.launch(partition, run=run, plan=plan.hash, payload=payload, by=by, request_id=request)
        if reply.code is Code.NO_PLAN:
            self._put_plans(partition, plan)
            reply = self._calls.launch(partition, run=run, plan=plan.hash, payload=payload, by=by, request_id=request)
        return reply

    def _put_plans(self, partition: int, plan: Plan) -> None:
        for each in (*plan.subplans, plan):
            self._put_plan(partition, each)

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

    def set_trace(self, run: str, trace: str) -> None:
        """Note the trace that a run belongs to, so that its messages can carry it. Before they are published."""
        name = f"{prefix(self.partition(run))}run:{run}"
        self._guard(lambda: self._client.eval(_TRACE, 1, name, trace))

    def cancel(self, run: str, *, info: Mapping[str, Any] | None = None, request: str | None = None) -> Cancel:
        """End the run; what has not finished counts as canceled."""
        return self._calls.cancel(
            self.partition(run), run=run, info=json.dumps(info or {}), request_id=request or request_id()
        )

    def pause(self, run: str, *, info: Mapping[str, Any] | None = None) -> Pause:
        """Let nothing new of the run begin."""
        return self._calls.pause(self.partition(run), run=run, info=json.dumps(info or {}))

    def resume(self, run: str, *, info: Mapping[str, Any] | None = None) -> Resume:
        """Let the run go on; `advance` gives the tasks to publish."""
        return self._calls.resume(self.partition(run), run=run, info=json.dumps(info or {}))

    def decide(
        self, run: str, task: int, *, approved: bool, info: Mapping[str, Any], by: str, request: str | None = None
    ) -> Decide:
        """Approve (`info` is the result) or reject (`info` has exception, type, reason) what waits for a person."""
        text = json.dumps(info)
        return self._calls.decide(
            self.partition(run),
            run=run,
            task=task,
            approved=int(approved),
            value=text,
            info=text,
            by=by,
            request_id=request or request_id(),
        )

    def restore(
        self,
        run: str,
        plan: Plan,
        payload: str,
        *,
        epoch: int,
        seq: int,
        state: str,
        tasks: Iterable[Kept],
        maps: Sequence[KeptMap] = (),
        size: int | None = None,
        parent: str = "",
        info: Mapping[str, Any] | None = None,
        request: str | None = None,
    ) -> Code:
        """Begin epoch `epoch` of a run, which must be settled or unknown here; `advance` gives the tasks to publish.

        Args:
            seq: number of the newest event that the history has.
            state: `pending`, or `error` if a failed task is kept.
            tasks: every task that has ended and is kept, and every one that had attempts before.
            maps: the maps whose items are kept. size: one more than the highest index ever used.
            parent: `run:task` that started it.
            info: what the event says besides.

        Returns:
            OK; EXISTS: this epoch, or a later one, has begun; LIVE: it is not settled; STALE: somebody else does it.
        """
        partition, request = self.partition(run), request or request_id()
        common: dict[str, Any] = {
            "run": run,
            "plan": plan.hash,
            "payload": payload,
            "epoch": epoch,
            "seq": seq,
            "state": state,
            "parent": parent,
            "size": max(size or 0, len(plan.nodes)),
            "maps": ",".join(str(each) for each in maps),
            "info": json.dumps(info or {}),
            "request_id": request,
        }
        code = Code.OK
        for part, (some, last) in enumerate(portions(tasks)):
            call = {**common, "part": part, "tasks": some, "last": int(last)}
            code = self._calls.restore(partition, **call).code
            if code is Code.NO_PLAN:
                self._put_plans(partition, plan)
                code = self._calls.restore(partition, **call).code
            if code is not Code.OK:
                break
            failpoint("restore-portion", StateUnavailable)
        return code

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

    def drop(self, run: str, epoch: int, seq: int) -> Code:
        """Take out a run that has not come as far as event number `seq` of this epoch: OK; EXISTS: it has; NO_RUN."""
        ttl = _milliseconds(PLAN_TTL)
        return self._calls.drop(self.partition(run), run=run, epoch=epoch, seq=seq, plan_ttl_ms=ttl).code

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
        """Take a queued task as a new attempt; hands back payload and inputs (JSON; empty if the join is wide, and both
        for an item of a map, since all its items together would read them so many times).

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

    def succeed(self, token: Token, result: str, *, by: str, request: str | None = None) -> Succeed:
        """Record the result (JSON) and release what waited for it."""
        return self._calls.succeed(
            self.partition(token.run),
            **_token(token),
            result=result,
            by=by,
            request_id=request or request_id(),
        )

    def skip(self, token: Token, *, why: str = "", by: str, request: str | None = None) -> Skip:
        """Record that the task's condition was false."""
        info = json.dumps({"why": why} if why else {})
        return self._calls.skip(
            self.partition(token.run), **_token(token), info=info, by=by, request_id=request or request_id()
        )

    def expand(
        self, token: Token, items: Sequence[str], *, window: int = MAX_WINDOW, by: str, request: str | None = None
    ) -> Expand:
        """Give each item (JSON; at least one) of a map a task of its own; at most `window` are released at a time."""
        request, first, reply = request or request_id(), 0, Expand(Code.OK)
        while first < len(items):
            some = items[first : first + MAX_PORTION]
            while len(some) > 1 and sum(map(len, some)) > MAX_BYTES:
                some = some[: len(some) // 2]
            reply = self._calls.expand(
                self.partition(token.run),
                **_token(token),
                first=first,
                items=json.dumps(some),
                count=len(items),
                window=min(window, MAX_WINDOW),
                by=by,
                request_id=request,
            )
            if reply.code is not Code.OK:
                break
            first += len(some)
            failpoint("expand-portion", StateUnavailable)
            if first < len(items):
                self.renew(token)  # many portions may take longer than a lease; nobody else renews it meanwhile
        return reply

    def spawn(
        self,
        token: Token,
        child: str,
        plan: str,
        payload: str,
        definition: str,
        *,
        by: str,
        request: str | None = None,
    ) -> Spawn:
        """Start the run `child` (of the same partition), which ends the task as it ends itself."""
        return self._calls.spawn(
            self.partition(token.run),
            **_token(token),
            child=child,
            plan=plan,
            payload=payload,
            definition=definition,
            by=by,
            request_id=request or request_id(),
        )

    def ask(
        self, token: Token, info: Mapping[str, Any], *, timeout: float | None = None, request: str | None = None
    ) -> Ask:
        """Let the task wait for a person's decision, for `timeout` seconds at most."""
        return self._calls.ask(
            self.partition(token.run),
            **_token(token),
            info=json.dumps(info),
            timeout_ms=_milliseconds(timeout or 0),
            request_id=request or request_id(),
        )

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


def _token(token: Token) -> Any:
    return {"run": token.run, "task": token.task, "epoch": token.epoch, "attempt": token.attempt}
