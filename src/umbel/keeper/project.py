"""From the state store's event stream into the history, one loop per partition."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from umbel.errors import HistoryUnavailable
from umbel.events import EventRecord
from umbel.failpoints import failpoint
from umbel.keeper.feed import Feed
from umbel.keeper.loop import ThreadLoop
from umbel.machine import TERMINAL_EVENTS, EventType
from umbel.store import Applied, PositionMoved
from umbel.store.project import START

log = logging.getLogger(__name__)

BATCH: Final = 500
"""Most events in one transaction."""
FEW: Final = 16
MANY: Final = 100
"""Events that one read asks for: few at first and while results are large, many while they are small. How large the
next ones are is not known before they are read, so this bounds the memory."""
MOST_BYTES: Final = 8_000_000
"""A transaction takes no further events, and reads ask for fewer, once the results in it are larger than this."""
GATHER: Final = 0.02
"""Seconds that a small batch waits for more, unless somebody waits for a run that ends in it."""
BLOCK: Final = 0.5
"""Seconds that one read waits for news; a stop takes at most this long."""
TRIM_EVENTS: Final = 1000
TRIM_SECONDS: Final = 5.0
"""The stream is cut after so many events or so much time, whichever comes first."""
_ENDS: Final = frozenset(str(kind) for kind in TERMINAL_EVENTS)

Entry = tuple[str, EventRecord]


class Stream(Protocol):
    """What the projector needs of the engine. Each method raises StateUnavailable if the store does not answer."""

    def read_events(self, partition: int, after: str, count: int, block_ms: int) -> list[Entry]:
        """Up to `count` entries after a stream id, waiting up to `block_ms` (0: not at all) for the first."""
        ...

    def trim_events(self, partition: int, upto: str) -> None:
        """Drops the entries before a stream id."""

    def forget(self, runs: list[str]) -> object:
        """Lets the keys of settled runs expire."""


class History(Protocol):
    """What the projector needs of the store."""

    def position(self, partition: int) -> str:
        """The stream id up to which events are in the history."""
        ...

    def apply(self, partition: int, events: Sequence[EventRecord], expected: str, new: str) -> Applied:
        """Writes events and position together; raises PositionMoved if the position is not `expected`."""
        ...


class Projector(ThreadLoop):
    """Copies one partition's events into the history, exactly once, and tells the feed.

    Nothing is dropped from the state store before the history has it: a run's keys get their TTL once its
    `run.settled` is committed, and the stream is cut below the committed position only after that. So after a crash,
    what is left of the stream below the position says which runs may still have to be forgotten.

    `on_settled` is called after the ends of runs are committed, `watch` after every commit; neither may raise.
    """

    def __init__(
        self,
        partition: int,
        stream: Stream,
        history: History,
        feed: Feed,
        *,
        on_settled: Callable[[], object] = lambda: None,
        watch: Callable[[Applied], object] = lambda applied: None,
    ) -> None:
        super().__init__(f"project-{partition}")
        self.partition = partition
        self.quarantined = 0
        """Events that could not be used, since the start."""
        self.projected = 0
        """Events written, since the start."""
        self._stream = stream
        self._history = history
        self._feed = feed
        self._on_settled = on_settled
        self._watch = watch
        self._portion = FEW
        self._position: str | None = None
        self._recovered = False
        self._settled: list[str] = []
        self._untrimmed = 0
        self._trim_at = 0.0
        self._caught_up = threading.Condition()
        self._caught_up_at = float("-inf")

    def turn(self) -> float:
        """Reads, writes and tells one batch; waits for news itself."""
        if self._position is None:
            self._position = self._history.position(self.partition)
        if not self._recovered:
            self._recover(self._position)
        asked_at = time.monotonic()
        entries, all_read = self._gather(self._position)
        if entries:
            failpoint("events-read")
            self._apply(entries)
        if all_read and self._position is not None:
            self._note_caught_up(asked_at)
        self._clean()
        return 0.0

    @property
    def position(self) -> str | None:
        """The stream id up to which events are in the history, as far as this process knows; None if it does not."""
        return self._position

    def ask_to_stop(self) -> None:
        """Lets the present turn be the last, and nobody wait for it."""
        super().ask_to_stop()
        with self._caught_up:
            self._caught_up.notify_all()

    def wait_caught_up(self, since: float, timeout: float) -> bool:
        """Whether, within `timeout` seconds, everything in the stream at `since` (time.monotonic) is projected."""
        with self._caught_up:
            return self._caught_up.wait_for(
                lambda: self._caught_up_at >= since or self.stopping.is_set(), timeout
            ) and (self._caught_up_at >= since)

    def _note_caught_up(self, at: float) -> None:
        with self._caught_up:
            self._caught_up_at = at
            self._caught_up.notify_all()

    def _gather(self, after: str) -> tuple[list[Entry], bool]:
        """A batch: what is there, and what comes within the next moments unless a reader waits for an end.

        Also says whether it held, at one moment at least, everything that was there.
        """
        entries, all_read = self._read(after, BATCH, round(BLOCK * 1000))
        until = time.monotonic() + GATHER
        fresh, size = entries, _size(entries)
        while entries and len(entries) < BATCH and size < MOST_BYTES and not self.stopping.is_set():
            if any(event.type in _ENDS and self._feed.wanted(event.run) for _, event in fresh):
                break
            left = max(0, round((until - time.monotonic()) * 1000))
            if all_read and not left:
                break
            fresh, reached = self._read(entries[-1][0], BATCH - len(entries), left)
            entries.extend(fresh)
            size += _size(fresh)
            all_read = all_read or reached
        return entries, all_read

    def _read(self, after: str, most: int, block_ms: int) -> tuple[list[Entry], bool]:
        """One portion of the stream, and whether it reached the end. The results in it say how large the next is."""
        count = min(most, self._portion)
        entries = self._stream.read_events(self.partition, after, count, block_ms)
        size = _size(entries)
        if size > MOST_BYTES:
            self._portion = max(FEW, len(entries) * MOST_BYTES // size)
        elif len(entries) == self._portion and 2 * size <= MOST_BYTES:
            self._portion = min(MANY, 2 * self._portion)
        return entries, len(entries) < count

    def _apply(self, entries: list[Entry]) -> None:
        try:
            self._write([event for _, event in entries], entries[-1][0])
        except HistoryUnavailable:
            # Tried again from the same position. Should it have been committed all the same, the position has moved.
            raise
        except PositionMoved:
            log.info("%s: these events were projected by another server, or before an answer was lost", self.name)
            self._position = None
            self._recovered = False
            self._feed.resync()
        except Exception:
            # One event that breaks the writing must not stop all others: find it by going one at a time.
            log.exception("%s: a batch of %d events failed; one by one now", self.name, len(entries))
            self.errors += 1
            for stream_id, event in entries:
                self._write_alone(stream_id, event)

    def _write_alone(self, stream_id: str, event: EventRecord) -> None:
        try:
            self._write([event], stream_id)
        except (HistoryUnavailable, PositionMoved):
            raise  # the next turn goes on from where this one came to
        except Exception as error:
            self._quarantine(event, repr(error))
            self._write([], stream_id)
            self._watch(Applied(quarantined=[(event, repr(error))]))

    def _write(self, events: list[EventRecord], new: str) -> None:
        assert self._position is not None
        applied = self._history.apply(self.partition, events, self._position, new)
        failpoint("events-written", HistoryUnavailable)
        self._position = new
        for event, why in applied.quarantined:
            self._quarantine(event, why)
        self.projected += len(applied.events)
        self._untrimmed += len(events)
        self._settled.extend(applied.settled)
        self._watch(applied)
        if applied.events:
            self._feed.publish(applied.events)
        if applied.settled:
            self._on_settled()

    def _quarantine(self, event: EventRecord, why: str) -> None:
        self.quarantined += 1
        log.error("%s: an event was put aside (%s): %.500r", self.name, why, event)

    def _clean(self) -> None:
        if self._settled:
            self._stream.forget(self._settled)
            failpoint("run-forgotten")
            self._settled = []
        now = time.monotonic()
        if self._untrimmed and (self._untrimmed >= TRIM_EVENTS or now >= self._trim_at) and self._position is not None:
            self._stream.trim_events(self.partition, self._position)
            failpoint("stream-trimmed")
            self._untrimmed = 0
            self._trim_at = now + TRIM_SECONDS

    def _recover(self, position: str) -> None:
        """Forgets what was committed, by a predecessor or by ourselves unawares, and not forgotten yet."""
        after = START
        while after != position:
            entries, end = self._read(after, BATCH, 0)
            below = [(stream_id, event) for stream_id, event in entries if _key(stream_id) <= _key(position)]
            settled = [event.run for _, event in below if event.type == EventType.RUN_SETTLED]
            if settled:
                self._stream.forget(settled)
            self._untrimmed += len(below)
            if end or len(below) < len(entries):
                break
            after = below[-1][0]
        self._recovered = True


def _size(entries: list[Entry]) -> int:
    """Bytes of the results: all else in an event is small."""
    return sum(len(event.value) for _, event in entries if event.value)


def _key(stream_id: str) -> tuple[int, int]:
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)
