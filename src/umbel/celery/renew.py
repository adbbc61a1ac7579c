"""Signs of life and time limits of the attempts that run in this process: one plain thread, started with the first one.

A thread ticks on every pool, also while a body sleeps or (between bytecodes) burns CPU: celery-facts measured 15 of 15
ticks on prefork, threads and solo.
"""

import logging
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from umbel.celery import native
from umbel.celery.capture import Output
from umbel.celery.outcome import Outcome, describe
from umbel.celery.process import Process
from umbel.celery.record import record
from umbel.engine.engine import Engine, Token, request_id
from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable, StateUnavailable
from umbel.machine import Code
from umbel.observe.logs import of

log = logging.getLogger(__name__)


class AttemptStopped(BaseException):
    """Raised inside a body whose attempt is not wanted any more (pools that cannot kill one task alone)."""


@dataclass(slots=True)
class _Limit:
    """How the attempt ends if its body runs longer, in a run with this plan."""

    outcome: Outcome
    plan: str
    request: str = field(default_factory=request_id)


@dataclass(slots=True)
class _Body:
    output: Output
    throw: native.Throw
    limit: _Limit | None = None
    due: float = math.inf  # monotonic
    stopped: bool = False


class Renewal:
    """Renews the leases of this process's attempts, sends their output, and stops those that are not wanted any more.

    Args:
        process: whose engine is used.
        kill: True where a pool process runs one body at a time and its death harms nobody else (prefork).
    """

    def __init__(self, process: Process, *, kill: bool) -> None:
        self._process = process
        self._kill = kill
        self._bodies: dict[Token, _Body] = {}
        # Never held at a fork: only pool processes run bodies, and they do not fork pool processes.
        self._lock = native.lock()
        self._bell = native.Bell()
        self._pid = 0
        self._spawn: Callable[[Callable[[], None]], None] = native.start

    def begin(self, output: Output) -> None:
        """Keep this attempt, whose body runs in the calling thread, alive."""
        self._bodies[output.token] = _Body(output, native.thrower())
        with self._lock:
            first, self._pid = self._pid != os.getpid(), os.getpid()
        if first:
            self._spawn = native.spawner()
            native.start(self._run)

    def limit(self, output: Output, seconds: float, outcome: Outcome, plan: str) -> None:
        """The body begins now; after `seconds` this is the attempt's outcome, and the body is stopped.

        Args:
            plan: hash of its run's plan.
        """
        body = self._bodies[output.token]
        body.limit = _Limit(outcome, plan)
        body.due = time.monotonic() + seconds
        self._bell.ring()

    def end(self, output: Output) -> None:
        """The body is over: it is not stopped any more, and its last output is sent before its outcome.

        May be called twice, since an AttemptStopped may come at any moment before.
        """
        with self._lock:
            body = self._bodies.pop(output.token, None)
        if body is not None and body.stopped:
            native.forget_thrown()
        self._flush(self._process.engine, output)

    def _run(self) -> None:
        engine, heartbeat = self._process.open_engine(), self._process.settings.heartbeat
        beat = time.monotonic() + heartbeat
        while True:
            due = min([beat, *(body.due for _, body in list(self._bodies.items()))])
            self._bell.wait(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            for token, body in list(self._bodies.items()):
                if body.due <= now:
                    body.due = now + heartbeat  # if the store does not answer
                    self._guard("a time limit could not be kept", self._run_out, engine, token, body)
            if now >= beat:
                beat = now + heartbeat
                for token, body in list(self._bodies.items()):
                    self._guard("a lease could not be renewed", self._renew, engine, token, body)

    def _guard(self, what: str, call: Callable[..., None], *args: Any) -> None:
        try:
            call(*args)
        except StateUnavailable as error:
            log.warning("%s: %s", what, error)
        except Exception:
            log.exception(what)

    def _renew(self, engine: Engine, token: Token, body: _Body) -> None:
        self._flush(engine, body.output)
        code = engine.renew(token).code
        unwanted = code is not Code.OK and not (code is Code.STALE and body.output.to_the_end)
        if unwanted and token in self._bodies:
            self._stop(engine, token, body, code)

    def _run_out(self, engine: Engine, token: Token, body: _Body) -> None:
        """The end is recorded first, so that it is told in time although the body may not let itself be stopped."""
        limit = body.limit
        if limit is None or token not in self._bodies:
            return
        self._flush(engine, body.output)
        by = self._process.name
        code, released = record(engine, token, limit.plan, limit.outcome, by=by, request=limit.request)
        body.due, body.limit = math.inf, None
        if code is Code.OK:
            log.warning(
                "attempt %d of task %d of run %s ran too long",
                token.attempt,
                token.task,
                token.run,
                extra=of(run=token.run, index=token.task, attempt=token.attempt, epoch=token.epoch),
            )
            if self._kill:
                self._publish(released)
            else:
                self._spawn(lambda: self._publish(released))
        self._interrupt(token, body)

    def _publish(self, items: list[Item]) -> None:
        try:
            self._process.dispatcher.publish(items)
        except BrokerUnavailable as error:
            log.warning("released tasks wait for the broker: %s", error)
        except Exception:
            log.exception("released tasks wait")

    def _flush(self, engine: Engine, output: Output) -> None:
        with output.sending:
            lines = output.take()
            if not lines:
                return
            try:
                engine.log(output.token, lines)
            except StateUnavailable as error:
                log.warning("%d lines of output were lost: %s", len(lines), error)
            except Exception:
                log.exception("%d lines of output were lost", len(lines))

    def _stop(self, engine: Engine, token: Token, body: _Body, code: Code) -> None:
        if not body.stopped:
            told = (token.attempt, token.task, token.run, code)
            log.warning(
                "attempt %d of task %d of run %s is not wanted any more (%s)",
                *told,
                extra=of(run=token.run, index=token.task, attempt=token.attempt, epoch=token.epoch),
            )
            # A refused outcome is how the history learns that a late attempt was there (task.fenced).
            engine.fail(token, describe(None, None, "stopped"), by=self._process.name)
        self._interrupt(token, body)

    def _interrupt(self, token: Token, body: _Body) -> None:
        # Under the lock, so that it hits this body and not the next one in the same thread or process.
        with self._lock:
            if token not in self._bodies:
                return
            if self._kill:
                # The first one is billiard's to turn into SystemExit, so that the body can clean up.
                os.kill(os.getpid(), signal.SIGKILL if body.stopped else signal.SIGTERM)
            elif not body.stopped:
                body.throw(AttemptStopped, lambda: token in self._bodies)
            body.stopped = True
