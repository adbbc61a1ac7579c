"""What a task returns, as JSON text and back: Celery's own JSON, so that dates and the like survive between tasks."""

from typing import Any

from kombu.utils import json

from umbel.errors import ResultTooLarge


def encode(value: Any, limit: int) -> str:
    """JSON text of a result.

    kombu's encoder knows dates, times, UUID, Decimal and bytes besides JSON's own types (`kombu/utils/json.py`).

    Raises:
        TypeError, ValueError, RecursionError: the value has no JSON form. NaN and Infinity have none, and half a
            surrogate pair has no UTF-8: neither databases nor other languages would take them.
        ResultTooLarge: the text is longer than `limit` bytes.
    """
    text: str = json.dumps(value, ensure_ascii=False, allow_nan=False)
    size = len(text.encode())
    if size > limit:
        raise ResultTooLarge(f"The result has {size:,} bytes of JSON; the limit is {limit:,}.")
    return text


def decode(text: str) -> Any:
    """The value that `encode` was given."""
    return json.loads(text)
