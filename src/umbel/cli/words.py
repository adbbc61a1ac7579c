"""Words for people: durations, times, errors on one line."""

import re
import unicodedata
from datetime import datetime
from typing import Final

LONGEST: Final = 120
"""Characters of an error on one line."""

_HTTP: Final = re.compile(
    r"(?P<requests>\d{3}) (?:Client|Server) Error\b"
    r"|(?:Client|Server) error '(?P<httpx>\d{3})\b"
    r"|HTTP Error (?P<urllib>\d{3})\b"
)
"""How the texts of HTTP errors begin in requests, httpx and urllib."""


def clean(text: str) -> str:
    """`text` without what could move the cursor or change the terminal: tasks and servers write it."""
    return "".join(
        each if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs", "Cf") else "\ufffd" for each in text
    )


def first_line(text: str, longest: int = LONGEST) -> str:
    """The first line that says something, cut."""
    line = next((line.strip() for line in clean(text).splitlines() if line.strip()), "")
    return line if len(line) <= longest else line[: longest - 1] + "…"


def brief_error(kind: str | None, message: str | None) -> str:
    """An exception on one line: `HTTP 500` for a failed request, else its class and text."""
    text = first_line(message or "")
    if found := _HTTP.match(text):
        return f"HTTP {found[found.lastgroup or 0]}"
    if not kind or text.startswith(kind):
        return text or kind or "unknown error"
    return f"{clean(kind)}: {text}" if text else clean(kind)


def seconds(value: float) -> str:
    """A duration: `0.31 s`, `12.3 s`, `2 min 5 s`, `1 h 3 min`."""
    value = max(value, 0.0)
    if value < 9.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def between(start: datetime | None, end: datetime | None) -> str:
    """The time from one instant to another, or nothing."""
    return seconds((end - start).total_seconds()) if start and end else ""


def local(at: datetime | None) -> str:
    """An instant by the local clock."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""


def count(number: int, one: str, many: str = "") -> str:
    """`1 task`, `1,200 tasks`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
