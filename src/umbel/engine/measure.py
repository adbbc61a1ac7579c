"""What the state store tells a dashboard: two round trips, however many partitions, queues and workers there are."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from umbel.engine.keys import prefix

if TYPE_CHECKING:
    import redis

MOST: Final = 500
"""Queues of a partition, and workers, that are looked at."""
ENDS: Final = 25
"""Tasks at each end of a queue that are looked at for the oldest: what is sent again goes to the end."""


@dataclass(slots=True)
class Waiting:
    """Released tasks of a queue that no worker has claimed; `since` (ms): when the oldest of them was released."""

    count: int = 0
    since: int | None = None


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """A worker: its node name (`celery@host`), whether it lives, where it listens, and how much it holds."""

    host: str
    alive: bool
    queues: tuple[str, ...]
    concurrency: int
    running: int


@dataclass(slots=True)
class Measured:
    """The state store at one moment; times in ms."""

    ready: dict[str, int] = field(default_factory=dict)
    """Released tasks, by queue; "" is the default queue."""
    workers: list[WorkerLoad] = field(default_factory=list)
    overdue_ms: int = 0
    """How late the most overdue timer or deadline is."""
    leases_overdue: int = 0
    """Running attempts whose lease ran out longer ago than it lasts."""
    lag_ms: int = 0
    lag_events: int = 0
    memory: int = 0
    memory_max: int = 0


def measure(client: "redis.Redis", positions: Mapping[int, str | None], lease_ms: int) -> Measured:
    """What the store holds. `positions` says for each partition up to which stream id events are projected."""
    found = Measured()
    pipe: Any = client.pipeline(transaction=False)
    pipe.time()
    pipe.info("memory")
    pipe.zrange(f"{prefix(0)}workers", 0, MOST - 1, withscores=True)
    for partition, position in positions.items():
        base = prefix(partition)
        pipe.hkeys(f"{base}queues")
        pipe.zrange(f"{base}timers", 0, 0, withscores=True)
        pipe.zrange(f"{base}deadlines", 0, 0, withscores=True)
        pipe.xlen(f"{base}events")
        pipe.xrange(f"{base}events", f"({position or '0-0'}", "+", count=1)
    (seconds, micros), memory, workers, *rest = pipe.execute()
    now = seconds * 1000 + micros // 1000
    found.memory, found.memory_max = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))

    pipe = client.pipeline(transaction=False)
    asked: list[str | None] = []  # what each answer is about; None: overdue leases
    for place, partition in enumerate(positions):
        queues, timers, deadlines, length, newer = rest[5 * place : 5 * place + 5]
        for _, due in (*timers, *deadlines):
            found.overdue_ms = max(found.overdue_ms, now - int(due))
        if newer:
            found.lag_events += length
            found.lag_ms = max(found.lag_ms, now - int(newer[0][0].split(b"-")[0]))
        base = prefix(partition)
        names = [name[len(b"passed:") :].decode() for name in queues if name.startswith(b"passed:")]
        for queue in sorted(names)[:MOST]:
            asked.append(queue)
            pipe.zcard(f"{base}ready:{queue}")
        pipe.zcount(f"{base}leases", "-inf", now - lease_ms)
        asked.append(None)
    for name, _ in workers:
        pipe.hget(f"{prefix(0)}worker:{name.decode()}", "info")
        for partition in positions:
            pipe.hlen(f"{prefix(partition)}held:{name.decode()}")
    answers = iter(pipe.execute())
    for queue in asked:
        number = int(next(answers))
        if queue is None:
            found.leases_overdue += number
        else:
            found.ready[queue] = found.ready.get(queue, 0) + number
    for name, until in workers:
        about = json.loads(next(answers) or b"{}")
        running = sum(int(next(answers)) for _ in positions)
        host = str(about.get("host") or name.decode().partition("~")[0])
        listens = tuple(str(each) for each in about.get("queues") or ())
        found.workers.append(WorkerLoad(host, until >= now, listens, int(about.get("concurrency") or 1), running))
    return found


def waiting(client: "redis.Redis", partitions: Iterable[int]) -> dict[str, Waiting]:
    """What waits in each queue; "" is the default queue. Three round trips."""
    partitions = list(partitions)
    pipe: Any = client.pipeline(transaction=False)
    for partition in partitions:
        pipe.hkeys(f"{prefix(partition)}queues")
    places = [
        (partition, name[len(b"passed:") :].decode())
        for partition, names in zip(partitions, pipe.execute(), strict=True)
        for name in sorted(names)[:MOST]
        if name.startswith(b"passed:")
    ]
    pipe = client.pipeline(transaction=False)
    for partition, queue in places:
        name = f"{prefix(partition)}ready:{queue}"
        pipe.zcard(name)
        pipe.zrange(name, 0, ENDS - 1)
        pipe.zrange(name, -ENDS, -1)
    answers = iter(pipe.execute())
    found: dict[str, Waiting] = {}
    pipe = client.pipeline(transaction=False)
    owners: list[str] = []
    for partition, queue in places:
        found.setdefault(queue, Waiting()).count += int(next(answers))
        for member in {*next(answers), *next(answers)}:
            run, _, task = member.decode().rpartition(":")
            pipe.hget(f"{prefix(partition)}run:{run}", f"{task}:ready")
            owners.append(queue)
    for queue, ready_at in zip(owners, pipe.execute(), strict=True):
        if ready_at is not None:
            found[queue].since = min(int(ready_at), found[queue].since or int(ready_at))
    return found
