"""The long form: `python -m tests.sim --seeds 20000 --from 0 --report sim.jsonl`.

The report gets one JSON line for each block of seeds; a call with the same report goes on behind the last block, so
that a long series can be played in slices. `--seed N` plays one, and prints what happened; `--plants` hunts every
planted bug.
"""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

from tests.sim.planted import PLANTS, hunt
from tests.sim.simulation import simulate

BLOCK = 100


def main() -> int:
    """The exit status: how many seeds have failed, or bugs were not found; at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    parser.add_argument("--report", type=Path, help="a file of JSON lines to go on with")
    parser.add_argument("--once", action="store_true", help="do not play each seed twice")
    parser.add_argument("--seed", type=int, help="only this one, with all that happened")
    parser.add_argument("--plants", action="store_true", help="plant each bug and hunt it")
    asked = parser.parse_args()
    if asked.seed is not None:
        result = simulate(asked.seed)
        print("\n".join(result.trace))
        print(result.problem or f"seed {asked.seed}: nothing is wrong")
        return int(bool(result.problem))
    if asked.plants:
        return _hunt_all()
    done = _done(asked.report)
    failed = 0
    for first in range(asked.first, asked.first + asked.seeds, BLOCK):
        block = [seed for seed in range(first, min(first + BLOCK, asked.first + asked.seeds)) if seed not in done]
        if block:
            failed += _play(block, asked.report, once=asked.once)
    print(f"{failed} of {asked.seeds} seeds failed")
    return int(failed > 0)


def _done(report: Path | None) -> set[int]:
    if report is None or not report.exists():
        return set()
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    return {seed for line in lines for seed in range(line["first"], line["last"] + 1)}


def _play(block: list[int], report: Path | None, *, once: bool) -> int:
    began = time.monotonic()
    counts: Counter[str] = Counter()
    failed: dict[int, str] = {}
    calm = 0
    for seed in block:
        result = simulate(seed)
        problem = result.problem
        if not once and not problem and simulate(seed).trace != result.trace:
            problem = "two plays of the seed differ"
        counts += result.counts
        calm = max(calm, result.calm)
        if problem:
            failed[seed] = problem
            print(f"seed {seed}: {problem}\n  python -m tests.sim --seed {seed}", flush=True)
    line = {
        "kind": "simulation",
        "first": block[0],
        "last": block[-1],
        "failed": failed,
        "seconds": round(time.monotonic() - began, 1),
        "longest_calm_ms": calm,
        "counts": dict(sorted(counts.items())),
    }
    if report is not None:
        with report.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    print(f"seeds {block[0]} to {block[-1]}: {len(failed)} failed, {line['seconds']} s", flush=True)
    return len(failed)


def _hunt_all() -> int:
    missed = 0
    for name in PLANTS:
        found = hunt(name)
        missed += found is None
        print(f"{name}: " + (f"found by seed {found[0]}: {found[1][:150]}" if found else "NOT FOUND"), flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
