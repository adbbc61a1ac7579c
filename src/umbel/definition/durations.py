"""Durations as authors write them: `90`, `90s`, `1m30s`, `36h`, `30d`, `PT1M30S`."""

import re
from typing import Final

MAX_SECONDS: Final = 3660 * 86_400.0
"""Ten years: more is a slip of the pen, and would lead out of what calendars can count."""
OUT_OF_RANGE: Final = "a duration is between 0 and ten years"
HINT: Final = "Durations are 90 (seconds), 90s, 1m30s, 12h, 30d or PT1M30S."

_NUMBER: Final = r"(\d+(?:\.\d+)?)"
_SHORT: Final = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("w", "d", "h", "m", "s", "ms")))
_ISO: Final = re.compile(rf"p(?:{_NUMBER}w)?(?:{_NUMBER}d)?(?:t(?=\d)(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?)?")
_SECONDS: Final = (604_800.0, 86_400.0, 3600.0, 60.0, 1.0, 0.001)


def seconds(value: object) -> float:
    """The seconds of a duration: a number, or text with units.

    Raises:
        ValueError: it is none, is negative, or is longer than `MAX_SECONDS`.
    """
    if isinstance(value, str):
        found = _of_text(value.strip().lower())
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(value)
    else:
        raise ValueError("not a duration")
    if not 0 <= found <= MAX_SECONDS:
        raise ValueError(OUT_OF_RANGE)
    return found


def _of_text(text: str) -> float:
    if len(text) <= 40 and text.isascii():
        if re.fullmatch(_NUMBER, text):
            return float(text)
        for form in (_SHORT, _ISO):
            match = form.fullmatch(text)
            if match and any(match.groups()):
                return sum(float(part) * unit for part, unit in zip(match.groups(), _SECONDS, strict=False) if part)
    raise ValueError("not a duration")
