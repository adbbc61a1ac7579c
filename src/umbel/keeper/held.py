"""Limits on live runs: which one a new run falls under, and the loop that lets waiting runs go."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from umbel.definition import Concurrency
from umbel.errors import BadRequest, ExpressionError
from umbel.keeper.loop import ThreadLoop
from umbel.store import Limit, RunRow

log = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds between two looks; a run that settles here wakes the loop at once."""
LONGEST: Final = 200
"""Letters of a key; a longer one is kept as its hash."""


class Waiting(Protocol):
    """What the loop needs of the store."""

    def release_held(self) -> list[RunRow]:
        """Lets go those runs for which there is room now; they have to be launched."""
        ...

    def evicted_runs(self) -> list[RunRow]:
        """Runs that have to be canceled, because others came."""
        ...


class Held(ThreadLoop):
    """Launches runs that had to wait for others, in the order in which they came, and cancels those that make room.

    Which ones is decided, and written, in SQL; so it does not matter which server does it, or whether one dies on the
    way: `Relaunch` finds what was let go and not launched.

    Args:
        store: the history.
        launch: launches a run, if it can; never raises.
        cancel: cancels a run, if it can; never raises.
    """

    def __init__(self, store: Waiting, launch: Callable[[RunRow], object], cancel: Callable[[RunRow], object]) -> None:
        super().__init__("held")
        self.released = 0
        """Runs let go since the start."""
        self._store = store
        self._launch = launch
        self._cancel = cancel

    def turn(self) -> float:
        """One look."""
        for run in self._store.evicted_runs():
            self._cancel(run)
        for run in self._store.release_held():
            self.released += 1
            self._launch(run)
        return EVERY


def limit_of(definition: str, concurrency: Concurrency | None, payload: Mapping[str, Any]) -> Limit | None:
    """The limit that a run of a definition with this payload falls under; None if there is none.

    Raises:
        BadRequest: its key cannot be computed from this payload.
    """
    if concurrency is None:
        return None
    key = definition
    if concurrency.key is not None:
        # Imported here: a server whose definitions have no expressions does without the library.
        from umbel.definition.expressions import evaluate, variables

        try:
            value = evaluate(concurrency.key, variables(payload, {}, run_id="", definition=definition))
        except ExpressionError as error:
            raise BadRequest(
                f"The key of its concurrency limit cannot be computed: {error}", hint=error.hint
            ) from error
        key = f"{definition} {json.dumps(value, sort_keys=True)}"
        if len(key) > LONGEST:
            key = f"{definition} {hashlib.sha256(key.encode(errors='replace')).hexdigest()}"
    return Limit(key, concurrency.limit, concurrency.on_limit)
