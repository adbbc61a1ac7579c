"""How an attempt ended, in the engine's terms: from what Celery's tracer answers to one verb."""

import traceback as tracebacks
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery import states
from celery.exceptions import Ignore, Reject

from umbel.celery import codec
from umbel.errors import ResultTooLarge, TaskRejected


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The body returned; `result` is JSON text."""

    result: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The task failed for good."""

    info: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Retried:
    """The body asked for another attempt after `delay` seconds; `args` is JSON [args, kwargs] if it changed them."""

    delay: float
    info: dict[str, Any]
    args: str = ""


Outcome = Succeeded | Failed | Retried


def describe(error: BaseException | None, traceback: str | None, reason: str = "exception") -> dict[str, Any]:
    """An error as the history keeps it: text, type, traceback, and why it counts as one."""
    return {
        "exception": _text(error),
        "type": type(error).__name__ if error is not None else "",
        "traceback": traceback or "",
        "reason": reason,
    }


def _text(error: BaseException | None) -> str:
    if error is None:
        return ""
    try:
        return str(error).encode(errors="backslashreplace").decode()
    except Exception:
        return f"<{type(error).__name__} whose text cannot be shown>"


def of(answer: Any, args: Any, kwargs: Any, limit: int) -> Outcome:
    """The outcome in the tracer's answer (`celery/app/trace.py`: R result or ExceptionInfo, I state if not success).

    Args:
        answer: (R, I, T, Rstr) from the task's tracer.
        args, kwargs: what the body was called with.
        limit: largest result, in bytes of JSON.
    """
    result, info = answer[0], answer[1]
    if info is None:
        return _returned(result, limit)
    error = info.retval
    if info.state == states.RETRY:
        return Retried(
            _seconds(error.when),
            {**describe(error.exc, result.traceback), "countdown": _seconds(error.when)},
            _changed(error.sig, args, kwargs),
        )
    if isinstance(error, Ignore | Reject):
        name = type(error).__name__
        rejected = TaskRejected(f"The task raised celery's {name}, which leaves no result.")
        return Failed(describe(rejected, result.traceback, "rejected"))
    return Failed(describe(error, result.traceback))


def _returned(value: Any, limit: int) -> Outcome:
    try:
        return Succeeded(codec.encode(value, limit))
    except (TypeError, ValueError, RecursionError, ResultTooLarge) as error:
        return Failed(describe(error, "".join(tracebacks.format_exception(error)), "result"))


def _seconds(when: Any) -> float:
    if isinstance(when, datetime):
        moment = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return max(0.0, float(when or 0))


def _changed(signature: Any, args: Any, kwargs: Any) -> str:
    """`self.retry(args=..., kwargs=...)` may call the body with other arguments next time."""
    if signature is None or (list(signature.args) == list(args) and dict(signature.kwargs) == dict(kwargs)):
        return ""
    return codec.encode([list(signature.args), dict(signature.kwargs)], 2**62)
