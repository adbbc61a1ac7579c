"""`make bench`: prints both sides and their ratio. Ratios are what counts: absolute figures move with the machine."""

import argparse
import gc
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.definitions import definitions
from bench.growth import measure
from bench.projection import projection
from bench.scale import scale
from bench.sides import PROJECT, EngineOnly, Everything, Raw
from umbel.stack.options import StackOptions
from umbel.stack.ports import free_ports
from umbel.stack.probes import worker_beats
from umbel.stack.process import Part
from umbel.stack.run import run_stack
from umbel.stack.supervisor import Supervisor
from umbel.stack.valkey import valkey_part

POOL = (
    "-P",
    "prefork",
    "-c",
    "2",
    "--loglevel",
    "WARNING",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
)


PARTS = ("engine", "everything", "growth", "scale", "definitions", "projection")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="diamonds in a batch")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved batches per side")
    parser.add_argument("--singles", type=int, default=200, help="diamonds run alone, for the idle latency")
    parser.add_argument("--clients", type=int, default=4, help="HTTP clients of 'everything on'")
    parser.add_argument("--only", choices=PARTS, help="one measurement only")
    options = parser.parse_args()
    if options.only is None:
        print(f"{os.cpu_count()} CPUs, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}; {RATIO}")
        for part in PARTS:  # each in a process of its own: Celery's app keeps its first result backend
            subprocess.run([sys.executable, "-m", "bench", *sys.argv[1:], "--only", part], check=True)
        return
    if options.only == "definitions":
        definitions()
        return
    data = Path(tempfile.mkdtemp(prefix="umbel-bench-"))
    try:
        if options.only == "projection":
            projection(data)
            return
        if options.only == "everything":
            everything(options, data)
            return
        with workers(data) as valkey:
            if options.only == "scale":
                scale(valkey, EngineOnly(valkey))
                return
            sides = Raw(valkey), EngineOnly(valkey)
            if options.only == "engine":
                compare(options, *sides)
            else:
                growth(valkey, *sides)
    finally:
        shutil.rmtree(data, ignore_errors=True)


RATIO = "the ratio is what counts"


@contextmanager
def workers(data: Path) -> Iterator[str]:
    """One Valkey with AOF on, one worker per side, same pool settings; gives the Valkey's URL."""
    (port,) = free_ports(1)
    url = f"redis://127.0.0.1:{port}"
    env = {"UMBEL_BROKER_URL": f"{url}/4", "UMBEL_STATE_URL": f"{url}/5", "UMBEL_HOME": str(PROJECT)}
    argv = (sys.executable, "-m", "umbel", "worker", *POOL)
    umbel = Part("umbel", argv, env, ready=worker_beats(env["UMBEL_STATE_URL"]), after=("valkey",))
    supervisor = Supervisor([valkey_part(data / "valkey", port), raw_worker(url), umbel], data / "logs", quiet)
    supervisor.start()
    try:
        yield url
    finally:
        gc.collect()  # Celery's results unsubscribe when they are collected, which needs the Valkey
        supervisor.stop()


def quiet(line: str) -> None:
    """What the stack says is in its logs."""


def raw_worker(valkey: str) -> Part:
    env = {"RAW_BROKER": f"{valkey}/2", "RAW_BACKEND": f"{valkey}/3"}
    argv = (sys.executable, "-m", "celery", "-A", "bench.raw", "worker", *POOL)
    return Part("raw", argv, env, cwd=Path(__file__).parent.parent, after=("valkey",))


def everything(options: argparse.Namespace, data: Path) -> None:
    stack = StackOptions(project=PROJECT, data=data / "stack", port=0, worker_args=POOL)
    with run_stack(stack, quiet) as running:
        valkey = running.urls.state.rpartition("/")[0]
        raw_side = Supervisor([replace(raw_worker(valkey), after=())], data / "logs", quiet)
        raw_side.start()
        try:
            database = Path(running.urls.database.removeprefix("sqlite:///"))
            compare(options, Raw(valkey), Everything(running.urls.server, database, options.clients))
        finally:
            raw_side.stop()


def compare(options: argparse.Namespace, raw: Raw, other: EngineOnly | Everything) -> None:
    """Batches and single runs, alternating, the first side changing from round to round."""
    for side in (raw, other):
        side.batch(50)  # imports, connections, plans
    rates: dict[str, list[float]] = {raw.name: [], other.name: []}
    for number in range(options.rounds):
        for side in order(number, raw, other):
            rates[side.name].append(options.runs / side.batch(options.runs))
    singles: dict[str, list[float]] = {raw.name: [], other.name: []}
    for number in range(options.singles):
        for side in order(number, raw, other):
            singles[side.name].append(side.one() * 1000)
    print(f"\n{other.name} against {raw.name}: {options.rounds} batches of {options.runs}, {options.singles} alone")
    for side in (raw, other):
        alone = sorted(singles[side.name])
        print(
            f"  {side.name:22} {statistics.median(rates[side.name]):7.1f} runs/s "
            f"({min(rates[side.name]):.1f} to {max(rates[side.name]):.1f})   "
            f"alone p50 {percentile(alone, 50):5.1f} ms, p95 {percentile(alone, 95):5.1f} ms"
        )
    ratios = [mine / theirs for mine, theirs in zip(rates[other.name], rates[raw.name], strict=True)]
    latency = [percentile(sorted(singles[other.name]), p) / percentile(sorted(singles[raw.name]), p) for p in (50, 95)]
    print(
        f"  ratio                  {statistics.median(ratios):7.2f} times as many runs/s "
        f"({min(ratios):.2f} to {max(ratios):.2f}); latency p50 {latency[0]:.2f}, p95 {latency[1]:.2f} of raw"
    )


def order(number: int, *sides):
    return sides if number % 2 == 0 else sides[::-1]


def percentile(values: list[float], p: int) -> float:
    return values[min(len(values) - 1, len(values) * p // 100)]


def growth(valkey: str, raw: Raw, umbel: EngineOnly) -> None:
    print("\ncost by size            seconds   per task    bytes through Valkey   per task")
    for row in measure(valkey, raw, umbel):
        tasks = row["size"] + (2 if row["shape"] == "group" else 0)
        each = row["seconds"] / tasks * 1000
        print(
            f"  {row['shape']:6} {row['size']:6} {row['side']:6} {row['seconds']:9.2f} {each:7.2f} ms"
            f" {row['bytes'] / 1e6:17.2f} MB {row['bytes'] / tasks / 1000:10.1f} kB"
        )


if __name__ == "__main__":
    main()
