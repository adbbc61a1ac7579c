"""JSON texts of the history (payloads, results) as values that have a JSON form again."""

import base64
import json
import re
from typing import Any, Final

from umbel.celery import codec
from umbel.secrets import MARK, SHOWN, hide

BRIEF: Final = 120
"""Characters of a brief."""
_SEALED: Final = re.compile(r'\{\s*"' + MARK + r'"\s*:\s*"[^"]*(?:"\s*\}|"?$)')
_ESCAPED: Final = re.compile(r"\\\\|(?:\\u[0-9a-fA-F]{4})+")


def read(text: str | None) -> Any:
    """The value behind a JSON text; None for no text.

    Dates and the like, which tasks may return, come out as Python's; bytes as base64; halves of surrogate pairs, which
    UTF-8 cannot carry, as U+FFFD; what is sealed as ***.
    """
    if text is None:
        return None
    # Both are rare, and walking a large result is not cheap.
    if MARK in text:
        return _clean(hide(codec.decode(text)))
    if '"__type__"' in text or "\\ud" in text or "\\uD" in text:
        return _clean(codec.decode(text))
    return json.loads(text)


def brief(head: str) -> str:
    """How a JSON text begins, of which `head` is the first part, or all: one line without secrets."""
    text = _ESCAPED.sub(_character, _SEALED.sub(f'"{SHOWN}"', head))
    text = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return text if len(text) <= BRIEF else text[: BRIEF - 1] + "…"


def _character(escape: re.Match[str]) -> str:
    """Characters that JSON has written as \\u0000, if they can be seen."""
    text = str(json.loads(f'"{escape[0]}"')) if escape[0][1] == "u" else "\0"
    return text if text.isprintable() else escape[0]


def _clean(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="replace").decode() if not value.isascii() else value
        case bytes():
            return base64.b64encode(value).decode()
        case list():
            return [_clean(each) for each in value]
        case dict():
            return {_clean(name): _clean(each) for name, each in value.items()}
    return value
