"""Tasks that the browser tests hold, let go, and let say anything."""

import logging
import os
import time
from pathlib import Path

from umbel import task

HOME = Path(os.environ["WEB_HOME"])
log = logging.getLogger(__name__)


@task(name="HOLD", bind=True)
def hold(self, previous, *, payload, workflow_id):
    print(f"holding {workflow_id}", flush=True)
    deadline = time.monotonic() + 60
    while not (HOME / workflow_id).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return {"attempts": self.request.retries + 1}


@task(name="AFTER")
def after(previous, *, payload, workflow_id):
    return previous


@task(name="SAY")
def say(previous, *, payload, workflow_id):
    print(payload["say"])
    log.warning("%s", payload["say"])
    if payload.get("raises"):
        raise ValueError(payload["say"])
    return {payload["say"]: [payload["say"]] * payload.get("times", 1)}


@task(name="NOTHING")
def nothing(previous, *, payload, workflow_id):
    return None


@task(name="ONCE")
def once(previous, *, payload, workflow_id):
    if not (HOME / workflow_id).exists():
        raise RuntimeError("not yet")
    return "at last"


@task(name="LIST")
def numbers(previous, *, payload, workflow_id):
    return list(range(5))


@task(name="ITEM")
def item(number):
    if number == 3:
        raise ValueError("three is bad")
    return number
