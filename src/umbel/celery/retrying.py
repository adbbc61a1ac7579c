"""Whether a failed body is tried again, and when: the `retry` of a definition."""

import random
from collections.abc import Callable

from umbel.celery.outcome import Failed, Retried
from umbel.definition import RetryPolicy


def pause(policy: RetryPolicy, tries: int, draw: Callable[[float, float], float] = random.uniform) -> float:
    """Seconds from the end of attempt number `tries` to the next one. `draw` takes a number between two."""
    try:
        match policy.backoff:
            case "constant":
                wanted = policy.initial
            case "linear":
                wanted = policy.initial * tries
            case "exponential":
                wanted = policy.initial * policy.factor ** (tries - 1)
    except OverflowError:
        wanted = policy.max_delay
    wanted = min(wanted, policy.max_delay)
    return draw(0.0, wanted) if policy.jitter == "full" else wanted


def again(policy: RetryPolicy, failed: Failed, tries: int, age: float) -> Failed | Retried:
    """What becomes of a task whose body has failed.

    Args:
        tries: attempts that have ended in an error, this one included, however they came about: Celery's own retries
            count, attempts that were lost with their worker do not.
        age: seconds since the first attempt began.
    """
    if not failed.kinds or tries >= policy.max_attempts or not _wanted(policy, frozenset(failed.kinds)):
        return failed
    delay = pause(policy, tries)
    if policy.max_elapsed is not None and age + delay > policy.max_elapsed:
        return failed
    return Retried(delay, {**failed.info, "countdown": delay, "max_retries": policy.max_attempts - 1})


def _wanted(policy: RetryPolicy, kinds: frozenset[str]) -> bool:
    return kinds.isdisjoint(policy.not_on) and (not policy.on or not kinds.isdisjoint(policy.on))
