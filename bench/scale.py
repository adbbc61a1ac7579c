"""How a map and a chain grow: seconds, bytes and the slowest script call by Valkey's own clock, by size.

The promise is that the cost for each task does not grow, and that no call of a script takes 50 ms or more.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import redis

from bench.sides import EngineOnly
from umbel.definition import parse
from umbel.engine.scripts import load
from umbel.machine import Verb
from umbel.plan import build_all
from umbel.plan.model import Plan

SIZES = {"chain": (100, 1000), "map": (1000, 10_000), "map, Director's": (1000, 10_000)}
MOST_MS = 50.0

_MAP = 'bench.MAP: {tasks: {all: {task: B, map: "${payload.items}"%s}, end: {task: D, needs: all}}}'


def plan_of(shape: str, size: int) -> Plan:
    """A chain of tasks that are given the result before them, or a task for each item of the payload's list.

    In the first map, tasks are called with their item alone; in the second as celery-director calls them, with the
    whole payload.
    """
    if shape == "chain":
        tasks = {f"k{n}": {"task": "A", "with": {"x": "${payload.n}"}} for n in range(size)}
        for n in range(1, size):
            tasks[f"k{n}"] |= {"needs": f"k{n - 1}", "with": {"x": f"${{tasks.k{n - 1}.result}}"}}
        text = json.dumps({"bench.CHAIN": {"tasks": tasks}})
    else:
        text = _MAP % (', with: {x: "${item}"}' if shape == "map" else "")
    plans, catalog = build_all(parse(text))
    if catalog.problems:
        raise RuntimeError(str(catalog.problems[0]))
    return next(iter(plans.values()))


def measure(valkey: str, umbel: EngineOnly) -> Iterator[dict[str, Any]]:
    """One row per shape and size."""
    umbel.batch(50)  # imports, connections, plans
    server: Any = redis.Redis.from_url(f"{valkey}/0")
    verbs = {load(verb).sha.encode(): str(verb) for verb in Verb}
    server.config_set("slowlog-log-slower-than", 1000)
    server.config_set("slowlog-max-len", 100_000)
    for shape, sizes in SIZES.items():
        for size in sizes:
            plan = plan_of(shape, size)
            server.slowlog_reset()
            before, started = _traffic(server), time.perf_counter()
            umbel.submit(plan, {"n": 1, "items": list(range(size)) if "map" in shape else []})
            umbel.wait(1)
            seconds, sent = time.perf_counter() - started, _traffic(server) - before
            calls = [(call["duration"] / 1000, call["command"].split()) for call in server.slowlog_get(100_000)]
            slow = [(took, verbs.get(words[1], "?")) for took, words in calls if words[0].upper() == b"EVALSHA"]
            slowest, verb = max(slow, default=(1.0, "none"))  # what takes less is not in the log
            yield {
                "shape": shape,
                "size": size,
                "seconds": seconds,
                "bytes": sent,
                "slowest": slowest,
                "verb": verb,
                "above": sum(took >= 10 for took, _ in slow),
            }


def _traffic(server: Any) -> int:
    info = server.info("stats")
    return int(info["total_net_input_bytes"]) + int(info["total_net_output_bytes"])


def scale(valkey: str, umbel: EngineOnly) -> None:
    """Prints a line for each size, and how much dearer a task is in the larger run than in the smaller."""
    print(
        "\nby size                    seconds   per task  bytes per task  slowest script call, and how many take 10 ms"
    )
    smaller: dict[str, Any] = {}
    for row in measure(valkey, umbel):
        each, sent = row["seconds"] / row["size"] * 1000, row["bytes"] / row["size"] / 1000
        note = "  BEYOND" if row["slowest"] >= MOST_MS else ""
        if smaller.get("shape") == row["shape"]:
            times = each / (smaller["seconds"] / smaller["size"] * 1000)
            note = f"   a task costs {times:.2f} times as much as in the smaller run{note}"
        print(
            f"  {row['shape']:16} {row['size']:6} {row['seconds']:9.2f} {each:7.2f} ms {sent:12.1f} kB"
            f" {row['slowest']:8.1f} ms {row['verb']:9}{row['above']:3}{note}"
        )
        smaller = row
