"""Small tasks for the lessons (`umbel learn`): each does almost nothing, so that what carries them can be seen."""

import time
from typing import Any

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


@task(name="FAIL_ONE")
def fail_one(given: Any, *, payload: dict[str, Any], workflow_id: str) -> int:
    """Add one, unless the payload's `fail` is true: then it fails."""
    if payload.get("fail"):
        raise ValueError("the payload says: fail")
    return counted(given)
