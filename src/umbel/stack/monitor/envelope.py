"""What a message on Celery's Redis transport tells of itself: whose it is, and by which ids it will be named."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

MARK: Final = "umbel"
"""The header by which a worker knows a message of one of our runs (`umbel.celery.dispatch`)."""

_IDS: Final = ("task_id", "group_id")
_DEEPEST: Final = 60


@dataclass(frozen=True, slots=True)
class Envelope:
    """`run` is None for a message of no run of ours, whose `root` may be known otherwise; `ids` are those of its
    delivery, its group, and of the tasks and groups that it carries."""

    task: str
    run: str | None
    root: str | None
    ids: tuple[str, ...]


def read(text: str) -> Envelope | None:
    """The message in a value of Redis; None if it is none."""
    if not text.startswith("{"):
        return None
    try:
        whole = orjson.loads(text)
        headers, properties = whole["headers"], whole["properties"]
        task = str(headers["id"])
    except (ValueError, KeyError, TypeError):
        return None
    mark = headers.get(MARK)
    found = [properties.get("delivery_tag"), headers.get("group"), *_carried(_body(whole))]
    return Envelope(
        task,
        str(mark["run"]) if isinstance(mark, dict) and "run" in mark else None,
        headers.get("root_id"),
        tuple(dict.fromkeys(each for each in found if isinstance(each, str) and each != task)),
    )


def _body(whole: dict[str, Any]) -> Any:
    """What the body carries of the canvas: its third part (Celery docs, internals/protocol)."""
    try:
        body = whole["body"]
        if whole["properties"].get("body_encoding") == "base64":
            body = base64.b64decode(body)
        parts = orjson.loads(body)
        return parts[2] if isinstance(parts, list) and len(parts) == 3 else None
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None


def _carried(value: Any, depth: int = 0) -> Iterator[Any]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, each in value.items():
            if name in _IDS:
                yield each
            else:
                yield from _carried(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _carried(each, depth + 1)
