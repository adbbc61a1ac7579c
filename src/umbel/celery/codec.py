"""What a task returns, as JSON text and back: Celery's own JSON, so that dates and the like survive between tasks."""

from typing import Any

from kombu.utils import json

from umbel.errors import ResultTooLarge


def encode(value: Any, limit: int) -> str:
    """JSON text of a result.

    kombu's encoder knows dates, times, UUID, Decimal and bytes besides JSON's own types (`kombu/utils/json.py`).

    Raises:
        TypeError, ValueError, RecursionError: the value has no JSON form.
        ResultTooLarge: the text is longer than `limit` bytes.
    """
    text: str = json.dumps(value)
    text.encode()  # a lone surrogate has a JSON text, but no UTF-8
    if len(text) > limit:
        raise ResultTooLarge(f"The result has {len(text):,} bytes of JSON; the limit is {limit:,}.")
    return text


def decode(text: str) -> Any:
    """The value that `encode` was given."""
    return json.loads(text)
