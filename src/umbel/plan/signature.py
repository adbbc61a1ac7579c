"""A Celery signature as it comes in JSON, read with care: whoever sent it may have written anything."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self

from umbel.errors import DefinitionError

Kind = Literal["task", "chain", "group", "chord", "chunks"]

MAX_NAME: Final = 200
"""Characters of a task's name, a queue's, or a task id."""

MAX_LINKS: Final = 100
"""Callbacks of one signature."""

_KINDS: Final[Mapping[str, Kind]] = {
    "chain": "chain",
    "group": "group",
    "chord": "chord",
    "chunks": "chunks",
    "celery.chunks": "chunks",
    "celery.chain": "chain",
    "celery.group": "group",
    "celery.chord": "chord",
    "xmap": "task",
    "xstarmap": "task",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature (Celery: `dict(task=, args=, kwargs=, options=, subtask_type=, immutable=)`).

    `kind` is what Celery makes of it: `map` and `starmap` are ordinary calls of the built-in tasks `celery.map` and
    `celery.starmap` (`celery/app/builtins.py`).
    """

    kind: Kind
    task: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    options: Mapping[str, Any]
    immutable: bool

    @classmethod
    def read(cls, value: Any) -> Self:
        """The signature in a JSON value.

        Raises:
            DefinitionError: it is none.
        """
        if not isinstance(value, Mapping):
            raise DefinitionError(f"{_shown(value)} is no Celery signature", hint="Send `dict(signature)` as JSON.")
        task = value.get("task")
        if not isinstance(task, str) or not 0 < len(task) <= MAX_NAME or not task.isprintable():
            raise DefinitionError(f"{_shown(task)} is no name of a task")
        args, kwargs = value.get("args") or (), value.get("kwargs") or {}
        options, subtask = value.get("options") or {}, value.get("subtask_type")
        if not isinstance(args, list | tuple) or not isinstance(kwargs, Mapping) or not isinstance(options, Mapping):
            raise DefinitionError(f"the signature of {task} needs a list of args, and objects as kwargs and options")
        if subtask is not None and (not isinstance(subtask, str) or subtask not in _KINDS):
            raise DefinitionError(f"the signature of {task} is of a kind that is not known here: {_shown(subtask)}")
        kind = _KINDS.get(subtask or task, "task")
        return cls(kind, task, tuple(args), kwargs, options, bool(value.get("immutable")))

    @property
    def members(self) -> tuple[Any, ...]:
        """What a chain or group holds, as JSON; of a chord, its header.

        A header may be a list, a group or chain (whose members count), or one signature (`canvas.py`, `_maybe_group`).
        """
        found = self.kwargs.get("header" if self.kind == "chord" else "tasks")
        if isinstance(found, Mapping):
            inner = Signature.read(found)
            return inner.members if inner.kind in ("group", "chain") else (found,)
        if found is None:
            return ()
        if not isinstance(found, list | tuple):
            raise DefinitionError(f"a {self.kind} needs a list of signatures, not {_shown(found)}")
        return tuple(found)

    @property
    def body(self) -> "Signature":
        """A chord's body."""
        if self.kwargs.get("body") is None:
            raise DefinitionError("a chord has no body", hint="chord(header, body), or use a group.")
        return Signature.read(self.kwargs["body"])

    def links(self, name: Literal["link", "link_error"]) -> list[Any]:
        """Callbacks, as JSON."""
        found = listed(self.options.get(name))
        if len(found) > MAX_LINKS:
            raise DefinitionError(f"{self.task} has more than {MAX_LINKS} of {name}")
        return found

    def but(self, **options: Any) -> "Signature":
        """The signature with these options; None takes one away."""
        return replace(self, options=merged(self.options, options))

    def holding(self, members: Sequence[Any]) -> "Signature":
        """The chain, group or chord with other members."""
        return replace(self, kwargs={**self.kwargs, "header" if self.kind == "chord" else "tasks": members})

    def plain(self) -> dict[str, Any]:
        """As JSON again."""
        known = {"task": self.task, "args": self.args, "kwargs": self.kwargs, "options": self.options}
        return {**known, "subtask_type": None if self.kind == "task" else self.kind, "immutable": self.immutable}

    # -- the options of one task

    def text(self, *names: str) -> str | None:
        """The first of these options that is there."""
        for name in names:
            value = self.options.get(name)
            if value is None:
                continue
            if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
                raise self._wrong(name, value, "a text")
            return value
        return None

    def number(self, name: str) -> float | None:
        """An option that is a number (of seconds)."""
        value = self.options.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(name, value, "a number of seconds")
        return value

    def whole(self, name: str) -> int | None:
        """An option that is a whole number."""
        value = self.options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self._wrong(name, value, "a whole number")
        return value

    def moment(self, name: str) -> int | None:
        """An option that is a moment, in ms UTC; None if it is none (a number of seconds, say).

        Written in ISO 8601, or as kombu writes a datetime. Without a zone it is UTC, as in Celery by default.
        """
        value = self.options.get(name)
        if isinstance(value, Mapping) and value.get("__type__") == "datetime":
            value = value.get("__value__")
        if not isinstance(value, str):
            return None
        try:
            moment = datetime.fromisoformat(value)
            return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError) as error:
            raise self._wrong(name, value, "a time (ISO 8601)") from error

    def _wrong(self, name: str, value: Any, wanted: str) -> DefinitionError:
        return DefinitionError(f"option {name} of {self.task} is {_shown(value)}, not {wanted}")


def listed(value: Any) -> list[Any]:
    """Celery's `maybe_list`: none, one, or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def merged(options: Mapping[str, Any], over: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Options with others on top."""
    return {name: value for name, value in {**options, **dict(over)}.items() if value is not None}


def _shown(value: Any) -> str:
    # Not repr of the whole: it may be deep, or huge.
    return repr(value)[:80] if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
