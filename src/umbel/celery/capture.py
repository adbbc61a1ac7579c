"""What a task prints and logs, kept per attempt."""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from celery.utils.log import get_logger

from umbel.engine.engine import Token

_OURS = ("celery.redirected", "celery.app.trace", "celery.worker", "celery.pool", "umbel.", "kombu", "amqp")
"""Loggers that speak about the worker, not for the task, or say again what was printed."""

_here = threading.local()  # one attempt per thread; gevent makes this one per greenlet


class Output:
    """The captured lines of one attempt, up to `limit` bytes."""

    def __init__(self, token: Token, limit: int) -> None:
        self.token = token
        # A deque needs no lock, and a lock would be shared by greenlets and a real thread under gevent.
        self._lines: deque[tuple[int, str, str]] = deque()
        self._open = {"stdout": "", "stderr": ""}
        self._left = limit

    def write(self, stream: str, text: str) -> None:
        """Keep printed text, line by line."""
        *lines, self._open[stream] = (self._open[stream] + text).split("\n")
        for line in lines:
            self.add(stream, line)

    def close(self) -> None:
        """Keep what was printed without a line's end."""
        for stream, text in self._open.items():
            if text:
                self.add(stream, text)
        self._open = dict.fromkeys(self._open, "")

    def add(self, stream: str, text: str) -> None:
        """Keep a line; past the limit one last line says that the rest was dropped."""
        if self._left <= 0:
            return
        data = text.encode(errors="backslashreplace")
        size, text = len(data), data[: self._left].decode(errors="ignore")
        if size > self._left:
            text += " [output limit reached, the rest is dropped]"
        self._left -= size
        self._lines.append((round(time.time() * 1000), stream, text))

    def take(self) -> list[tuple[int, str, str]]:
        """The lines since the last call."""
        return [self._lines.popleft() for _ in range(len(self._lines))]


class Handler(logging.Handler):
    """Sends a record to the attempt whose body runs in this thread."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's text."""
        output = _output()
        if output is None or record.name.startswith(_OURS):
            return
        try:
            output.add(record.levelname.lower(), self.format(record))
        except Exception:
            self.handleError(record)


class Tee:
    """Sends printed text to the attempt whose body runs in this thread, and on to where it went before.

    Celery's own redirection (`celery/utils/log.py`, LoggingProxy) makes a line of each piece that `print` writes.
    """

    def __init__(self, stream: Any, name: str) -> None:
        self._stream = stream
        self._name = name

    def write(self, text: str) -> Any:
        """Keep the text and write it."""
        output = _output()
        if output is not None:
            output.write(self._name, text)
        return self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Keep the lines and write them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def install() -> None:
    """Listen on stdout, stderr, the root logger and Celery's logger for tasks, which hands nothing on; once each."""
    if not isinstance(sys.stdout, Tee):
        sys.stdout = Tee(sys.stdout, "stdout")
    if not isinstance(sys.stderr, Tee):
        sys.stderr = Tee(sys.stderr, "stderr")
    for logger in (logging.getLogger(), get_logger("celery.task")):
        if (logger.name == "root" or not logger.propagate) and not any(
            isinstance(handler, Handler) for handler in logger.handlers
        ):
            logger.addHandler(Handler())


def _output() -> Output | None:
    return getattr(_here, "output", None)


def begin(output: Output) -> None:
    """From now on this thread's output belongs to `output`."""
    _here.output = output


def end() -> None:
    """This thread's output belongs to nobody."""
    output, _here.output = _output(), None
    if output is not None:
        output.close()
