"""Cutting a diagnosis down to its size, always in the same way."""

import json
from typing import Final

from umbel.service.models import Diagnosis

MAX_BYTES: Final = 1500
_LIMITS: Final = ((300, 12), (200, 8), (120, 5), (80, 3), (50, 2), (30, 1))
"""Bytes of each text, entries of each list: the first pair with which the whole fits is taken."""


def fit(full: Diagnosis) -> Diagnosis:
    """The diagnosis cut down to `MAX_BYTES`, always in the same way: texts shorter, lists shorter."""
    for size, entries in _LIMITS:
        smaller = _cut(full, size, entries)
        # Spaces and escapes included: however a client writes it down again, it stays below the limit.
        if len(json.dumps(smaller.model_dump(mode="json"))) <= MAX_BYTES:
            return smaller
    return smaller


def _cut(full: Diagnosis, size: int, entries: int) -> Diagnosis:
    data = full.model_dump()
    left_out = 0
    for name in ("chain", "waiting", "suggested_actions"):
        left_out += max(0, len(data[name]) - entries)
        data[name] = data[name][:entries]
    left_out += max(0, len(data["attempts"]) - entries)
    data["attempts"] = data["attempts"][-entries:]
    data["suggested_actions"] = [
        each for each in data["suggested_actions"] if len(json.dumps(each["arguments"])) <= 200
    ]
    data["verdict"] = clip(data["verdict"], 2 * size)
    data["chain"] = [clip(each, size) for each in data["chain"]]
    for note in (*data["attempts"], *data["waiting"], *([data["root_cause"]] if data["root_cause"] else [])):
        for name, value in note.items():
            if isinstance(value, str):
                note[name] = clip(value, size)
    return Diagnosis(**{**data, "left_out": left_out})


def clip(text: str, size: int) -> str:
    """The text, cut so that its JSON form has at most `size` bytes; its end is kept for a `file:line`."""
    if len(json.dumps(text)) - 2 <= size:
        return text
    kept = ""
    for letter in text:
        if len(json.dumps(kept + letter)) - 2 > size - 3:
            break
        kept += letter
    return kept + "..."
