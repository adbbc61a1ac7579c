"""How the cost grows with the size of a run: seconds, and bytes through the store, by shape and size."""

import time

import redis
from celery import chain, group

from bench import raw
from bench.sides import EngineOnly, Raw
from umbel.plan.model import Node, Plan

SHAPES = {"chain": (10, 100, 1000), "group": (10, 100, 1000, 10_000)}
RAW_LIMIT = {"chain": 1000, "group": 1000}  # canvas beyond this takes minutes or a lot of memory


def plan_of(shape: str, size: int) -> Plan:
    """A chain of `size` tasks, or one task, `size` side by side, and one that joins them."""
    if shape == "chain":
        return Plan("bench.CHAIN", tuple(Node(i, f"A{i}", "A", (i - 1,) if i else ()) for i in range(size)))
    members = tuple(Node(i, f"B{i}", "B", (0,)) for i in range(1, size + 1))
    return Plan("bench.GROUP", (Node(0, "A", "A"), *members, Node(size + 1, "D", "D", tuple(range(1, size + 1)))))


def canvas_of(shape: str, size: int):
    """The same by Celery."""
    if shape == "chain":
        return chain(*(raw.a.s() for _ in range(size)))
    return chain(raw.a.s(), group(raw.b.s() for _ in range(size)), raw.d.s())


def measure(valkey: str, raw_side: Raw, umbel_side: EngineOnly) -> list[dict]:
    """One row per shape and size and side."""
    server = redis.Redis.from_url(f"{valkey}/0")

    def traffic() -> int:
        info = server.info("stats")
        return int(info["total_net_input_bytes"]) + int(info["total_net_output_bytes"])

    def timed(run) -> tuple[float, int]:
        before, started = traffic(), time.perf_counter()
        run()
        return time.perf_counter() - started, traffic() - before

    rows = []
    for shape, sizes in SHAPES.items():
        for size in sizes:
            plan = plan_of(shape, size)

            def by_umbel(plan=plan) -> None:
                umbel_side.submit(plan)
                umbel_side.wait(1)

            seconds, sent = timed(by_umbel)
            rows.append({"shape": shape, "size": size, "side": "Umbel", "seconds": seconds, "bytes": sent})
            if size <= RAW_LIMIT[shape]:
                canvas = canvas_of(shape, size)
                seconds, sent = timed(lambda canvas=canvas: raw_side.wait([canvas.apply_async().id]))
                rows.append({"shape": shape, "size": size, "side": "raw", "seconds": seconds, "bytes": sent})
    return rows
