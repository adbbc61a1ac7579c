"""Waiting in tests: for a condition, with a deadline, never for a length of time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, what: str = "the condition") -> T:
    """Calls `predicate` until it gives something true, and returns that.

    Args:
        predicate: looked at every 10 ms at first, every 100 ms later. What it raises goes through.
        timeout: seconds after which this fails.
        what: completes "no ... within 10 s".

    Raises:
        AssertionError: the deadline passed; the message says what was waited for and what was seen last.
    """
    deadline = time.monotonic() + timeout
    pause = 0.01
    while True:
        seen = predicate()
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise AssertionError(f"no {what} within {timeout:g} s; last seen: {seen!r}")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)
