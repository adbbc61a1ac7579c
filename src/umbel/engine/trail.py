"""The trail of a run: what was recorded of it for its X-ray, one capped stream for each run.

It is written by whoever sees something, in batches, from a thread of its own. Nothing depends on it: what cannot be
written is dropped, and what does not fit is counted.
"""

import atexit
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson
from redis.exceptions import RedisError

from umbel.engine.keys import partition_of, prefix
from umbel.engine.wire import connect
from umbel.settings import Settings

if TYPE_CHECKING:
    import redis

log = logging.getLogger(__name__)

LONGEST: Final = 20_000
"""Records that are kept of one run, about: the newest ones."""
KEPT: Final = 200
"""Runs of one partition that have a trail: the newest ones."""
TTL: Final = 24 * 3600
"""Seconds that a trail stays after its last record."""
MOST_BYTES: Final = 8_000_000
"""Bytes that one process records of one run."""
MOST_WAITING: Final = 2_000
"""Records, of 64 kB at most, that wait to be written; what comes on top is left out."""
PAUSE: Final = 0.02
"""Seconds in which records gather before they are written together."""
SAME_CLOCK: Final = 0.5
"""Seconds by which a process's clock may differ from the store's and count as the same: asking takes time, too, and
within one machine there is only one clock."""

RECORD: Final = "r"
"""The field of an entry that holds the record, as JSON. `k` in it is its kind, `t` when it was, in microseconds."""
BEGIN, LEFT, END = "begin", "left", "end"
"""Kinds of records about the recording: a run that is not Umbel's begins or ends; `n` records have been left out."""


def name_of(run: str, partitions: int) -> str:
    """The stream of a run."""
    return f"{prefix(partition_of(run, partitions))}trace:{run}"


class Found(NamedTuple):
    """A trail as it was read: its records, and how many more there were."""

    records: list[dict[str, Any]]
    left_out: int


def read(client: "redis.Redis", run: str, partitions: int) -> Found:
    """The trail of a run, empty if there is none. Raises RedisError."""
    name = name_of(run, partitions)
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", client.xrange(name))
    if not entries:
        return Found([], 0)
    records, left = [], 0
    for _, fields in entries:
        record = orjson.loads(fields[RECORD.encode()])
        if record["k"] == LEFT:
            left += record["n"]
        else:
            records.append(record)
    written = int(client.xinfo_stream(name).get("entries-added") or len(entries))  # Redis 7 counts them
    return Found(records, left + max(0, written - len(entries)))


class Trail:
    """Writes what one process has seen. Safe to share between threads, and across a fork: a child begins anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = 0
        self._lock = threading.Lock()

    def note(self, run: str, record: Mapping[str, Any]) -> None:
        """Let the record be written soon. Never waits, never raises for a store that is away."""
        if self._pid != os.getpid():
            self._begin()
        if len(self._waiting) >= MOST_WAITING:
            self._lost[run] = self._lost.get(run, 0) + 1
            return
        self._waiting.append((run, dict(record)))
        self._bell.set()

    def say(self, run: str, record: Mapping[str, Any]) -> None:
        """Write one record now, before anything that the caller does next."""
        self.note(run, record)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._pid == os.getpid():
            with self._writing:
                self._write()

    def close(self) -> None:
        """Write what waits, and give the connection back."""
        if self._pid == os.getpid():
            self.flush()
            self._pid = 0
            self._waiting.append(None)
            self._bell.set()

    def _begin(self) -> None:
        if self._pid:
            self._lock = threading.Lock()  # a fork may have copied it while it was held
        with self._lock:
            if self._pid == os.getpid():
                return
            self._waiting: deque[tuple[str, dict[str, Any]] | None] = deque()
            self._bell = threading.Event()
            self._writing = threading.Lock()
            self._lost: dict[str, int] = {}
            self._bytes: OrderedDict[str, int] = OrderedDict()
            self._client = connect(self._settings.state_url, timeout=self._settings.store_timeout, if_confirmed=False)
            self._ahead: float | None = None
            if not self._pid:
                atexit.register(self.flush)
            self._pid = os.getpid()
            threading.Thread(target=self._run, args=(self._waiting, self._bell), name="umbel-xray", daemon=True).start()

    def _run(self, waiting: deque[tuple[str, dict[str, Any]] | None], bell: threading.Event) -> None:
        while waiting is self._waiting:
            bell.wait()
            bell.clear()
            time.sleep(PAUSE)
            with self._writing:
                if waiting and waiting[-1] is None:
                    self._client.close()
                    return
                self._write()

    def _write(self) -> None:
        batch = [each for each in (self._waiting.popleft() for _ in range(len(self._waiting))) if each is not None]
        try:
            if batch:
                self._send(batch)
        except RedisError as error:
            log.debug("%d records of the X-ray are lost: %s", len(batch), error)
            self._ahead = None
        except Exception:  # a record that has no JSON must not end the thread
            log.exception("%d records of the X-ray are lost", len(batch))

    def _send(self, batch: list[tuple[str, dict[str, Any]]]) -> None:
        ahead = self._clock_ahead()
        pipeline = self._client.pipeline(transaction=False)
        new: set[str] = set()
        for run, record in batch:
            if "t" in record:
                record["t"] -= ahead
            try:
                text = orjson.dumps(record, default=str)
            except TypeError:  # such as half a surrogate pair: it has no UTF-8
                self._lost[run] = self._lost.get(run, 0) + 1
                continue
            if run not in self._bytes:
                self._remember(run)
                new.add(run)
            self._bytes[run] += len(text)
            if self._bytes[run] > MOST_BYTES:
                self._lost[run] = self._lost.get(run, 0) + 1
            else:
                self._add(pipeline, run, text)
        lost, self._lost = self._lost, {}
        for run, number in lost.items():
            self._add(pipeline, run, orjson.dumps({"k": LEFT, "n": number}))
        for run in dict.fromkeys([*(run for run, _ in batch), *lost]):
            pipeline.expire(name_of(run, self._settings.partitions), TTL)
        pipeline.execute()
        for run in new:
            self._make_room(run)

    def _add(self, pipeline: Any, run: str, text: bytes) -> None:
        name = name_of(run, self._settings.partitions)
        pipeline.xadd(name, {RECORD: text}, maxlen=LONGEST, approximate=True)

    def _remember(self, run: str) -> None:
        self._bytes[run] = 0
        if len(self._bytes) > KEPT:
            self._bytes.popitem(last=False)

    def _make_room(self, run: str) -> None:
        """The oldest trails go when there are too many."""
        base = prefix(partition_of(run, self._settings.partitions))
        traces = f"{base}traces"
        pipeline = self._client.pipeline(transaction=False)
        pipeline.zadd(traces, {run: round(time.time() * 1000)}, nx=True)
        pipeline.expire(traces, TTL)
        pipeline.zrange(traces, 0, -KEPT - 1)
        old = [each.decode() for each in pipeline.execute()[-1]]
        if old:
            self._client.unlink(*(f"{base}trace:{each}" for each in old))
            self._client.zrem(traces, *old)

    def _clock_ahead(self) -> int:
        """Microseconds by which this process's clock is ahead of the store's, by which all times go."""
        if self._ahead is None:
            before = time.time()
            seconds, micros = self._client.time()
            ahead = (before + time.time()) / 2 - seconds - micros / 1e6
            self._ahead = ahead if abs(ahead) > SAME_CLOCK else 0.0
        return round(self._ahead * 1e6)
