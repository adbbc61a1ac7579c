"""Opens a state store that was started again, once it is known not to be behind the history."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from umbel.keeper.loop import ThreadLoop
from umbel.keeper.project import Projector
from umbel.store import RunRow

log = logging.getLogger(__name__)

EVERY: Final = 0.5
"""Seconds between two looks: as long as everybody waits at most before the comparison begins."""
CATCH_UP: Final = 10.0


class Life(Protocol):
    """Which Redis answers, and which was compared last."""

    @property
    def present(self) -> str: ...
    @property
    def confirmed(self) -> str | None: ...


class Kept(Protocol):
    """What the loop needs of a store that may be closed to others. Each method raises StateUnavailable."""

    def life(self) -> Life: ...
    def confirm(self, run_id: str) -> None: ...
    def progress(self, partition: int) -> Iterator[dict[str, tuple[int, int]]]: ...
    def keep_ahead(self, partition: int, position: str) -> None: ...


class History(Protocol):
    """What the loop needs of the history. Each method raises HistoryUnavailable."""

    def position(self, partition: int) -> str: ...
    def runs_named(self, ids: Sequence[str]) -> list[RunRow]: ...
    def live_families(self, roots: Sequence[str]) -> list[RunRow]: ...


class Confirm(ThreadLoop):
    """Compares a Redis that it does not know with the history, and opens it to everybody.

    What the store still has to tell comes into the history first. Then a run of which the history knows more than the
    store is dropped there: if it has ended, it has; if not, the relaunching loop begins a new epoch of it from the
    history, as with every run that the store does not know. So is every live run of the same family, since a parent and
    its child that stand at different moments would wait for each other. Several servers may do this at once.

    Args:
        store: the history.
        kept: the state store, open to this loop.
        drop: takes a run out of the state store that has not come as far as this epoch and number of an event.
        projectors: one for each partition.
        rebuild: called when runs were dropped.
    """

    def __init__(
        self,
        store: History,
        kept: Kept,
        drop: Callable[[str, int, int], object],
        projectors: Sequence[Projector],
        rebuild: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__("confirm")
        self.dropped = 0
        """Runs dropped since the start."""
        self._store = store
        self._kept = kept
        self._drop = drop
        self._projectors = projectors
        self._rebuild = rebuild

    def turn(self) -> float:
        """One look."""
        life = self._kept.life()
        if life.present == life.confirmed:
            return EVERY
        if life.confirmed is not None:
            log.warning("the state store was started again; comparing it with the history")
        since = time.monotonic()
        for projector in self._projectors:
            projector.wake()  # it may be pausing after the errors of the restart
        if not all(projector.wait_caught_up(since, CATCH_UP) for projector in self._projectors):
            return EVERY
        before = self.dropped
        for projector in self._projectors:
            self._kept.keep_ahead(projector.partition, self._store.position(projector.partition))
            for some in self._kept.progress(projector.partition):
                self._compare(some)
        self._kept.confirm(life.present)
        if self.dropped > before:
            log.warning("%d runs in the state store were behind the history", self.dropped - before)
            self._rebuild()
        return EVERY

    def _compare(self, reached: dict[str, tuple[int, int]]) -> None:
        known = self._store.runs_named(list(reached))
        behind = [run for run in known if reached[run.id] < (run.epoch, run.last_seq)]
        for run in behind:
            self._take_out(run, run.last_seq)
        for run in known:
            if run.settled and run not in behind:
                # Its end is told already, so no projector will let its keys expire any more.
                epoch, seq = reached[run.id]
                self._drop(run.id, epoch, seq + 1)
        roots = sorted({run.root_run or run.id for run in behind})
        for run in self._store.live_families(roots) if roots else ():
            self._take_out(run, run.last_seq + 1)

    def _take_out(self, run: RunRow, seq: int) -> None:
        if self._drop(run.id, run.epoch, seq) == "ok":
            self.dropped += 1
            log.warning("run %s is behind the history in the state store; it is taken out there", run.id)
