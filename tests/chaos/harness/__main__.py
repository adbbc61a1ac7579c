"""The long form of the chaos programme: slices of some minutes with consecutive seeds, each a line in a report.

`--minutes 20 --seed 7` runs slices from seed 7 on, and goes on behind the last seed of the report if there is no
`--seed`. `--slice N` runs one again. `--only kill-child kill-worker` does no other faults. `--report` adds up.
`--planted` lets it find known mistakes.
"""

import argparse
import datetime
import signal
import sys
import time
from pathlib import Path

from tests.chaos.harness import plants, report, trial
from tests.chaos.harness.trial import Plan, Result
from umbel.errors import UmbelError

REPORT = Path(".chaos") / "report.jsonl"


def main(arguments: list[str] | None = None) -> int:
    """0 if everything was green."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.harness", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long new slices are begun")
    parser.add_argument("--seed", type=int, help="of the first slice; the one behind the report's last if not given")
    parser.add_argument("--seconds", type=float, default=150, help="of faults in one slice")
    parser.add_argument("--only", nargs="+", default=[], choices=trial.EVERY, metavar="FAULT", help="no other faults")
    parser.add_argument("--slice", type=int, metavar="SEED", help="only the slice of this seed")
    parser.add_argument("--bounded", type=int, metavar="SEED", help="only the short form that `make test` has")
    parser.add_argument(
        "--planted", nargs="*", metavar="NAME", help="find known mistakes, all or these; --seed as above"
    )
    parser.add_argument("--report", action="store_true", help="only add up what has run")
    parser.add_argument("--file", type=Path, default=REPORT, help="the report")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if asked.report:
        print(report.summary(report.read(asked.file)))
        return 0
    if asked.planted is not None:
        return _planted(asked.planted, asked.seed or 1, asked.file.parent)
    if asked.bounded is not None:
        return _one(trial.bounded(asked.bounded), asked.file) != "green"
    if asked.slice is not None:
        return _one(trial.long(asked.slice, asked.seconds, tuple(asked.only)), asked.file) != "green"
    seed = asked.seed
    if seed is None:
        seed = max((each["seed"] for each in report.read(asked.file)), default=0) + 1
    until, colours = time.monotonic() + asked.minutes * 60, []
    while time.monotonic() < until:
        colours.append(_one(trial.long(seed, asked.seconds, tuple(asked.only)), asked.file))
        seed += 1
    print(f"\n{report.summary(report.read(asked.file))}")
    return any(colour != "green" for colour in colours)


def _one(plan: Plan, file: Path) -> str:
    """Run a slice, say what came of it, note it; its colour."""
    at = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")
    parts = plan.parts
    print(f"\nseed {plan.seed}: {parts.aof}, {parts.sql}, {parts.broker}, {parts.servers} servers, {parts.workers}")
    keep = file.parent / f"seed-{plan.seed}"
    try:
        result = trial.run(plan, _say, keep)
    except (AssertionError, UmbelError) as error:
        report.append_failed(file, plan.seed, plan.parts, str(error), at)
        print(f"seed {plan.seed} did not come to its end: {error}")
        print(f"  again: {report.repro(plan.seed, plan.kinds)}; kept in {keep}")
        return "failed"
    report.append(file, result, at)
    _tell(result, keep)
    return result.colour


def _tell(result: Result, keep: Path) -> None:
    words = result.verdict.words
    told = f"{words['ok']} runs, {words['tasks']} tasks, {words['refused zombies']} zombies refused"
    print(f"seed {result.plan.seed} is {result.colour}: {told}, recovery {report.quantiles(result.verdict.recovery)}")
    for problem in [*result.invalid, *result.verdict.problems]:
        print(f"  {problem}")
    if result.colour != "green":
        print(f"  again: {report.repro(result.plan.seed, result.plan.kinds)}; kept in {keep}")


def _planted(names: list[str], seed: int, folder: Path) -> int:
    missed = 0
    for plant in plants.PLANTS:
        if names and plant.name not in names:
            continue
        since = time.monotonic()
        try:
            words = trial.run(plant.plan(seed), lambda line: None, folder / plant.name, always=True).verdict.words
            caught = [f"{word} {words[word]}" for word in trial.FORBIDDEN if words[word]]
        except (AssertionError, UmbelError) as error:
            caught = [f"the world did not live: {error}"]
        missed += not caught
        print(f"{plant.name:18}{'caught' if caught else 'MISSED':8}{time.monotonic() - since:5.0f} s  "
              f"{plant.what}: {', '.join(caught) or 'nothing'}", flush=True)  # fmt: skip
    return missed


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
