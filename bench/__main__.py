"""`make bench`: prints both sides and their ratio. Ratios are what counts: absolute figures move with the machine."""

import argparse
import gc
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.growth import measure
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="diamonds in a batch")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved batches per side")
    parser.add_argument("--singles", type=int, default=200, help="diamonds run alone, for the idle latency")
    parser.add_argument("--clients", type=int, default=4, help="HTTP clients of 'everything on'")
    parser.add_argument("--only", choices=["engine", "everything", "growth"], help="one measurement only")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    options = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="umbel-bench-"))
    report: dict = {"python": platform.python_version(), "cpus": os.cpu_count(), "load": os.getloadavg()}
    print(f"{report['cpus']} CPUs, Python {report['python']}, load {report['load'][0]:.1f}; the ratio is what counts")
    try:
        if options.only in (None, "engine", "growth"):
            with workers(data / "engine") as valkey:
                sides = Raw(valkey), EngineOnly(valkey)
                if options.only != "growth":
                    report["engine"] = compare(options, *sides)
                if options.only != "engine":
                    report["growth"] = growth(valkey, *sides)
        if options.only in (None, "everything"):
            report["everything"] = everything(options, data / "everything")
    finally:
        shutil.rmtree(data, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


class workers:
    """One Valkey with AOF on, one worker per side, same pool settings; gives the Valkey's URL."""

    def __init__(self, data: Path, umbel: bool = True) -> None:
        (port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{port}"
        parts = [valkey_part(data / "valkey", port), raw_worker(self.url)]
        if umbel:
            env = {"UMBEL_BROKER_URL": f"{self.url}/4", "UMBEL_STATE_URL": f"{self.url}/5", "UMBEL_HOME": str(PROJECT)}
            argv = (sys.executable, "-m", "umbel", "worker", *POOL)
            parts.append(Part("umbel", argv, env, ready=worker_beats(env["UMBEL_STATE_URL"]), after=("valkey",)))
        self._supervisor = Supervisor(parts, data / "logs", lambda line: None)

    def __enter__(self) -> str:
        self._supervisor.start()
        return self.url

    def __exit__(self, *_: object) -> None:
        gc.collect()  # Celery's results unsubscribe when they are collected, which needs the Valkey
        self._supervisor.stop()


def raw_worker(valkey: str) -> Part:
    env = {"RAW_BROKER": f"{valkey}/2", "RAW_BACKEND": f"{valkey}/3"}
    argv = (sys.executable, "-m", "celery", "-A", "bench.raw", "worker", *POOL)
    return Part("raw", argv, env, cwd=Path(__file__).parent.parent, after=("valkey",))


def everything(options: argparse.Namespace, data: Path) -> dict:
    stack = StackOptions(project=PROJECT, data=data / "stack", port=0, worker_args=POOL)
    with run_stack(stack, lambda line: None) as running:
        valkey = running.urls.state.rpartition("/")[0]
        raw_side = Supervisor([replace(raw_worker(valkey), after=())], data / "logs", lambda line: None)
        raw_side.start()
        try:
            database = Path(running.urls.database.removeprefix("sqlite:///"))
            return compare(options, Raw(valkey), Everything(running.urls.server, database, options.clients))
        finally:
            raw_side.stop()


def compare(options: argparse.Namespace, raw: Raw, other: EngineOnly | Everything) -> dict:
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
    return {"rates": rates, "alone_ms": singles, "ratio": statistics.median(ratios), "latency_ratio": latency}


def order(number: int, *sides):
    return sides if number % 2 == 0 else sides[::-1]


def percentile(values: list[float], p: int) -> float:
    return values[min(len(values) - 1, len(values) * p // 100)]


def growth(valkey: str, raw: Raw, umbel: EngineOnly) -> list[dict]:
    rows = measure(valkey, raw, umbel)
    print("\ncost by size            seconds   per task    bytes through Valkey   per task")
    for row in rows:
        tasks = row["size"] + (2 if row["shape"] == "group" else 0)
        each = row["seconds"] / tasks * 1000
        print(
            f"  {row['shape']:6} {row['size']:6} {row['side']:6} {row['seconds']:9.2f} {each:7.2f} ms"
            f" {row['bytes'] / 1e6:17.2f} MB {row['bytes'] / tasks / 1000:10.1f} kB"
        )
    return rows


if __name__ == "__main__":
    main()
