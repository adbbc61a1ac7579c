"""Signs of life of the attempts that run in this process: one plain thread, started with the first attempt.

A thread ticks on every pool, also while a body sleeps or (between bytecodes) burns CPU: celery-facts measured 15 of 15
ticks on prefork, threads and solo. Under gevent it must be a real thread, not a greenlet.
"""

import ctypes
import importlib
import logging
import os
import signal
import threading
from typing import Any

from umbel.celery.capture import Output
from umbel.celery.outcome import describe
from umbel.celery.process import Process
from umbel.engine.engine import Token
from umbel.errors import StateUnavailable
from umbel.machine import Code

log = logging.getLogger(__name__)


class AttemptStopped(BaseException):
    """Raised inside a body whose attempt is not wanted any more (pools that cannot kill one task alone)."""


def _unpatched(module: str, name: str) -> Any:
    """A function of the standard library as it was before gevent patched it, if it did."""
    try:
        from gevent.monkey import get_original
    except ImportError:
        return getattr(importlib.import_module(module), name)
    return get_original(module, name)


class Renewal:
    """Renews the leases of this process's attempts, sends their output, and stops those that are not wanted any more.

    Args:
        process: whose engine is used.
        kill: True where a pool process runs one body at a time and its death harms nobody else (prefork).
    """

    def __init__(self, process: Process, *, kill: bool) -> None:
        self._process = process
        self._kill = kill
        self._running: dict[Token, tuple[Output, int]] = {}
        self._pid = 0

    def begin(self, output: Output) -> None:
        """Keep this attempt, whose body runs in the calling thread, alive."""
        self._running[output.token] = (output, threading.get_ident())
        if self._pid != os.getpid():
            self._pid = os.getpid()
            _unpatched("_thread", "start_new_thread")(self._run, ())

    def end(self, output: Output) -> None:
        """The body is over; its last output is sent before its outcome."""
        self._running.pop(output.token, None)
        self._flush(output)

    def _run(self) -> None:
        sleep = _unpatched("time", "sleep")
        while True:
            sleep(self._process.settings.heartbeat)
            for token, (output, thread) in list(self._running.items()):
                try:
                    self._flush(output)
                    code = self._process.engine.renew(token).code
                except StateUnavailable as error:
                    log.warning("a lease could not be renewed: %s", error)
                    continue
                except Exception:
                    log.exception("a lease could not be renewed")
                    continue
                if code is not Code.OK and token in self._running:
                    self._stop(token, thread, code)

    def _flush(self, output: Output) -> None:
        lines = output.take()
        if not lines:
            return
        try:
            self._process.engine.log(output.token, lines)
        except StateUnavailable as error:
            log.warning("%d lines of output were lost: %s", len(lines), error)

    def _stop(self, token: Token, thread: int, code: Code) -> None:
        self._running.pop(token, None)
        log.warning(
            "attempt %d of task %d of run %s is not wanted any more (%s)", token.attempt, token.task, token.run, code
        )
        # A refused outcome is how the history learns that a late attempt was there (task.fenced).
        self._process.engine.fail(token, describe(None, None, "stopped"), by=self._process.name)
        if self._kill:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(AttemptStopped))
