"""One message, from claim to recorded outcome; then straight on with a task that this released, if that is allowed."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from billiard.common import terminate_handler_fired
from celery import Celery
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded, WorkerShutdown, WorkerTerminate

from umbel.celery import capture, codec, outcome
from umbel.celery.dispatch import MARK
from umbel.celery.process import Process
from umbel.celery.renew import AttemptStopped, Renewal
from umbel.engine.calls import Claim
from umbel.engine.engine import Token, request_id
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable, StateUnavailable, UmbelError
from umbel.machine import Code
from umbel.plan.model import task_id

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


@dataclass(frozen=True, slots=True)
class Call:
    """A claimed task, ready to be called."""

    token: Token
    claim: Claim
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Runner:
    """Runs tasks of runs in one process."""

    def __init__(self, app: Celery, process: Process, renewal: Renewal) -> None:
        self.app = app
        self.process = process
        self.renewal = renewal
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
            following = None
            if follow and time.monotonic() - began < STRAIGHT_ON_SECONDS:
                following = self._choose(released, request)
            self._publish([item for item in released if item is not following])
            if following is None:
                break
            node = self.process.dispatcher.node(following)
            _, released = self._attempt(node.task, following, request, in_turn=False)
        return answer

    def _attempt(self, name: str, item: Item, request: dict[str, Any], *, in_turn: bool) -> tuple[Any, list[Item]]:
        claimed = self._claim(item, in_turn)
        if claimed is None:
            return NOTHING, []
        token, claim = claimed
        answer: Any = NOTHING
        result: outcome.Outcome | None
        try:
            args, kwargs = self._arguments(token, claim)
        except StateUnavailable:
            raise
        except Exception as error:
            result = outcome.escaped(error, "arguments")
        else:
            answer, result = self._run(name, Call(token, claim, args, kwargs), request)
        if result is None:
            return NOTHING, []
        released = self._record(token, result, self.app.tasks[name].max_retries)
        return answer, [item._replace(task=task, plan=claim.plan) for task in released]

    def _run(self, name: str, call: Call, request: dict[str, Any]) -> tuple[Any, outcome.Outcome | None]:
        """Call the body; Celery's answer and the outcome, which is None if the attempt was stopped."""
        token = call.token
        mark: dict[str, Any] = {"run": token.run, "task": token.task, "epoch": token.epoch}
        request = {
            **request,
            "id": task_id(token.run, token.task),
            "task": name,
            "root_id": token.run,
            "retries": call.claim.retries,
            "args": call.args,
            "kwargs": call.kwargs,
            MARK: mark,
        }
        output = capture.Output(token, self.process.settings.max_log_bytes)
        limit = self.process.settings.max_result_bytes
        try:
            capture.begin(output)
            self.renewal.begin(output)
            try:
                answer = self.tracers[name](request["id"], call.args, call.kwargs, request)
                result = outcome.of(answer, call.args, call.kwargs, limit, mark.get(ASKED))
                if answer[1] is not None and terminate_handler_fired():
                    raise SystemExit  # it failed because its process is being ended, so it is lost
            except (AttemptStopped, WorkerShutdown, WorkerTerminate):
                raise
            except BaseException as error:
                if terminate_handler_fired():
                    raise
                # What Celery lets through: MemoryError; sys.exit(), which on threads and gevent would leave no outcome
                # and on solo end the worker; and whatever else is no Exception.
                answer, result = NOTHING, outcome.escaped(error)
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
        return (NOTHING if _unfit(answer[1]) else answer), result

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

    def _arguments(self, token: Token, claim: Claim) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if claim.args:
            args, kwargs = codec.decode(claim.args)
            return tuple(args), kwargs
        engine, run = self.process.engine, token.run
        inputs = (
            codec.decode(claim.inputs)
            if claim.inputs
            else [codec.decode(text) for text in engine.inputs(run, token.task, claim.plan)]
        )
        node = engine.node(engine.partition(run), claim.plan, token.task)
        return node.arguments(inputs), {"payload": codec.decode(claim.payload), "workflow_id": run}

    def _record(self, token: Token, result: outcome.Outcome, max_retries: Any) -> tuple[int, ...]:
        request, engine, by = request_id(), self.process.engine, self.process.name
        released: tuple[int, ...] = ()

        def write() -> Code:
            nonlocal released
            match result:
                case outcome.Succeeded(text):
                    done = engine.succeed(token, text, by=by, request=request)
                    released = done.released
                    return done.code
                case outcome.Retried(delay, info, args):
                    info = {**info, "max_retries": max_retries if isinstance(max_retries, int) else None}
                    again = engine.retry(token, delay, info, by=by, args=args, request=request)
                    released = again.released
                    return again.code
                case outcome.Failed(info):
                    ended = engine.fail(token, info, by=by, request=request)
                    released = ended.released
                    return ended.code

        code = self._patiently(RECORD_PATIENCE, write)
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
            limits = conf.task_time_limit or conf.task_soft_time_limit or conf.task_default_rate_limit
            self._bound = bool(limits or conf.worker_send_task_events or self.process.task_events)
        task = self.app.tasks[name]
        return not (self._bound or task.time_limit or task.soft_time_limit or task.rate_limit) and not any(
            request.get("timelimit") or ()
        )

    def _choose(self, released: list[Item], request: Mapping[str, Any]) -> Item | None:
        """The first released task that this worker could have got from the same queue."""
        queue = (request.get("delivery_info") or {}).get("routing_key")
        for item in released:
            node = self.process.dispatcher.node(item)
            if self.process.dispatcher.queue(node) == queue and node.task in self.tracers and self._free(node.task, {}):
                return item
        return None


def _unfit(info: Any) -> bool:
    """Whether `Request.on_failure` must not see it: it hands back what was rejected; MemoryError ends the worker."""
    return info is not None and isinstance(info.retval, Ignore | Reject | MemoryError)
