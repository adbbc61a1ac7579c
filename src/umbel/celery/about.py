"""What a worker says of itself: what it takes, what it knows, how it is set up."""

import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from umbel import __version__
from umbel.celery.address import shown
from umbel.celery.process import Process

MOST_TASKS: Final = 500
MOST_LETTERS: Final = 24_000
"""Names of tasks that are told, and letters of them: what a worker says of itself stays small."""
MOST_RATES: Final = 50

_COMPARED: Final = (
    "default_queue",
    "heartbeat",
    "lease",
    "max_lost",
    "partitions",
    "queue_type",
    "redispatch_after",
)
"""Settings in which workers and servers must agree."""


class About:
    """One worker, by its own words.

    Args:
        process: whose settings, and whose connection to the broker.
        worker: Celery's `WorkController`.
        pool: short name of its pool.
    """

    def __init__(self, process: Process, worker: Any, pool: str) -> None:
        self._process = process
        self._worker = worker
        self._fixed = {
            "host": worker.hostname,
            "pid": os.getpid(),
            "pool": pool,
            "started_at": round(time.time() * 1000),
            "version": __version__,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("celery", "kombu", "redis")},
            },
            "settings": {name: getattr(process.settings, name) for name in _COMPARED},
            "broker": shown(str(worker.app.connection_for_read().as_uri())),
        }

    def brief(self) -> dict[str, Any]:
        """What is needed to take over from it when it is dead."""
        worker = self._worker
        return {
            "queues": sorted(worker.app.amqp.queues.consume_from),
            "prefetch": int(worker.concurrency or 1) * int(worker.prefetch_multiplier or 1),
        }

    def full(self) -> dict[str, Any]:
        """Everything; the same as before unless something has changed."""
        known = sorted(name for name in self._worker.app.tasks if not name.startswith("celery."))
        told = _bounded(known)
        return {
            **self._fixed,
            **self.brief(),
            "concurrency": self._worker.concurrency,
            "tasks": told,
            "tasks_total": len(known),
            "rates": dict(self._rates(told)),
            "broker_lost_at": self._process.broker_lost_at,
        }

    def _rates(self, names: list[str]) -> Iterator[tuple[str, str]]:
        """Celery's rate limits of tasks; the remote control may change them (celery/worker/control.py)."""
        if self._worker.disable_rate_limits:
            return
        left = MOST_RATES
        for name in names:
            rate = getattr(self._worker.app.tasks.get(name), "rate_limit", None)
            if rate and left:
                left -= 1
                yield name, str(rate)


def _bounded(names: list[str]) -> list[str]:
    letters, kept = 0, list[str]()
    for name in names[:MOST_TASKS]:
        letters += len(name)
        if letters > MOST_LETTERS:
            break
        kept.append(name)
    return kept
