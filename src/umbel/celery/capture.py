"""What a task prints and logs, kept per attempt."""

import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from celery.utils.log import get_logger

from umbel.celery import native
from umbel.celery.hushed import hush, watch_logs
from umbel.celery.opened import Opened
from umbel.engine.engine import Token
from umbel.secrets import Sieve

_OURS = ("celery.redirected", "celery.app.trace", "celery.worker", "celery.pool", "umbel.", "kombu", "amqp")
"""Loggers that speak about the worker, not for the task, or say again what was printed."""

_LONGEST = 8192  # characters without a line's end that are kept as a line, so that dots can be seen and are bounded
_REDRAW = 1.0  # seconds between two states of a progress bar that are kept
_END = re.compile("(\r\n|\r|\n)")

_here = threading.local()  # one attempt per thread; gevent makes this one per greenlet


@dataclass(slots=True)
class _Line:
    """What was printed since the last line's end, in pieces: joining them at each write would be quadratic."""

    pieces: list[str] = field(default_factory=list)
    size: int = 0
    begun: bool = False  # something of this line is kept already
    returned: bool = False  # a carriage return came last: the next text replaces the pieces
    drawn_at: float = -_REDRAW

    def take(self) -> str:
        """The text so far; the line is empty then."""
        text = "".join(self.pieces)
        self.pieces.clear()
        self.size = 0
        return text


class Output:
    """The captured lines of one attempt, up to `limit` bytes; an empty line counts as one."""

    def __init__(self, token: Token, limit: int, opened: Opened | None = None) -> None:
        self.token = token
        self.opened = opened or Opened()
        """Its secrets; they are masked in all that is kept here."""
        self.sieves = {name: Sieve(self.opened.mask) for name in ("stdout", "stderr")}
        self.to_the_end = False
        """The body is not stopped because another attempt has begun: Celery's own canvas lets both run."""
        self.sending = native.lock()
        """Held while lines are on their way, so that the last ones do not overtake those of the renewal's thread."""
        # A deque needs no lock, and a lock would be shared by greenlets and a real thread under gevent.
        self._lines: deque[tuple[int, str, str]] = deque()
        self._open = {"stdout": _Line(), "stderr": _Line()}
        self._left = limit
        self._full = limit <= 0

    def write(self, stream: str, text: str) -> None:
        """Keep printed text, line by line; of a line that is drawn again and again, a state each second and the last.

        A carriage return begins to draw the line again.
        """
        if self._full:
            return
        line = self._open[stream]
        for part in _END.split(text):
            if part == "\r":
                self._redraw(stream, line)
            elif part in ("\n", "\r\n"):
                if line.pieces or not line.begun:
                    self.add(stream, line.take())
                line.begun = line.returned = False
            elif part:
                self._append(stream, line, part)

    def _append(self, stream: str, line: _Line, text: str) -> None:
        if line.returned:
            line.take()
            line.returned = False
        line.pieces.append(text)
        line.size += len(text)
        if line.size >= _LONGEST:
            self.add(stream, line.take())
            line.begun = True

    def _redraw(self, stream: str, line: _Line) -> None:
        now = time.monotonic()
        if line.pieces and now - line.drawn_at >= _REDRAW:
            self.add(stream, line.take())
            line.begun, line.drawn_at = True, now
        line.returned = True

    def close(self) -> None:
        """Keep what was printed without a line's end."""
        for stream, line in self._open.items():
            if line.pieces:
                self.add(stream, line.take())

    def add(self, stream: str, text: str) -> None:
        """Keep a line; past the limit one last line says that the rest was dropped."""
        if self._full:
            return
        text = self.opened.mask.text(text)
        data = text.encode(errors="backslashreplace")
        size, text = max(len(data), 1), data[: self._left].decode(errors="ignore")
        if size > self._left:
            text += " [output limit reached, the rest is dropped]"
            self._full = True
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
        if output is None:
            return self._stream.write(hush(text))
        text = output.sieves[self._name].feed(text)
        output.write(self._name, text)
        return self._stream.write(text)

    def finish(self, output: Output) -> None:
        """Keep and write what was held back because it could have become a secret."""
        text = output.sieves[self._name].rest()
        if text:
            output.write(self._name, text)
            self._stream.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Keep the lines and write them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def install() -> None:
    """Listen on stdout, stderr, the root logger and Celery's logger for tasks, which hands nothing on; once each."""
    watch_logs()
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
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, Tee):
                stream.finish(output)
        output.close()


def opened() -> Opened:
    """What the attempt of this thread has opened."""
    output = _output()
    return output.opened if output is not None else Opened()
