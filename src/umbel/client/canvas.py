"""A Celery canvas as JSON values, without Celery: a signature is a dict (`celery/canvas.py`, `Signature`)."""

import base64
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from umbel.errors import BadRequest

# As kombu writes them (`kombu/utils/json.py`), so that tasks get them back. A datetime is a date too: it comes first.
_TYPES: Final[tuple[tuple[type, str, Callable[[Any], Any]], ...]] = (
    (datetime, "datetime", datetime.isoformat),
    (date, "date", date.isoformat),
    (time, "time", time.isoformat),
    (Decimal, "decimal", str),
    (UUID, "uuid", lambda value: {"hex": value.hex}),
    (bytes, "base64", lambda value: base64.b64encode(value).decode()),
)
_DISTRIBUTED: Final = ("link", "link_error", "task_id")
"""Options of a chord that its whole body takes, and not only its first task."""


def plain(canvas: Any) -> dict[str, Any]:
    """The signature as JSON values.

    Raises:
        BadRequest: it is none, or holds a value that has no JSON form.
    """
    if not isinstance(canvas, Mapping) or "task" not in canvas:
        raise BadRequest(
            f"{type(canvas).__name__} is no Celery canvas.", hint="Give a signature, such as add.s(1, 2) or a chain."
        )
    try:
        found: dict[str, Any] = _value(_levelled(canvas))
    except RecursionError as error:
        raise BadRequest("The canvas is nested too deep.", hint="Flatten it.") from error
    return found


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRequest(
            f"The canvas holds {value}, which JSON has no form for.", hint="Give None, or a finite number."
        )
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _value(_levelled(each) if name == "body" else each) for name, each in dict(value).items()}
    if isinstance(value, list | tuple):
        return [_value(_levelled(each)) for each in value]
    if (reducer := getattr(value, "__json__", None)) is not None:
        return _value(reducer())
    for kind, word, write in _TYPES:
        if isinstance(value, kind):
            return {"__type__": word, "__value__": write(value)}
    if isinstance(getattr(value, "routing_key", None), str) and isinstance(getattr(value, "name", None), str):
        return value.name  # a kombu.Queue, which Celery takes as `queue`
    raise BadRequest(f"The canvas holds a {type(value).__name__}, which has no JSON form.")


def _levelled(value: Any) -> Any:
    """A chord whose body is a chain, with that chain's other steps behind it, as Celery itself runs it (`canvas.py`,
    `_chord._unroll_body`): otherwise a chain of many groups is nested as deep as it is long."""
    steps: list[Any] = []
    rest = [value]
    while rest:
        step = rest.pop()
        kind = _kind(step)
        if kind == "chain" and not step.get("options") and (step is not value or any(map(_tail, _tasks(step)))):
            rest.extend(reversed(_tasks(step)))
        elif kind == "chord" and (tail := _tail(step)):
            first, *others = tail
            kwargs = {**dict(step["kwargs"]), "body": first}
            steps.append({**dict(step), "kwargs": kwargs})
            rest.extend(reversed(others))
        else:
            steps.append(step)
    if len(steps) == 1:
        return steps[0]
    chain = {"task": "celery.chain", "args": [], "kwargs": {"tasks": steps}}
    return {**chain, "options": {}, "subtask_type": "chain", "immutable": False}


def _tail(chord: Any) -> list[Any]:
    """The steps of a chord's body, if that is a chain that can be taken apart."""
    if _kind(chord) != "chord" or any((chord.get("options") or {}).get(name) for name in _DISTRIBUTED):
        return []
    body = chord["kwargs"].get("body")
    if _kind(body) != "chain" or body.get("options"):
        return []
    tasks = _tasks(body)
    return tasks if len(tasks) > 1 and _kind(tasks[0]) not in ("group", "chain") else []


def _kind(value: Any) -> str | None:
    """What kind of canvas a value is; None if it is none."""
    if not isinstance(value, Mapping) or not isinstance(value.get("kwargs"), Mapping):
        return None
    return value.get("subtask_type")


def _tasks(chain: Mapping[str, Any]) -> list[Any]:
    found = chain["kwargs"].get("tasks")
    return list(found) if isinstance(found, list | tuple) else []
