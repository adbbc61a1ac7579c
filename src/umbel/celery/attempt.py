"""One message, from claim to recorded outcome; then straight on with a task that this released, if that is allowed."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from billiard.common import terminate_handler_fired
from celery import Celery
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded, WorkerShutdown, WorkerTerminate

from umbel.celery import capture, limits, outcome, retrying
from umbel.celery.calling import Call
from umbel.celery.control import Control
from umbel.celery.headers import MARK, TRACE
from umbel.celery.opened import Opened
from umbel.celery.process import Process
from umbel.celery.record import record
from umbel.celery.renew import AttemptStopped, Renewal
from umbel.definition import RetryPolicy
from umbel.engine.calls import Claim
from umbel.engine.engine import Token, request_id
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable, SecretKeyMissing, SecretUnreadable, StateUnavailable, UmbelError
from umbel.failpoints import failpoint
from umbel.machine import Code
from umbel.observe.logs import about
from umbel.observe.spans import parse, span_id, traceparent
from umbel.plan.model import Node, task_id

log = logging.getLogger(__name__)

Tracer = Callable[..., Any]
T = TypeVar("T")

NOTHING = (None, None, 0.0, "None")
"""What the pool is told when there was nothing to do, or when the outcome is recorded elsewhere."""

CLAIM_PATIENCE = 10.0
"""Seconds to wait for the state store before a claim is given up; the task stays released and is sent again later."""

ASKED = "asked"
"""In the request's mark: what `self.retry` was asked for."""

RECORD_PATIENCE = 600.0
"""Seconds to wait for the state store with a finished body's outcome in hand."""

STRAIGHT_ON_SECONDS = 2.0
"""After this long in one message the next task goes through the broker again, so that a worker can shut down."""


class Runner:
    """Runs tasks of runs in one process.

    Args:
        keeps_limits: the pool keeps Celery's hard time limits itself.
    """

    def __init__(self, app: Celery, process: Process, renewal: Renewal, *, keeps_limits: bool = True) -> None:
        self.app = app
        self.process = process
        self.renewal = renewal
        self.control = Control(process)
        self.keeps_limits = keeps_limits
        self.tracers: dict[str, Tracer] = {}
        self._bound: bool | None = None

    def handle(self, name: str, mark: Any, request: dict[str, Any]) -> Any:
        """Run the task that a message names; what Celery's tracer answered, for the pool.

        A message whose task is not waiting any more (a duplicate, a canceled run) is dropped: claim refuses it. Nothing
        is raised, since not every pool outlives that: on solo it would end the worker. What is not recorded then is
        found by the sweep, or sent again.
        """
        try:
            item = Item(str(mark["run"]), int(mark["task"]), int(mark["epoch"]), "")
        except (KeyError, TypeError, ValueError):
            log.error("a message for %s was dropped: its header %r names no task of a run", name, mark)
            return NOTHING
        with about(run=item.run, index=item.task, epoch=item.epoch):
            try:
                return self._handle(name, item, request)
            except UmbelError as error:
                log.warning("task %s of run %s is left to the sweep: %s", item.task, item.run, error)
            except Exception:
                log.exception("task %s of run %s is left to the sweep", item.task, item.run)
        return NOTHING

    def _handle(self, name: str, item: Item, request: dict[str, Any]) -> Any:
        began = time.monotonic()
        follow = self.process.settings.go_straight_on and self._free(name, request)
        answer, released = self._attempt(name, item, request, in_turn=True)
        while released:
            failpoint("recorded")
            following = None
            if follow and time.monotonic() - began < STRAIGHT_ON_SECONDS:
                following = self._choose(released, request)
            self._publish([item for item in released if item is not following])
            if following is None:
                break
            failpoint("straight-on")
            node = self.process.dispatcher.node(following)
            _, released = self._attempt(node.task, following, request, in_turn=False)
        return answer

    def _attempt(self, name: str, item: Item, request: dict[str, Any], *, in_turn: bool) -> tuple[Any, list[Item]]:
        claimed = self._claim(item, in_turn)
        if claimed is None:
            return NOTHING, []
        token, claim = claimed
        opened = Opened(self.process.settings.secret_key)
        try:
            failpoint("claimed")
            with about(index=token.task, attempt=token.attempt, epoch=token.epoch):
                answer, result = self._run(name, token, claim, request, opened)
            if result is None:
                return NOTHING, []
            failpoint("body-done")
            if isinstance(result, outcome.Retried):
                tries = self.app.tasks[name].max_retries
                result.info.setdefault("max_retries", tries if isinstance(tries, int) else None)
            return opened.cover_answer(answer), self._record(token, claim, self._cover(opened, result))
        finally:
            opened.close()

    def _cover(self, opened: Opened, result: outcome.Outcome) -> outcome.Outcome:
        try:
            return opened.cover(result, self.process.settings.max_result_bytes)
        except UmbelError as error:  # sealed, it is too large
            return outcome.Failed(outcome.describe(error, None, "result"))

    def _run(
        self, name: str, token: Token, claim: Claim, request: dict[str, Any], opened: Opened
    ) -> tuple[Any, outcome.Outcome | None]:
        """Do what the task is there for; Celery's answer and the outcome, which is None if the attempt was stopped."""
        began, node = time.monotonic(), None
        output = capture.Output(token, self.process.settings.max_log_bytes, opened)
        try:
            capture.begin(output)
            self.renewal.begin(output)
            try:
                node = self.process.engine.node(self.process.engine.partition(token.run), claim.plan, claim.node)
                with about(task=node.key):
                    answer, result = self._do(name, node, token, claim, request, output)
            except (AttemptStopped, WorkerShutdown, WorkerTerminate, StateUnavailable):
                raise
            except BaseException as error:
                if terminate_handler_fired():
                    raise
                # What Celery lets through: MemoryError; sys.exit(), which on threads and gevent would leave no outcome
                # and on solo end the worker; and whatever else is no Exception.
                answer, result = NOTHING, limits.escaped(error, self._hard_limit(name, request))
            finally:
                capture.end()
                self.renewal.end(output)
        except AttemptStopped:
            # It may have come within the lines above. Its end is recorded already.
            capture.end()
            self.renewal.end(output)
            return NOTHING, None
        except (WorkerShutdown, WorkerTerminate):
            self._hand_back(token)
            raise
        if node is not None and node.retry is not None and isinstance(result, outcome.Failed):
            result = _again(node.retry, result, claim, time.monotonic() - began)
        return (NOTHING if _unfit(answer[1]) else answer), result

    def _do(
        self, name: str, node: Node, token: Token, claim: Claim, request: dict[str, Any], output: capture.Output
    ) -> tuple[Any, outcome.Outcome]:
        try:
            call = self.control.decide(token, claim, node)
        except StateUnavailable:
            raise
        except (SecretKeyMissing, SecretUnreadable) as error:
            told = outcome.describe(error, None, "secret")
            return NOTHING, outcome.Failed({**told, "exception": f"{error} {error.hint}"})
        except Exception as error:
            return NOTHING, outcome.escaped(error, "arguments")
        if not isinstance(call, Call):
            return NOTHING, call
        mark: dict[str, Any] = {"run": token.run, "task": token.task, "epoch": token.epoch}
        identity = node.id or task_id(token.run, token.task)
        hard = self._hard_limit(name, request) if not self.keeps_limits else None
        if node.timeout is not None or hard is not None:
            self._limit(output, node, claim, hard)
        answer = self.tracers[name](
            identity,
            call.args,
            call.kwargs,
            {
                **request,
                **_traced(request, token),
                "id": identity,
                "task": name,
                "root_id": token.run,
                "retries": claim.retries,
                "args": call.args,
                "kwargs": call.kwargs,
                MARK: mark,
            },
        )
        result = outcome.of(answer, call.args, call.kwargs, self.process.settings.max_result_bytes, mark.get(ASKED))
        if answer[1] is not None and terminate_handler_fired():
            raise SystemExit  # it failed because its process is being ended, so it is lost
        return answer, result

    def _hard_limit(self, name: str, request: Mapping[str, Any]) -> float | None:
        return limits.hard_limit(request, self.app.tasks[name], self.process.time_limit)

    def _limit(self, output: capture.Output, node: Node, claim: Claim, hard: float | None) -> None:
        limit = limits.limit_of(node, hard)
        if limit is None:
            return
        result = _again(node.retry, limit.outcome, claim, limit.seconds) if node.retry else limit.outcome
        self.renewal.limit(output, limit.seconds, result, claim.plan)

    def _claim(self, item: Item, in_turn: bool) -> tuple[Token, Claim] | None:
        request, engine, worker = request_id(), self.process.engine, self.process.worker
        run, index, epoch, _ = item
        claim = self._patiently(
            CLAIM_PATIENCE,
            lambda: engine.claim(run, index, epoch, worker=worker, pid=os.getpid(), in_turn=in_turn, request=request),
        )
        if claim.code is not Code.OK:
            log.debug("task %s of run %s is not to be run: %s", index, run, claim.code)
            return None
        return Token(run, index, epoch, claim.attempt), claim

    def _record(self, token: Token, claim: Claim, result: outcome.Outcome) -> list[Item]:
        request, engine, by = request_id(), self.process.engine, self.process.name
        code, released = self._patiently(
            RECORD_PATIENCE, lambda: record(engine, token, claim.plan, result, by=by, request=request)
        )
        if code is not Code.OK:
            log.warning("the outcome of task %s of run %s was refused: %s", token.task, token.run, code)
        return released

    def _hand_back(self, token: Token) -> None:
        engine, by = self.process.engine, self.process.name
        answer = engine.lose(token, sure=True, counts=False, why="its worker was stopped", by=by)
        self._publish([engine.item(token, index) for index in answer.released])

    def _patiently(self, seconds: float, call: Callable[[], T]) -> T:
        """Repeat a call, which carries its request id, until the state store answers."""
        deadline, pause = time.monotonic() + seconds, 0.1
        while True:
            try:
                return call()
            except SoftTimeLimitExceeded:
                continue  # it came when the body was over, or not begun; it comes only once
            except StateUnavailable as error:
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("waiting for the state store: %s", error)
                time.sleep(pause)
                pause = min(pause * 2, self.process.settings.heartbeat)

    def _publish(self, items: list[Item]) -> None:
        try:
            self.process.dispatcher.publish(items)
        except BrokerUnavailable as error:
            log.warning("released tasks wait for the broker: %s", error)

    def _free(self, name: str, request: Mapping[str, Any]) -> bool:
        """Nothing that Celery keeps per message (time limits, rate limit, events) applies to this task."""
        if self._bound is None:  # once, since Celery's settings are slow to read
            conf = self.app.conf
            limited = conf.task_time_limit or conf.task_soft_time_limit or conf.task_default_rate_limit
            limited = limited or self.process.time_limit
            self._bound = bool(limited or conf.worker_send_task_events or self.process.task_events)
        task = self.app.tasks[name]
        return not (self._bound or task.time_limit or task.soft_time_limit or task.rate_limit) and not any(
            request.get("timelimit") or ()
        )

    def _choose(self, released: list[Item], request: Mapping[str, Any]) -> Item | None:
        """The first released task that this worker could have got from the same queue."""
        queue = (request.get("delivery_info") or {}).get("routing_key")
        for item in released:
            node = self.process.dispatcher.node(item)
            if node.time_limit or node.soft_time_limit:
                continue
            if self.process.dispatcher.queue(node) == queue and node.task in self.tracers and self._free(node.task, {}):
                return item
        return None


def _again(
    policy: RetryPolicy, failed: outcome.Failed, claim: Claim, seconds: float
) -> outcome.Failed | outcome.Retried:
    """What becomes of a body that has failed after so many seconds."""
    return retrying.again(policy, failed, claim.retries + 1, claim.age_ms / 1000 + seconds)


def _traced(request: Mapping[str, Any], token: Token) -> dict[str, str]:
    """The place of this attempt in the trace that its message tells of, for a body that is instrumented."""
    found = parse(str(request[TRACE])) if request.get(TRACE) else None
    if found is None:
        return {}
    return {TRACE: traceparent(found[0], span_id(token.run, token.task, token.epoch, token.attempt))}


def _unfit(info: Any) -> bool:
    """Whether `Request.on_failure` must not see it: it hands back what was rejected; MemoryError ends the worker."""
    return info is not None and isinstance(info.retval, Ignore | Reject | MemoryError)
