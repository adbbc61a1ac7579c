"""How two JSON values differ, place by place."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from umbel.service.models import ValueChange

MOST: Final = 100
"""Places that are named."""
LONGEST: Final = 200
"""Characters of a value that are shown."""


def differences(before: Any, after: Any) -> tuple[list[ValueChange], int]:
    """The first places at which two JSON values differ, and how many more there are."""
    found = _walk(before, after, "")
    return list(islice(found, MOST)), sum(1 for _ in found)


def cut(text: str) -> str:
    """A text, or the beginning of a long one."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _shown(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False))


def _walk(before: Any, after: Any, pointer: str) -> Iterator[ValueChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from _both(name in before, before.get(name), name in after, after.get(name), place)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            place, had, has = f"{pointer}/{index}", index < len(before), index < len(after)
            yield from _both(had, before[index] if had else None, has, after[index] if has else None, place)
    elif json.dumps(before) != json.dumps(after):  # not `!=`: 1, 1.0 and true are three values
        yield ValueChange(pointer=pointer, kind="changed", before=_shown(before), after=_shown(after))


def _both(had: bool, before: Any, has: bool, after: Any, pointer: str) -> Iterator[ValueChange]:
    if had and has:
        yield from _walk(before, after, pointer)
    elif had:
        yield ValueChange(pointer=pointer, kind="removed", before=_shown(before))
    else:
        yield ValueChange(pointer=pointer, kind="added", after=_shown(after))
