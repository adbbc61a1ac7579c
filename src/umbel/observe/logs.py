"""Log lines: one per record, as text or JSON, with the ids of what they are about.

The standard library's logging is the only mechanism. What a line is about comes from two places: from the context it is
written in (`about(...)` around an attempt or a request), and from the call (`extra=of(...)`).
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import Any, Final, Literal

Format = Literal["text", "json"]

_ABOUT: ContextVar[Mapping[str, Any]] = ContextVar("umbel.about", default={})  # noqa: B039 (never changed in place)
_EXTRA: Final = "umbel"
FIELDS: Final = ("run", "task", "index", "attempt", "epoch", "request")
"""What a line may be about. `task` is the task's key, `index` its number in the run."""


@contextmanager
def about(**ids: Any) -> Iterator[None]:
    """Every line written within, in this thread or greenlet, is about these."""
    token = _ABOUT.set({**_ABOUT.get(), **ids})
    try:
        yield
    finally:
        _ABOUT.reset(token)


def of(**ids: Any) -> dict[str, Any]:
    """As `extra` of one log call: the line is about these."""
    return {_EXTRA: ids}


def ids_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line is about."""
    context = getattr(record, "umbel_about", None)
    found = {**(_ABOUT.get() if context is None else context), **getattr(record, _EXTRA, {})}
    return {name: found[name] for name in FIELDS if found.get(name) is not None}


def mark_records() -> None:
    """From now on every record has `umbel_run`, `umbel_task`, `umbel_index`, `umbel_attempt`, `umbel_epoch` and
    `umbel_request`, empty if it is about none: for formats of one's own, such as `%(umbel_run)s`."""
    make = logging.getLogRecordFactory()
    if getattr(make, "of_umbel", False):
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        context = _ABOUT.get()
        record.umbel_about = context
        for name in FIELDS:
            setattr(record, f"umbel_{name}", context.get(name, ""))
        return record

    factory.of_umbel = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)


class Json(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; what is no JSON is written as text."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **ids_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:  # a traceback without the secrets that stood in it
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class Text(logging.Formatter):
    """`time LEVEL logger: message [run=... task=...]`, or another formatter's line with the ids at its end.

    Args:
        inner: writes the line; None for the form above.
    """

    def __init__(self, inner: logging.Formatter | None = None) -> None:
        super().__init__("%(umbel_time)s %(levelname)s %(name)s: %(message)s")
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The line. The record stays as it is, for other handlers."""
        ids = " ".join(f"{name}={value}" for name, value in ids_of(record).items())
        shown = copy(record)
        if ids:
            shown.msg, shown.args = f"{record.getMessage()} [{ids}]", ()
        if self._inner is not None:
            return self._inner.format(shown)
        shown.umbel_time = _time(record)
        return super().format(shown)


def setup(form: Format) -> None:
    """Let this process log to standard error, from level INFO on."""
    mark_records()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Text())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for noisy in ("httpx", "httpcore", "alembic", "uvicorn", "kombu", "amqp", "celery"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"
