"""One event of a run, as the state store writes it to its stream and as everyone above reads it.

Owns: the shape of an event and how it is read from a stream entry.
May import: machine.
Promises: pure; `decode` never raises, so that one bad entry cannot stop a reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

UNREADABLE: Final = "unreadable"
"""Type of an `EventRecord` made from an entry that cannot be understood; `data` holds `why` and `fields`."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened to a run.

    `seq` counts from 1 within the run; `at` is milliseconds UTC by the state store's clock; `task` is the task's index
    in the plan, None for an event of the whole run; `value` is the raw JSON result of `task.succeeded`. `type` is one
    of `machine.EventType`, or a word that this version does not know, or `UNREADABLE`.
    """

    run: str
    seq: int
    type: str
    at: int
    task: int | None = None
    attempt: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    value: str | None = None


def decode(fields: Mapping[bytes, bytes]) -> EventRecord:
    """The event in a stream entry's fields (r run, n seq, e type, t ms, k task, a attempt, d details, v result).

    An entry that cannot be read gives a record of type `UNREADABLE`.
    """
    try:
        task = fields.get(b"k")
        attempt = fields.get(b"a")
        value = fields.get(b"v")
        details = fields.get(b"d")
        data = orjson.loads(details) if details else {}
        if not isinstance(data, dict):
            data = _empty_or_raise(data)
        return EventRecord(
            fields[b"r"].decode(),
            int(fields[b"n"]),
            fields[b"e"].decode(),
            int(fields[b"t"]),
            int(task) if task else None,
            int(attempt) if attempt else None,
            data,
            value.decode() if value is not None else None,
        )
    except (KeyError, ValueError) as error:
        shown = {name.decode(errors="replace"): text[:200].decode(errors="replace") for name, text in fields.items()}
        return EventRecord(shown.get("r", ""), 0, UNREADABLE, 0, data={"why": repr(error), "fields": shown})


def _empty_or_raise(data: object) -> dict[str, Any]:
    """Lua's cjson writes an empty table as `{}` or `[]`, whichever it likes."""
    if data == []:
        return {}
    raise ValueError("d is not a JSON object")
