"""Launches what was committed to SQL but never reached the state store (the server or the store died in between): runs,
and new epochs of runs."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from umbel.failpoints import failpoint
from umbel.keeper.loop import ThreadLoop
from umbel.keeper.project import Projector
from umbel.observe.logs import of
from umbel.store import RunRow

log = logging.getLogger(__name__)

EVERY: Final = 5.0
"""Seconds between two looks."""
YOUNG: Final = 2.0
"""Seconds after its acceptance in which a run is still its request's own business."""
SILENT: Final = 2.0
"""Seconds without an event after which the state store is asked whether it still has a live run."""
CATCH_UP: Final = 10.0


class Unlaunched(Protocol):
    """What the loop needs of the store."""

    def unlaunched_runs(self, before: int, *, limit: int = ...) -> list[RunRow]:
        """Runs accepted before `before` (ms) of which the history holds no event, or whose new epoch has not begun."""
        ...

    def launched_runs(self, before: int, *, limit: int = ...) -> list[RunRow]:
        """Live runs of which nothing was heard since `before` (ms)."""
        ...


class Knows(Protocol):
    """What the loop needs of the engine."""

    def knows(self, runs: Sequence[str]) -> list[bool]:
        """For each run, whether the state store has it."""
        ...


class Relaunch(ThreadLoop):
    """Calls `launch` for each run that SQL holds as live, that has no event, and that the state store does not know;
    and for each whose new epoch has no event (`launch` does no harm if it has begun).

    A run that had ended is never among them: its keys go only after its events are in the history. That is also why
    the projectors must have caught up first: a run without events in a history that lags says nothing.

    A run that was under way, and that the state store does not know any more, goes to `rebuild`.

    `launch` and `rebuild` never raise: one run that cannot be launched keeps no other waiting, and the next look finds
    it again.
    """

    def __init__(
        self,
        store: Unlaunched,
        engine: Knows,
        projectors: Sequence[Projector],
        launch: Callable[[RunRow], object],
        rebuild: Callable[[RunRow], object] = lambda run: None,
    ) -> None:
        super().__init__("relaunch")
        self.launched = 0
        """Runs given to `launch` since the start."""
        self.rebuilt = 0
        """Runs given to `rebuild` since the start."""
        self._store = store
        self._engine = engine
        self._projectors = projectors
        self._launch = launch
        self._rebuild = rebuild

    def turn(self) -> float:
        """One look."""
        self._look_for_lost()
        before = time.time_ns() // 1_000_000 - round(YOUNG * 1000)
        if not self._store.unlaunched_runs(before, limit=1):
            return EVERY
        since = time.monotonic()
        if not all(projector.wait_caught_up(since, CATCH_UP) for projector in self._projectors):
            return EVERY
        runs = self._store.unlaunched_runs(before)
        known = self._engine.knows([run.id for run in runs])
        for run, is_known in zip(runs, known, strict=True):
            if (run.rerun is not None or not is_known) and not self.stopping.is_set():
                log.warning(
                    "run %s was accepted but not launched, or has to run again; launching it now",
                    run.id,
                    extra=of(run=run.id),
                )
                failpoint("launching-again")
                self._launch(run)
                self.launched += 1
        return EVERY

    def _look_for_lost(self) -> None:
        before = time.time_ns() // 1_000_000 - round(SILENT * 1000)
        if not self._unknown(self._store.launched_runs(before)):
            return
        # Whatever the stream still has of them comes first; after that, they are as the history has them.
        since = time.monotonic()
        if not all(projector.wait_caught_up(since, CATCH_UP) for projector in self._projectors):
            return
        for run in self._unknown(self._store.launched_runs(before)):
            if not self.stopping.is_set():
                log.warning(
                    "the state store has lost run %s; it is rebuilt from the history", run.id, extra=of(run=run.id)
                )
                self._rebuild(run)
                self.rebuilt += 1

    def _unknown(self, runs: list[RunRow]) -> list[RunRow]:
        return [run for run, known in zip(runs, self._engine.knows([run.id for run in runs]), strict=True) if not known]
