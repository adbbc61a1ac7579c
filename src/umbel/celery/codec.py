"""What a task returns, as JSON text and back: Celery's own JSON, so that dates and the like survive between tasks."""

import re
from itertools import accumulate
from typing import Any, Final

from kombu.utils import json

from umbel.errors import ResultTooLarge

MAX_DEPTH: Final = 190
"""Lists and objects within each other. pydantic reads no JSON deeper than 200 and writes none deeper than 255, and an
answer of the API puts a result or payload a few levels deeper than it stands here."""

_NO_BRACKETS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^][{}"]++', re.DOTALL)
_TOO_DEEP: Final = f"The result nests lists and objects more than {MAX_DEPTH} deep."
_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


def too_deep(text: str, depth: int = MAX_DEPTH) -> bool:
    """Whether JSON text nests lists and objects deeper than `depth`. Quick for what has few of them."""
    if text.count("[") + text.count("{") <= depth:
        return False
    return max(accumulate(map(_STEPS.__getitem__, _NO_BRACKETS.sub("", text))), default=0) > depth


def encode(value: Any, limit: int, depth: int = MAX_DEPTH) -> str:
    """JSON text of a result.

    kombu's encoder knows dates, times, UUID, Decimal and bytes besides JSON's own types (`kombu/utils/json.py`).

    Raises:
        TypeError, ValueError: the value has no JSON form, or no UTF-8 (half a surrogate pair), or is nested deeper
            than `depth`. NaN and Infinity pass as bare words, as in Celery and celery-director (recording
            `yaml-RETURN_NAN`).
        ResultTooLarge: the text is longer than `limit` bytes.
    """
    try:
        text: str = json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    size = len(text.encode())
    if size > limit:
        raise ResultTooLarge(f"The result has {size:,} bytes of JSON; the limit is {limit:,}.")
    if too_deep(text, depth):
        raise ValueError(_TOO_DEEP)
    return text


def revive(value: Any) -> Any:
    """JSON values of a plan as what they stand for: dates and the like, as `encode` writes them."""
    match value:
        case dict():
            return json.object_hook({name: revive(each) for name, each in value.items()})
        case list() | tuple():
            return [revive(each) for each in value]
    return value


def decode(text: str) -> Any:
    """The value that `encode` was given."""
    return json.loads(text)
