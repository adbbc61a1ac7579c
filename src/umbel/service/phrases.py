"""The words in which diagnoses and findings are written."""

import difflib
from collections.abc import Iterable, Sequence

from umbel.service.models import instant, utc


def tasks(count: int) -> str:
    """`1 task`, `3 tasks`."""
    return f"{count} task" if count == 1 else f"{count} tasks"


def seconds(ms: float) -> str:
    """A duration of `ms`: in tenths of seconds, or from a minute on in the two largest units."""
    length = max(0.0, ms) / 1000
    if length < 60:
        return f"{length:.1f} s"
    minutes, rest = divmod(int(length), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def clock(ms: int | None) -> str:
    """A moment, from ms UTC."""
    return utc(instant(ms)) if ms is not None else "?"


def first_line(text: str | None) -> str:
    """The first line of an exception's text, to stand within a sentence."""
    lines = (text or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"


def listed(keys: Sequence[str], most: int = 5) -> str:
    """Names, the first few of them."""
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")


def nearest(name: str, there: Iterable[str]) -> str:
    """` (did you mean X?)`, or nothing."""
    near = difflib.get_close_matches(name, sorted(there), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
