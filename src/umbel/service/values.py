"""JSON texts of the history (payloads, results) as values that have a JSON form again."""

import base64
import json
from typing import Any

from umbel.celery import codec
from umbel.secrets import MARK, hide


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
