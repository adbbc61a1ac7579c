"""Reading the engine's state: what needs no script, because it changes nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from redis.exceptions import RedisError

from umbel.engine import trail
from umbel.engine.incarnation import Incarnation
from umbel.engine.keys import partition_of, prefix
from umbel.engine.measure import Measured, Waiting, measure, waiting
from umbel.engine.wire import Item, Wire, unavailable
from umbel.events import EventRecord, decode
from umbel.observe.spans import trace_of
from umbel.plan.model import Node, from_dict
from umbel.settings import Settings

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True, slots=True)
class Token:
    """What a worker got with its claim and shows with every later write: proof that the task is still its own (U-3)."""

    run: str
    task: int
    epoch: int
    attempt: int


class End(NamedTuple):
    """How a task stands: its state, and what `fail` was told if it has failed."""

    state: str
    error: dict[str, Any] | None


class Tries(NamedTuple):
    """What has become of a task so far: its node, its run's plan, its retries, and ms since its first attempt began."""

    node: Node
    plan: str
    retries: int
    age_ms: int


class Released(NamedTuple):
    """A released task that nobody has claimed: ms since its newest message, spare copies so far, whether others that
    were released later have been claimed, and in how many ms a spare copy is sent (None: not as things stand)."""

    ago: int
    copies: int
    passed: bool
    again: int | None


FRONT: Final = 10
"""Of a queue where nothing is claimed at all, so many are sent again (`lua/redispatch.lua`)."""


class Reader:
    """What the engine knows. Every method raises StateUnavailable if the store does not answer."""

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self.settings = settings
        self._client = client
        self._wire = Wire(client, settings.store_timeout)
        self._node = lru_cache(maxsize=65536)(self._read_node)
        self._own = lru_cache(maxsize=4096)(self._read_own)
        self._item_nodes = lru_cache(maxsize=4096)(self._read_maps)
        self._needs = lru_cache(maxsize=64)(self._read_needs)
        self._trace = lru_cache(maxsize=4096)(self._read_trace)
        self._definition = lru_cache(maxsize=4096)(self._read_definition)

    @cached_property
    def incarnation(self) -> Incarnation:
        """Which life of the store this is."""
        return Incarnation(self._client, self._guard)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def ping(self) -> None:
        """Raise StateUnavailable unless the store answers."""
        self._guard(lambda: self._client.ping())

    def require_room(self) -> None:
        """Raise StateFull unless the store takes more; it is asked by writing."""
        self._guard(lambda: self._client.set(f"{prefix(0)}room", "", px=1000))

    def partition(self, run: str) -> int:
        """Where the run lives."""
        return partition_of(run, self.settings.partitions)

    @property
    def partitions(self) -> range:
        """All partitions."""
        return range(self.settings.partitions)

    def inputs(self, run: str, task: int, plan: str, *, portion: int = 500) -> list[str]:
        """The results (JSON) that a task waits for, in definition order, read in portions: for a wide join."""
        base = prefix(self.partition(run))

        def read() -> list[str]:
            needs = cast("bytes | None", self._client.hget(f"{base}plan:{plan}", f"{task}:in")) or b""
            wanted = needs.split(b",") if needs else []
            found: list[str] = []
            for start in range(0, len(wanted), portion):
                some = self._client.hmget(f"{base}results:{run}", wanted[start : start + portion])
                found += [(value or b"null").decode() for value in cast("list[bytes | None]", some)]
            return found

        return cast("list[str]", self._guard(read))

    def payload(self, run: str) -> str:
        """A run's payload (JSON): for an item of a map, whose claim leaves it out."""
        name = f"{prefix(self.partition(run))}run:{run}"
        found = cast("bytes | None", self._guard(lambda: self._client.hget(name, "payload")))
        return found.decode() if found is not None else "null"

    def results(self, run: str, indices: Sequence[int], *, portion: int = 500) -> list[str | None]:
        """The results (JSON) of these tasks, read in portions; None where there is none."""
        name = f"{prefix(self.partition(run))}results:{run}"

        def read() -> list[str | None]:
            found: list[str | None] = []
            for start in range(0, len(indices), portion):
                some = self._client.hmget(name, [str(index) for index in indices[start : start + portion]])
                found += [value.decode() if value is not None else None for value in cast("list[bytes | None]", some)]
            return found

        return cast("list[str | None]", self._guard(read))

    def ends(self, run: str, tasks: Sequence[int]) -> list["End"]:
        """How these tasks stand: for conditions and callbacks that look at more than results."""
        base = prefix(self.partition(run))

        def read() -> list[End]:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hmget(f"{base}run:{run}", [f"{task}:state" for task in tasks])
            pipeline.hmget(f"{base}results:{run}", [f"{task}:error" for task in tasks])
            states, errors = pipeline.execute()
            return [
                End((state or b"waiting").decode(), json.loads(error) if error else None)
                for state, error in zip(states, errors, strict=True)
            ]

        return cast("list[End]", self._guard(read)) if tasks else []

    # --- reading

    def held(self, worker: str) -> list[tuple[int, Token]]:
        """What a worker holds now: (pid, token) each."""
        found: list[tuple[int, Token]] = []
        for partition in self.partitions:
            name = f"{prefix(partition)}held:{worker}"
            values = cast("dict[bytes, bytes]", self._guard(lambda name=name: self._client.hgetall(name)))
            for member, value in values.items():
                run, _, task = member.decode().rpartition(":")
                pid, epoch, attempt = map(int, value.split(b":"))
                found.append((pid, Token(run, int(task), epoch, attempt)))
        return found

    def workers(self) -> list[dict[str, Any]]:
        """What the workers that are alive said of themselves, with `worker`, `beat` (ms) and `alive_until` (ms)."""
        base = prefix(0)

        def read() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = []
            for name, until in cast(
                "list[tuple[bytes, float]]", self._client.zrange(f"{base}workers", 0, -1, withscores=True)
            ):
                info, beat = self._client.hmget(f"{base}worker:{name.decode()}", ["info", "beat"])
                rows.append(
                    {
                        **json.loads(info or b"{}"),
                        "worker": name.decode(),
                        "beat": int(beat or 0),
                        "alive_until": int(until),
                    }
                )
            return rows

        return cast("list[dict[str, Any]]", self._guard(read))

    def node(self, partition: int, plan: str, index: int) -> Node:
        """A node (without its `needs`) of a plan that a live run uses; remembered, since plans do not change.

        Raises:
            KeyError: the plan is not there.
        """
        return self._node(partition, plan, index)

    def needs(self, partition: int, plan: str, index: int) -> tuple[Node, ...]:
        """The nodes (without their own needs) that a node waits for, in definition order; the last few are remembered.

        Raises:
            KeyError: the plan is not there.
        """
        return self._needs(partition, plan, index)

    def definition(self, partition: int, plan: str) -> str:
        """Name of the definition that a live run's plan is of."""
        return self._definition(partition, plan)

    def tries(self, token: Token) -> Tries:
        """How often and how long an attempt's task has been tried.

        Raises:
            KeyError: the plan or the run is not there.
        """
        base = prefix(self.partition(token.run))

        def read() -> tuple[str, int, int]:
            pipeline = self._client.pipeline(transaction=False)
            names = ["plan", f"{token.task}:retries", f"{token.task}:since"]
            pipeline.hmget(f"{base}run:{token.run}", names)
            pipeline.time()
            (plan, retries, since), (seconds, micros) = pipeline.execute()
            now = seconds * 1000 + micros // 1000
            return (plan or b"").decode(), int(retries or 0), now - int(since or now)

        plan, retries, age = cast("tuple[str, int, int]", self._guard(read))
        return Tries(self.node_of(Item(token.run, token.task, token.epoch, plan)), plan, retries, age)

    def node_of(self, item: Item) -> Node:
        """The node behind a released task; the items of a map share the map's.

        Raises:
            KeyError: the plan or the run is not there.
        """
        partition = self.partition(item.run)
        if item.task < self._own(partition, item.plan):
            return self._node(partition, item.plan, item.task)
        for again in (False, True):
            if again:
                # Remembered before this map was expanded. A cache has no way to forget one entry only.
                self._item_nodes.cache_clear()
            for node, base, count in self._item_nodes(item.run, item.epoch):
                if base <= item.task < base + count:
                    return self._node(partition, item.plan, node)
        raise KeyError(f"run {item.run} has no task {item.task}")

    def _read_own(self, partition: int, plan: str) -> int:
        read = self._guard(lambda: self._client.hget(f"{prefix(partition)}plan:{plan}", "nodes"))
        if read is None:
            raise KeyError(f"plan {plan} is not in partition {partition}")
        return int(read)

    def _read_maps(self, run: str, epoch: int) -> list[tuple[int, int, int]]:
        name = f"{prefix(self.partition(run))}run:{run}"
        read = cast("bytes | None", self._guard(lambda: self._client.hget(name, "maps"))) or b""
        found: list[tuple[int, int, int]] = []
        for entry in read.decode().split(","):
            if entry:
                node, base, count = map(int, entry.split(":"))
                found.append((node, base, count))
        return found

    def _read_node(self, partition: int, plan: str, index: int) -> Node:
        text = cast(
            "bytes | None",
            self._guard(lambda: self._client.hget(f"{prefix(partition)}plan:{plan}", str(index))),
        )
        if text is None:
            raise KeyError(f"plan {plan} has no node {index} in partition {partition}")
        return from_dict(json.loads(text))

    def _read_needs(self, partition: int, plan: str, index: int, portion: int = 500) -> tuple[Node, ...]:
        name = f"{prefix(partition)}plan:{plan}"

        def read() -> list[bytes | None]:
            needs = cast("bytes | None", self._client.hget(name, f"{index}:in")) or b""
            wanted = needs.decode().split(",") if needs else []
            found: list[bytes | None] = []
            for start in range(0, len(wanted), portion):
                found += cast("list[bytes | None]", self._client.hmget(name, wanted[start : start + portion]))
            return found

        texts = cast("list[bytes | None]", self._guard(read))
        if None in texts:
            raise KeyError(f"plan {plan} is not in partition {partition}")
        return tuple(from_dict(json.loads(text)) for text in texts if text is not None)

    def _read_definition(self, partition: int, plan: str) -> str:
        read = cast(
            "bytes | None", self._guard(lambda: self._client.hget(f"{prefix(partition)}plan:{plan}", "definition"))
        )
        return (read or b"").decode()

    def knows(self, runs: Sequence[str]) -> list[bool]:
        """For each run, whether the state store has it."""
        if not runs:
            return []

        def read() -> list[bool]:
            pipeline = self._client.pipeline(transaction=False)
            for run in runs:
                pipeline.exists(f"{prefix(self.partition(run))}run:{run}")
            return [bool(each) for each in pipeline.execute()]

        return cast("list[bool]", self._guard(read))

    def item(self, token: Token, index: int) -> Item:
        """What a dispatcher needs to publish task `index` of the token's run."""
        name = f"{prefix(self.partition(token.run))}run:{token.run}"
        plan = cast("bytes | None", self._guard(lambda: self._client.hget(name, "plan"))) or b""
        return Item(token.run, index, token.epoch, plan.decode())

    def now(self) -> int:
        """This moment by the state store's clock, in ms."""
        seconds, micros = cast("tuple[int, int]", self._guard(lambda: self._client.time()))
        return seconds * 1000 + micros // 1000

    def released(self, run: str, task: int, queue: str | None) -> "Released | None":
        """How long a queued task has waited for its claim, and when its message is sent again; None if it does not.

        `lua/redispatch.lua` decides; this reads what it looks at. `queue` is None for the default queue.
        """
        base, member, name = prefix(self.partition(run)), f"{run}:{task}", queue or ""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.zscore(f"{base}ready:{name}", member)
        pipeline.zrank(f"{base}ready:{name}", member)
        pipeline.hget(f"{base}run:{run}", f"{task}:copies")
        pipeline.hmget(f"{base}queues", [f"{kind}:{name}" for kind in ("passed", "claimed", "front")])
        pipeline.time()
        score, rank, copies, marks, (seconds, micros) = self._guard(pipeline.execute)
        if score is None:
            return None
        now, count, after = seconds * 1000 + micros // 1000, int(copies or 0), self.settings.redispatch_after * 1000
        passed, *idle = (float(mark or 0) for mark in marks)
        due: float | None = score + after * 2 ** min(count, 3)
        if score >= passed:
            due = max(due or 0, *(since + after for since in idle)) if rank < FRONT else None
        return Released(now - round(score), count, score < passed, None if due is None else max(0, round(due) - now))

    def trace(self, run: str) -> str:
        """The trace that a run belongs to: that of its caller, or of the run whose task has started it, or its own."""
        return self._trace(run)

    def _read_trace(self, run: str) -> str:
        name = f"{prefix(self.partition(run))}run:{run}"
        found, parent = self._guard(lambda: self._client.hmget(name, "trace", "parent"))
        if found:
            return str(found.decode())
        return self.trace(parent.decode().rpartition(":")[0]) if parent else trace_of(run, None)[0]

    def measure(self, positions: Mapping[int, str | None]) -> Measured:
        """What the store holds, for dashboards; `positions`: up to where each partition's events are projected."""
        lease = round(self.settings.lease * 1000)
        return cast("Measured", self._guard(lambda: measure(self._client, positions, lease)))

    def trail(self, run: str) -> trail.Found:
        """What was recorded of a run for its X-ray."""
        return cast("trail.Found", self._guard(lambda: trail.read(self._client, run, self.settings.partitions)))

    def waiting(self) -> dict[str, Waiting]:
        """The released tasks that no worker has claimed, by queue; "" is the default queue."""
        return cast("dict[str, Waiting]", self._guard(lambda: waiting(self._client, self.partitions)))

    # --- the event stream

    def newest_event(self, partition: int) -> str:
        """Stream id of the newest event; `0-0` if there is none."""
        found = self._guard(lambda: self._client.xrevrange(f"{prefix(partition)}events", count=1))
        return found[0][0].decode() if found else "0-0"

    def read_events(self, partition: int, after: str, count: int, block_ms: int) -> list[tuple[str, EventRecord]]:
        """Up to `count` events after stream id `after` ("0-0": all), waiting up to `block_ms` for the first."""
        name = f"{prefix(partition)}events"
        reply = self._guard(lambda: self._client.xread({name: after}, count=count, block=block_ms or None))
        if not reply:
            return []
        entries = reply[0][1] if isinstance(reply, list) else next(iter(reply.values()))[0]
        return [(entry.decode(), decode(fields)) for entry, fields in entries]

    def trim_events(self, partition: int, upto: str) -> None:
        """Drop the events before stream id `upto`, which the history has."""
        self._guard(lambda: self._client.xtrim(f"{prefix(partition)}events", minid=upto, approximate=True))

    def _guard(self, read: Any) -> Any:
        try:
            return self._wire.persist(read)
        except RedisError as error:
            raise unavailable(error) from error
