"""Signs of life of the attempts that run in this process: one plain thread, started with the first attempt.

A thread ticks on every pool, also while a body sleeps or (between bytecodes) burns CPU: celery-facts measured 15 of 15
ticks on prefork, threads and solo.
"""

import logging
import os
import signal
from dataclasses import dataclass

from umbel.celery import native
from umbel.celery.capture import Output
from umbel.celery.outcome import describe
from umbel.celery.process import Process
from umbel.engine.engine import Engine, Token
from umbel.errors import StateUnavailable
from umbel.machine import Code

log = logging.getLogger(__name__)


class AttemptStopped(BaseException):
    """Raised inside a body whose attempt is not wanted any more (pools that cannot kill one task alone)."""


@dataclass(slots=True)
class _Body:
    output: Output
    throw: native.Throw
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
        self._pid = 0

    def begin(self, output: Output) -> None:
        """Keep this attempt, whose body runs in the calling thread, alive."""
        self._bodies[output.token] = _Body(output, native.thrower())
        with self._lock:
            first, self._pid = self._pid != os.getpid(), os.getpid()
        if first:
            native.start(self._run)

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
        engine = self._process.open_engine()
        while True:
            native.sleep(self._process.settings.heartbeat)
            for token, body in list(self._bodies.items()):
                try:
                    self._flush(engine, body.output)
                    code = engine.renew(token).code
                    if code is not Code.OK and token in self._bodies:
                        self._stop(engine, token, body, code)
                except StateUnavailable as error:
                    log.warning("a lease could not be renewed: %s", error)
                except Exception:
                    log.exception("a lease could not be renewed")

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
            log.warning("attempt %d of task %d of run %s is not wanted any more (%s)", *told)
            # A refused outcome is how the history learns that a late attempt was there (task.fenced).
            engine.fail(token, describe(None, None, "stopped"), by=self._process.name)
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
