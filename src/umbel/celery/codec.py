"""What a task returns, as JSON text and back: Celery's own JSON, so that dates and the like survive between tasks."""

from typing import Any

from kombu.utils import json

from umbel.errors import ResultTooLarge


def encode(value: Any, limit: int) -> str:
    """JSON text of a result.

    kombu's encoder knows dates, times, UUID, Decimal and bytes besides JSON's own types (`kombu/utils/json.py`).

    Raises:
        TypeError, ValueError, RecursionError: the value has no JSON form, or no UTF-8 (half a surrogate pair). NaN and
            Infinity pass as bare words, as in Celery and celery-director (recording `yaml-RETURN_NAN`).
        ResultTooLarge: the text is longer than `limit` bytes.
    """
    text: str = json.dumps(value, ensure_ascii=False)
    size = len(text.encode())
    if size > limit:
        raise ResultTooLarge(f"The result has {size:,} bytes of JSON; the limit is {limit:,}.")
    return text


def decode(text: str) -> Any:
    """The value that `encode` was given."""
    return json.loads(text)
