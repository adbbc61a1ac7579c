"""The report: one line of JSON for each slice, and what they add up to."""

import json
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos.harness.trial import EVERY, FORBIDDEN, Parts, Result


def commit() -> str:
    """Which state of the repository this is; `+` if files have been changed since."""
    try:
        told = [
            subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "-uno"))
        ]
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return told[0] + ("+" if told[1] else "")


def append(path: Path, result: Result, at: str) -> None:
    """One more line; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"at": at, "commit": commit(), "machine": f"{platform.machine()} Python {platform.python_version()}"}
    with path.open("a") as file:
        file.write(json.dumps({**about, **result.record()}) + "\n")


def append_failed(path: Path, seed: int, parts: Parts, why: str, at: str) -> None:
    """A slice that did not come to its end is told of, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"at": at, "commit": commit(), "seed": seed, "colour": "failed", "invalid": [], "problems": [why]}
    with path.open("a") as file:
        file.write(json.dumps({**told, "parts": asdict(parts), "words": {}, "faults": {}, "seconds": 0}) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Every slice so far."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def _point(values: list[float], part: float) -> float:
    """A quantile of sorted values: the nearest rank."""
    return values[min(len(values) - 1, int(part * len(values)))]


def quantiles(values: Iterable[float]) -> str:
    """p50, p99 and the longest, in seconds."""
    ordered = sorted(values)
    if not ordered:
        return "none"
    return (
        f"p50 {_point(ordered, 0.5):.1f} s, p99 {_point(ordered, 0.99):.1f} s, longest {ordered[-1]:.1f} s"
        f" ({len(ordered)} times)"
    )


def summary(slices: list[dict[str, Any]]) -> str:
    """What ran, with which seeds and which commit, and what came of it."""
    if not slices:
        return "no slices yet"
    words: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    kills: Counter[str] = Counter()
    for each in slices:
        words.update(each["words"])
        faults.update(each["faults"])
        kills.update(each.get("kills", {}))
    colours = Counter(each["colour"] for each in slices)
    lines = [
        f"slices      {len(slices)}: " + ", ".join(f"{count} {colour}" for colour, count in sorted(colours.items())),
        f"seeds       {', '.join(str(each['seed']) for each in slices)}",
        f"commits     {', '.join(dict.fromkeys(each['commit'] for each in slices))}",
        f"time        {sum(each['seconds'] for each in slices) / 60:.0f} minutes",
        f"parts       {_parts(slices)}",
        f"runs        {words['attempt']} asked for, {words['acknowledged']} accepted, {words['runs']} with those that"
        f" they started, {words['ok']} ended as they must; {words['repeated']} requests repeated",
        f"tasks       {words['tasks']}; {words['bodies']} bodies, {words['re-runs']} again; {words['losses']} losses, "
        f"{words['poisoned']} runs failed by a task that was hit three times",
        f"faults      {sum(faults.values())}: {_listed(faults)}",
        f"kills       {kills['landed']} of {kills['done']} hit a running task",
        f"recovery    {quantiles(took for each in slices for took in each.get('recovery', ()))}",
        f"  given free {quantiles(took for each in slices for took in each.get('released', ()))}",
        f"  alone     {quantiles(took for each in slices for took in each.get('alone', ()))}",
        f"zombies     {words['refused zombies']} refused, {words['accepted']} accepted",
        "forbidden   " + ", ".join(f"{word} {words[word]}" for word in FORBIDDEN),
    ]
    wanted = {name for each in slices for name in each.get("kinds") or EVERY}
    few = [f"{name} {faults[name]}" for name in EVERY if name in wanted and faults[name] < 3]
    if few:
        lines.append(f"INVALID as a whole, since done fewer than 3 times: {', '.join(few)}")
    for each in slices:
        if each["colour"] != "green":
            lines.append(
                f"\nseed {each['seed']} is {each['colour']}: {'; '.join([*each['invalid'], *each['problems']])}"
            )
            lines.append(f"  again: {repro(each['seed'], each.get('kinds', ()))}")
    return "\n".join(lines)


def repro(seed: int, kinds: Sequence[str] = ()) -> str:
    """How to run a slice again."""
    only = f" --only {' '.join(kinds)}" if kinds else ""
    return f"make chaos ARGS='--slice {seed}{only}'"


def _parts(slices: list[dict[str, Any]]) -> str:
    found = (each["parts"] for each in slices)
    return _listed(Counter(f"{parts['aof']}/{parts['sql']}/{parts['broker']}" for parts in found))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
