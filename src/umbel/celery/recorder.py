"""One message of Celery's own canvas (`engine: canvas`), from claim to recorded outcome.

Celery's tracer gets the message as it came, and does all that it does: it stores the result, counts the chord, sends
what follows, and again what is retried. What is claimed and recorded around it is as for any task.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from celery.exceptions import Reject

from umbel.celery import capture, outcome
from umbel.celery.attempt import RECORD_PATIENCE, Runner
from umbel.engine.calls import Claim
from umbel.engine.engine import Token, request_id
from umbel.engine.wire import Item
from umbel.machine import Code
from umbel.plan.model import Node

log = logging.getLogger(__name__)

LAUNCH_PATIENCE: Final = 5.0
"""Seconds to wait for a run that is not there: its canvas is sent a moment before it is launched."""

PAUSE: Final = 0.05

ANSWER: Final = "umbel.answer"
"""In the request: what Celery's tracer answered."""


@dataclass(frozen=True, slots=True)
class Requeued(outcome.Failed):
    """The task has rejected its message, which Celery delivers again."""


class Recorder(Runner):
    """Runs the tasks of Celery's own canvases in one process, with the tracers of its `Runner`."""

    @classmethod
    def beside(cls, runner: Runner) -> "Recorder":
        """The one that shares a runner's process, lease renewal and tracers."""
        recorder = cls(runner.app, runner.process, runner.renewal)
        recorder.tracers = runner.tracers
        return recorder

    def record(self, name: str, mark: Any, uuid: str, args: Any, kwargs: Any, request: dict[str, Any]) -> Any:
        """Run the task that a message names; what Celery's tracer answered, for the pool."""
        return self.handle(name, mark, {**request, "id": uuid, "args": args, "kwargs": kwargs})

    def _free(self, name: str, request: Mapping[str, Any]) -> bool:
        return False  # to go straight on: what follows is Celery's to send

    def _attempt(self, name: str, item: Item, request: dict[str, Any], *, in_turn: bool) -> tuple[Any, list[Item]]:
        answer, released = super()._attempt(name, item, request, in_turn=in_turn)
        # Untouched, a Reject too: the message is Celery's.
        return request.pop(ANSWER, answer), released

    def _claim(self, item: Item, in_turn: bool) -> tuple[Token, Claim] | None:
        """Wait longer for the state store than others do: nobody sends this message again."""
        request, engine, worker = request_id(), self.process.engine, self.process.worker
        run, index, epoch, _ = item
        until = time.monotonic() + LAUNCH_PATIENCE
        while True:
            claim = self._patiently(
                RECORD_PATIENCE,
                lambda: engine.claim(run, index, epoch, worker=worker, pid=os.getpid(), request=request),
            )
            if claim.code is Code.OK:
                return Token(run, index, epoch, claim.attempt), claim
            if claim.code is not Code.NO_RUN or time.monotonic() > until:
                log.warning("a message for task %s of run %s is dropped: %s", index, run, claim.code)
                return None
            time.sleep(PAUSE)

    def _do(
        self, name: str, node: Node, token: Token, claim: Claim, request: dict[str, Any], output: capture.Output
    ) -> tuple[Any, outcome.Outcome]:
        output.to_the_end = True
        args, kwargs = request["args"], request["kwargs"]
        answer = request[ANSWER] = self.tracers[name](request["id"], args, kwargs, request)
        result = outcome.of(answer, args, kwargs, self.process.settings.max_result_bytes)
        raised = answer[1].retval if answer[1] is not None else None
        if isinstance(raised, Reject) and raised.requeue and self.app.tasks[name].acks_late:
            return answer, Requeued({})
        return answer, result

    def _record(self, token: Token, claim: Claim, result: outcome.Outcome) -> list[Item]:
        if isinstance(result, Requeued):
            why = "the task rejected its message, which is delivered again"
            self.process.engine.lose(token, sure=True, counts=False, why=why, by=self.process.name)
            return []
        return super()._record(token, claim, result)
