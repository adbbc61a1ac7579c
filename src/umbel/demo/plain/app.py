"""The plain app: default settings, but for what a scene changes to show the difference."""

import json
import os
import time
from typing import Any

from celery import Celery

JOURNAL = "PLAIN_JOURNAL"
"""File to which tasks write that they begin and end: outside of Celery, so that it is true whatever Celery does."""

app = Celery("plain", broker=os.environ.get("PLAIN_BROKER"), backend=os.environ.get("PLAIN_RESULTS"))
app.conf.update(json.loads(os.environ.get("PLAIN_CONF", "{}")))
app.conf.worker_hijack_root_logger = False


def write(what: str, request: Any) -> None:
    """One line of the journal."""
    line = {"what": what, "task": request.task, "id": request.id, "pid": os.getpid(), "at": time.time()}
    line |= {"retries": request.retries, "redelivered": bool((request.delivery_info or {}).get("redelivered"))}
    line["eta"] = request.eta
    with open(os.environ[JOURNAL], "a", encoding="utf-8") as journal:
        journal.write(json.dumps(line) + "\n")


@app.task(name="plain.work", bind=True)
def work(self: Any, given: Any = None, *, seconds: float = 0.0) -> int:
    """Take `seconds`, and count one more than it was given."""
    write("begins", self.request)
    time.sleep(seconds)
    write("ends", self.request)
    numbers = given if isinstance(given, list) else [given or 0]
    return sum(numbers) + 1


@app.task(name="plain.fail", bind=True)
def fail(self: Any) -> None:
    """Fails."""
    write("begins", self.request)
    raise ValueError("asked to fail")


@app.task(name="plain.errback")
def errback(request: Any, error: Exception, traceback: Any) -> None:
    """What `link_error` calls."""
    write("errback", request)


class Unavailable(Exception):
    """What is called answers that it has too much to do."""


@app.task(name="plain.even", bind=True, autoretry_for=(Unavailable,), retry_backoff=3, retry_jitter=False)
def even(self: Any) -> None:
    """Fails the first time; Celery tries again after 3 seconds sharp."""
    _refuse_first(self.request)


@app.task(name="plain.jittered", bind=True, autoretry_for=(Unavailable,), retry_backoff=3, retry_jitter=True)
def jittered(self: Any) -> None:
    """Fails the first time; Celery tries again after a random pause of 0 to 3 seconds."""
    _refuse_first(self.request)


def _refuse_first(request: Any) -> None:
    write("calls", request)
    if not request.retries:
        raise Unavailable("503: too many requests")
