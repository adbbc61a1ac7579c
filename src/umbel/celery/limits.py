"""How long a body may run, and what is recorded when it has run longer.

`timeout` of a definition is ours on every pool. Celery's hard time limit is Celery's where it keeps it (prefork,
gevent); on threads and solo, where it does not (Celery docs, "Time Limits"), it is kept as a timeout is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billiard.exceptions import TimeLimitExceeded

from umbel.celery import outcome
from umbel.celery.outcome import Failed, describe, kinds
from umbel.errors import TaskTimeout
from umbel.plan.model import Node

KEPT_BY_CELERY = frozenset({"prefork", "gevent", "eventlet"})


@dataclass(frozen=True, slots=True)
class Limit:
    """A body may run for so many seconds; then this is how its attempt ended."""

    seconds: float
    outcome: Failed


def hard_limit(request: Mapping[str, Any], task: Any, worker: float | None) -> float | None:
    """Celery's hard time limit for a message: its own, the task's, or the worker's, in seconds."""
    found = (request.get("timelimit") or (None,))[0] or task.time_limit or worker
    return float(found) if found else None


def limit_of(node: Node, hard: float | None) -> Limit | None:
    """The first of both limits to run out."""
    if node.timeout is not None and not (hard and hard <= node.timeout):
        return Limit(node.timeout, _too_long(TaskTimeout, f"its timeout of {node.timeout:g} s", "timeout"))
    return Limit(hard, over_hard_limit(hard)) if hard else None


def over_hard_limit(seconds: float) -> Failed:
    """The body ran longer than Celery lets it."""
    return _too_long(TimeLimitExceeded, f"its hard time limit of {seconds:g} s", "time_limit")


def escaped(error: BaseException, hard: float | None) -> Failed:
    """The outcome of an exception that came past Celery's tracer; so does the end that gevent's pool puts to a body."""
    kind = type(error)
    by_gevent = (kind.__module__, kind.__name__) == ("gevent.timeout", "Timeout")
    if by_gevent and hard is not None and getattr(error, "seconds", None) == hard:
        return over_hard_limit(hard)
    return outcome.escaped(error)


def _too_long(kind: type[Exception], limit: str, reason: str) -> Failed:
    info = {**describe(None, None, reason), "exception": f"The task ran longer than {limit}.", "type": kind.__name__}
    return Failed(info, kinds(kind))
