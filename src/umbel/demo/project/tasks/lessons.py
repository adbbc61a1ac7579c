"""Small tasks for the lessons (`umbel learn`): each does almost nothing, so that what carries them can be seen."""

import os
import time
from typing import Any

import requests

from umbel import task


def counted(given: Any) -> int:
    """One more than what was given: nothing, a number, or a list of those."""
    numbers = given if isinstance(given, list) else [given]
    return sum(each or 0 for each in numbers) + 1


@task(name="ADD_ONE")
def add_one(given: Any, *, payload: dict[str, Any], workflow_id: str) -> int:
    """Add one to what it is given."""
    return counted(given)


@task(name="SLOW_ONE")
def slow_one(given: Any, *, payload: dict[str, Any], workflow_id: str) -> int:
    """The same, but it takes the payload's `seconds`."""
    time.sleep(payload.get("seconds", 1.0))
    return counted(given)


@task(name="CALL_ONE")
def call_one(given: Any, *, payload: dict[str, Any], workflow_id: str) -> int:
    """The same, after a call of the model service that fails as often as the payload's `refused` says. No retries."""
    url = os.environ.get("UMBEL_MODEL_URL", "http://127.0.0.1:9000").rstrip("/")
    body = {"text": "one", "request_id": f"{workflow_id}-CALL_ONE", "fail_times": payload.get("refused", 0)}
    with requests.Session() as session:
        session.trust_env = False  # a proxy named in the environment could not reach a service on this machine
        session.post(f"{url}/v1/predict", json=body, timeout=5).raise_for_status()
    return counted(given)


@task(name="FAIL_ONE")
def fail_one(given: Any, *, payload: dict[str, Any], workflow_id: str) -> int:
    """Add one, unless the payload's `fail` is true: then it fails."""
    if payload.get("fail"):
        raise ValueError("the payload says: fail")
    return counted(given)
