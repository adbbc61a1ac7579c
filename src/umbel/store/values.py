"""What events say, as the columns of the history can hold it. Pure."""

from typing import Final

MAX: Final = 2**63 - 1
"""The largest number that a 64-bit column holds."""


def as_number(value: object) -> int | None:
    """A whole number that a 64-bit column can hold, or None. Lua writes whole numbers as floats now and then."""
    if isinstance(value, (int, float)) and abs(value) <= MAX:
        return int(value)
    return None


def as_numbers(value: object) -> list[int]:
    """The whole numbers of a list."""
    return [one for one in value if type(one) is int] if isinstance(value, list) else []


def as_decimal(value: object) -> float | None:
    """A number, or None."""
    return float(value) if isinstance(value, (int, float)) else None


def as_text(value: object) -> str | None:
    """As text; None stays None."""
    if value is None:
        return None
    return clean(value if isinstance(value, str) else str(value))


def clean(value: str | None) -> str | None:
    """PostgreSQL's text cannot hold NUL."""
    return value.replace("\0", "\ufffd") if value is not None and "\0" in value else value
