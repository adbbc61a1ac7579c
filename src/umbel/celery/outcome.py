"""How an attempt ended, in the engine's terms: from what Celery's tracer answers to one verb."""

import traceback as tracebacks
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery import states
from celery.exceptions import Ignore, Reject

from umbel.celery import codec
from umbel.celery.hushed import hush
from umbel.errors import ResultTooLarge, TaskRejected

MAX_TEXT = 10_000
"""Characters kept of an error's text."""

MAX_TRACEBACK = 50_000
"""Characters kept of a traceback."""

MAX_DELAY = 10 * 366 * 86400.0
"""Longest pause before a retry, in seconds."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The body returned; `result` is JSON text."""

    result: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed, and so the task, unless its `retry` says otherwise.

    `kinds` are the names of the exception's classes if the body raised it (with and without their modules); empty
    if there was no body to blame, and so nothing to try again.
    """

    info: dict[str, Any]
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retried:
    """The body asked for another attempt after `delay` seconds; `args` is JSON [args, kwargs] if it changed them."""

    delay: float
    info: dict[str, Any]
    args: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The task's condition was false."""

    why: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """The task's list has these items (JSON; at least one), of which `window` may be under way at a time."""

    items: list[str]
    window: int


@dataclass(frozen=True, slots=True)
class Spawned:
    """The task starts a run of another definition."""

    child: str
    plan: str
    payload: str
    definition: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """The task waits for a person, at most `timeout` seconds."""

    info: dict[str, Any]
    timeout: float | None


Outcome = Succeeded | Failed | Retried | Skipped | Expanded | Spawned | Awaited


@dataclass(frozen=True, slots=True)
class Asked:
    """What the body handed to `self.retry`: when (seconds or a moment), and the next attempt's arguments."""

    when: Any
    args: Any
    kwargs: Any


def describe(error: BaseException | None, traceback: str | None, reason: str = "exception") -> dict[str, Any]:
    """An error as the history keeps it: text, type, traceback, and why it counts as one."""
    return {
        "exception": _kept(_text(error), MAX_TEXT),
        "type": type(error).__name__ if error is not None else "",
        "traceback": _kept(traceback or "", MAX_TRACEBACK),
        "reason": reason,
    }


def kinds(error: type[BaseException]) -> tuple[str, ...]:
    """The names of an exception's classes, its own first."""
    return tuple(name for each in error.__mro__ for name in (each.__name__, f"{each.__module__}.{each.__qualname__}"))


def _text(error: BaseException | None) -> str:
    if error is None:
        return ""
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} whose text cannot be shown>"


def _kept(text: str, limit: int) -> str:
    """Text that every database takes, without its middle if it is too long: both ends of a traceback matter."""
    if len(text) > limit:
        text = hush(text)  # before a secret is cut in two
    if len(text) > limit:
        text = f"{text[: limit // 2]}\n[... {len(text) - limit:,} characters left out ...]\n{text[-limit // 2 :]}"
    return text.encode(errors="backslashreplace").decode()


def of(answer: Any, args: Any, kwargs: Any, limit: int, asked: Asked | None = None) -> Outcome:
    """The outcome in the tracer's answer (`celery/app/trace.py`: R result or ExceptionInfo, I state if not success).

    Args:
        answer: (R, I, T, Rstr) from the task's tracer.
        args, kwargs: what the body was called with.
        limit: largest result, in bytes of JSON.
        asked: the body called `self.retry`. Then there is another attempt, even if the body did not let the Retry
            through (`throw=False`), as in Celery, which has sent the next message by then.
    """
    result, info = answer[0], answer[1]
    retry = info.retval if info is not None and info.state == states.RETRY else None
    if retry is not None and asked is None:
        asked = Asked(retry.when, args, kwargs)
    try:
        if asked is not None:
            error = retry.exc if retry is not None else None
            delay = _seconds(asked.when)
            told = {**describe(error, result.traceback if info is not None else ""), "countdown": delay}
            return Retried(delay, told, _changed(asked, args, kwargs))
        if info is None:
            return Succeeded(codec.encode(result, limit))
    except (TypeError, ValueError, ResultTooLarge) as error:
        return escaped(error, "result")
    if isinstance(info.retval, Ignore | Reject):
        name = type(info.retval).__name__
        rejected = TaskRejected(f"The task raised celery's {name}, which leaves no result.")
        return Failed(describe(rejected, result.traceback, "rejected"))
    return Failed(describe(info.retval, result.traceback), kinds(type(info.retval)))


def escaped(error: BaseException, reason: str = "exception") -> Failed:
    """The outcome of an exception that came past Celery's tracer, such as MemoryError or SystemExit."""
    info = describe(error, "".join(tracebacks.format_exception(error)), reason)
    if isinstance(error, SystemExit):
        info["exception"] = f"The task called sys.exit({error.code!r})."
        info["reason"] = "exit"
    return Failed(info, kinds(type(error)) if reason == "exception" else ())


def _seconds(when: Any) -> float:
    if isinstance(when, datetime):
        moment = when if when.tzinfo else when.replace(tzinfo=UTC)
        when = (moment - datetime.now(UTC)).total_seconds()
    return min(MAX_DELAY, max(0.0, float(when or 0)))


def _changed(asked: Asked, args: Any, kwargs: Any) -> str:
    """`self.retry(args=..., kwargs=...)` may call the body with other arguments next time."""
    if list(asked.args) == list(args) and dict(asked.kwargs) == dict(kwargs):
        return ""
    # No limits: nobody is shown it.
    return codec.encode([list(asked.args), dict(asked.kwargs)], 2**62, 2**62)
