"""One message, from claim to recorded outcome; then straight on with a task that this released, if that is allowed."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from celery import Celery

from umbel.celery import capture, codec, outcome
from umbel.celery.process import Process
from umbel.celery.renew import AttemptStopped, Renewal
from umbel.engine.calls import Claim
from umbel.engine.engine import Token, request_id
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable, StateUnavailable
from umbel.machine import Code
from umbel.plan.model import task_id

log = logging.getLogger(__name__)

Tracer = Callable[..., Any]
T = TypeVar("T")

NOTHING = (None, None, 0.0, "None")
"""What the pool is told when there was nothing to do, or when the outcome is recorded elsewhere."""

CLAIM_PATIENCE = 10.0
"""Seconds to wait for the state store before a claim is given up; the task stays released and is sent again later."""

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

    def handle(self, name: str, mark: Mapping[str, Any], request: dict[str, Any]) -> Any:
        """Run the task that a message names; what Celery's tracer answered, for the pool.

        A message whose task is not waiting any more (a duplicate, a canceled run) is dropped: claim refuses it.
        """
        began = time.monotonic()
        follow = self.process.settings.go_straight_on and self._free(name, request)
        answer, released = self._attempt(name, mark["run"], int(mark["task"]), int(mark["epoch"]), request)
        while released:
            following = None
            if follow and time.monotonic() - began < STRAIGHT_ON_SECONDS:
                following = self._choose(released, request)
            self._publish([item for item in released if item is not following])
            if following is None:
                break
            node = self.process.dispatcher.node(following)
            _, released = self._attempt(node.task, following.run, following.task, following.epoch, request)
        return answer

    def _attempt(self, name: str, run: str, index: int, epoch: int, request: dict[str, Any]) -> tuple[Any, list[Item]]:
        call = self._claim(run, index, epoch)
        if call is None:
            return NOTHING, []
        request = {
            **request,
            "id": task_id(run, index),
            "task": name,
            "root_id": run,
            "retries": call.claim.retries,
            "args": call.args,
            "kwargs": call.kwargs,
        }
        output = capture.Output(call.token, self.process.settings.max_log_bytes)
        capture.begin(output)
        self.renewal.begin(output)
        try:
            answer = self.tracers[name](request["id"], call.args, call.kwargs, request)
        except AttemptStopped:
            return NOTHING, []
        except SystemExit as error:
            # On threads and gevent a sys.exit() would leave no outcome behind, on solo it would end the worker.
            info = outcome.describe(error, None, "exit")
            info["exception"] = f"The task called sys.exit({error.code!r})."
            self._record(call, outcome.Failed(info))
            return NOTHING, []
        finally:
            self.renewal.end(output)
            capture.end()
        result = outcome.of(answer, call.args, call.kwargs, self.process.settings.max_result_bytes)
        released = self._record(call, result, max_retries=self.app.tasks[name].max_retries)
        refused = answer[1] is not None and answer[1].state in ("REJECTED", "IGNORED")
        return (NOTHING if refused else answer), [Item(run, task, epoch, call.claim.plan) for task in released]

    def _claim(self, run: str, index: int, epoch: int) -> Call | None:
        request, engine = request_id(), self.process.engine
        claim = self._patiently(
            CLAIM_PATIENCE,
            lambda: engine.claim(run, index, epoch, worker=self.process.worker, pid=os.getpid(), request=request),
        )
        if claim.code is not Code.OK:
            log.debug("task %s of run %s is not to be run: %s", index, run, claim.code)
            return None
        if claim.args:
            args, kwargs = codec.decode(claim.args)
            return Call(Token(run, index, epoch, claim.attempt), claim, tuple(args), kwargs)
        inputs = (
            codec.decode(claim.inputs)
            if claim.inputs
            else [codec.decode(text) for text in engine.inputs(run, index, claim.plan)]
        )
        node = engine.node(engine.partition(run), claim.plan, index)
        kwargs = {"payload": codec.decode(claim.payload), "workflow_id": run}
        return Call(Token(run, index, epoch, claim.attempt), claim, (node.argument(inputs),), kwargs)

    def _record(self, call: Call, result: outcome.Outcome, max_retries: int | None = None) -> tuple[int, ...]:
        request, engine, by, token = request_id(), self.process.engine, self.process.name, call.token
        released: tuple[int, ...] = ()

        def write() -> Code:
            nonlocal released
            match result:
                case outcome.Succeeded(text):
                    done = engine.succeed(token, text, by=by, request=request)
                    released = done.released
                    return done.code
                case outcome.Retried(delay, info, args):
                    info = {**info, "max_retries": max_retries}
                    again = engine.retry(token, delay, info, by=by, args=args, request=request)
                    released = again.released
                    return again.code
                case outcome.Failed(info):
                    return engine.fail(token, info, by=by, request=request).code

        code = self._patiently(RECORD_PATIENCE, write)
        if code is not Code.OK:
            log.warning("the outcome of task %s of run %s was refused: %s", token.task, token.run, code)
        return released

    def _patiently(self, seconds: float, call: Callable[[], T]) -> T:
        """Repeat a call, which carries its request id, until the state store answers."""
        deadline, pause = time.monotonic() + seconds, 0.1
        while True:
            try:
                return call()
            except StateUnavailable as error:
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("waiting for the state store: %s", error)
                time.sleep(pause)
                pause = min(pause * 2, 2.0)

    def _publish(self, items: list[Item]) -> None:
        try:
            self.process.dispatcher.publish(items)
        except BrokerUnavailable as error:
            log.warning("released tasks wait for the broker: %s", error)

    def _free(self, name: str, request: Mapping[str, Any]) -> bool:
        """Nothing that Celery keeps per message (time limits, rate limit, events) applies to this task."""
        task, conf = self.app.tasks[name], self.app.conf
        limits = task.time_limit or task.soft_time_limit or conf.task_time_limit or conf.task_soft_time_limit
        return not (limits or any(request.get("timelimit") or ()) or task.rate_limit or conf.worker_send_task_events)

    def _choose(self, released: list[Item], request: Mapping[str, Any]) -> Item | None:
        """The first released task that this worker could have got from the same queue."""
        queue = (request.get("delivery_info") or {}).get("routing_key")
        for item in released:
            node = self.process.dispatcher.node(item)
            if self.process.dispatcher.queue(node) == queue and node.task in self.tracers and self._free(node.task, {}):
                return item
        return None
