"""What a task prints and logs, kept per attempt."""

import logging
import threading
import time

from umbel.engine.engine import Token

_OURS = ("celery.app.trace", "celery.worker", "celery.pool", "umbel.", "kombu", "amqp")
"""Loggers that speak about the worker, not for the task."""

_here = threading.local()  # one attempt per thread; gevent makes this one per greenlet


class Output:
    """The captured lines of one attempt, up to `limit` bytes."""

    def __init__(self, token: Token, limit: int) -> None:
        self.token = token
        self._lines: list[tuple[int, str, str]] = []
        self._left = limit
        self._lock = threading.Lock()

    def add(self, stream: str, text: str) -> None:
        """Keep a line; past the limit one last line says that the rest was dropped."""
        with self._lock:
            if self._left <= 0:
                return
            self._left -= len(text)
            if self._left <= 0:
                text = text[: len(text) + self._left] + " [output limit reached, the rest is dropped]"
            self._lines.append((round(time.time() * 1000), stream, text))

    def take(self) -> list[tuple[int, str, str]]:
        """The lines since the last call."""
        with self._lock:
            lines, self._lines = self._lines, []
        return lines


class Handler(logging.Handler):
    """Sends a record to the attempt whose body runs in this thread.

    Celery redirects `print` to the logger celery.redirected (`celery/app/log.py`), so one handler sees both.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's text."""
        output = getattr(_here, "output", None)
        if output is None or record.name.startswith(_OURS):
            return
        try:
            printed = record.name == "celery.redirected"
            text = record.getMessage() if printed else self.format(record)
            output.add("stdout" if printed else record.levelname.lower(), text.encode(errors="replace").decode())
        except Exception:
            self.handleError(record)


def install() -> None:
    """Listen on the root logger, once per process."""
    root = logging.getLogger()
    if not any(isinstance(handler, Handler) for handler in root.handlers):
        root.addHandler(Handler())


def begin(output: Output) -> None:
    """From now on this thread's output belongs to `output`."""
    _here.output = output


def end() -> None:
    """This thread's output belongs to nobody."""
    _here.output = None
