"""Every Redis key of the engine: its kind, what it holds, and who removes it (U-12).

A key is `umbel:{<partition>}:<kind>` or `umbel:{<partition>}:<kind>:<id>`. The braces make it a hash tag, so
that all keys of a partition, and so all keys of a run, live in one slot of a Redis Cluster.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from umbel.plan.model import Plan, as_dict

CHUNK: Final = 100
"""Dependents in one field of a plan. `include/run.lua` works in the same portions (a test compares the two)."""

MAX_FIELDS: Final = 500
"""Fields of a plan written in one call: no script touches more."""


MAX_ENDS: Final = 500
"""Last tasks of a run whose results are handed to the task that started it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of key: Redis type, what stands in it, and why it does not stay for ever."""

    name: str
    type: str
    holds: str
    ends: str


KINDS: Final = (
    Kind(
        "run",
        "hash",
        "state of a run and, as <index>:<name>, of its tasks",
        "TTL from forget, once SQL has it",
    ),
    Kind("results", "hash", "JSON result of each finished task of a run, by index", "TTL from forget"),
    Kind(
        "work",
        "list",
        "releases that did not fit one call: <index>:<chunk>:<good>",
        "emptied by advance; cancel, forget",
    ),
    Kind(
        "plan",
        "hash",
        "a plan as the scripts read it, and how many live runs use it",
        "TTL while no run uses it",
    ),
    Kind(
        "ready",
        "zset",
        "tasks waiting for a worker, by queue; score: when released, ms",
        "a member goes with its claim",
    ),
    Kind("queues", "hash", "per queue: how far claims have come, and when", "one per partition"),
    Kind(
        "timers",
        "zset",
        "tasks that wait for a moment: a retry, a countdown, a decision's end, news of a run; score: due, ms",
        "a member goes with promote",
    ),
    Kind("deadlines", "zset", "runs that must have ended by then; score: ms", "a member goes with promote"),
    Kind("items", "hash", "the items of a run's map tasks as JSON: <index>:<place>", "TTL from forget"),
    Kind(
        "parked",
        "zset",
        "tasks of a paused run whose message came in vain; score: when, ms",
        "emptied by advance after resume",
    ),
    Kind(
        "subs",
        "zset",
        "runs that a run has started and that are under way; score: since when, ms",
        "a member goes with its run's end",
    ),
    Kind("leases", "zset", "running attempts; score: when the lease ends, ms", "a member goes with the outcome"),
    Kind("held", "hash", "per worker, what it runs: pid:epoch:attempt", "a field goes with the outcome; sweep"),
    Kind("workers", "zset", "workers; score: when the lease ends, ms", "a member goes with sweep"),
    Kind("worker", "hash", "what a worker said of itself", "TTL renewed by beat; sweep"),
    Kind("cursors", "zset", "runs with work left; score: since when, ms", "a member goes with advance"),
    Kind("events", "stream", "every state change, in order", "trimmed below the position that SQL has"),
    Kind("trace", "stream", "what was recorded of a run for its X-ray, as JSON", "TTL of a day; the newest runs only"),
    Kind(
        "traces",
        "zset",
        "runs that have a trace; score: when it began, ms",
        "TTL of a day; a member goes with its trace",
    ),
    Kind("confirmed", "string", "run_id of the Redis that was last compared with the history", "one, in partition 0"),
    Kind("room", "string", "nothing: written to see whether the store is full", "TTL of a second"),
    Kind("clock", "string", "a frozen time in ms", "set by tests only"),
)


def prefix(partition: int) -> str:
    """What all keys of a partition begin with."""
    return f"umbel:{{{partition}}}:"


def partition_of(run_id: str, partitions: int) -> int:
    """Where a run lives: the same for the same id on every machine."""
    return zlib.crc32(run_id.encode()) % partitions


def plan_fields(plan: Plan) -> Iterator[dict[str, str]]:
    """The fields of a plan's hash, in portions of at most `MAX_FIELDS`.

    `<i>` the node as JSON for workers, `<i>:needs` how many it waits for (a root: the start), `<i>:in` which,
    `<i>:queue`, and `<i>:out:<chunk>` who waits for it; index -1 is the start of the run, for which the roots wait.
    `<i>:run_if` if it is not all_ok, `<i>:delay` and `<i>:at` (ms) if it is not due at once, `<i>:quiet` if its failure
    is its own. `tasks` is how many count for the run's end; the hooks stand behind them, as `hook:success` and
    `hook:failure`; `nodes` is the number of both. `deadline` (ms), `native` (Celery's canvas releases), `subs` (plans
    of the runs that it may start), `definition` (its name), `ends` (the tasks whose results are those of the run).
    """
    fields: dict[str, str] = {"definition": plan.definition, "tasks": str(plan.tasks), "nodes": str(len(plan.nodes))}
    if plan.deadline is not None:
        fields["deadline"] = str(round(plan.deadline * 1000))
    if plan.engine == "canvas":
        fields["native"] = "1"
    if plan.subs:
        fields["subs"] = ",".join(plan.subs)
    if len(plan.ends) <= MAX_ENDS:
        fields["ends"] = ",".join(map(str, plan.ends))

    def chunks(index: int, dependents: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        for number, start in enumerate(range(0, len(dependents), CHUNK)):
            yield f"{index}:out:{number}", ",".join(map(str, dependents[start : start + CHUNK]))

    def pairs() -> Iterator[tuple[str, str]]:
        yield from chunks(-1, plan.roots)
        for node in plan.nodes:
            if node.hook:
                yield f"hook:{node.hook}", f"{node.index}"
            about = as_dict(node)
            del about["needs"]  # a wide join would make its node as long as the run
            yield f"{node.index}", json.dumps(about, separators=(",", ":"))
            yield f"{node.index}:needs", str(len(node.needs) or 1)
            if node.needs:
                yield f"{node.index}:in", ",".join(map(str, node.needs))
            if node.queue:
                yield f"{node.index}:queue", node.queue
            if node.run_if != "all_ok":
                yield f"{node.index}:run_if", node.run_if
            if node.countdown:
                yield f"{node.index}:delay", str(round(node.countdown * 1000))
            if node.at is not None:
                yield f"{node.index}:at", str(node.at)
            if node.quiet:
                yield f"{node.index}:quiet", "1"
            yield from chunks(node.index, plan.dependents[node.index])

    for name, value in pairs():
        fields[name] = value
        if len(fields) >= MAX_FIELDS:
            yield fields
            fields = {}
    yield fields
