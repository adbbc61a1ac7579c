"""What is run: definitions of all shapes, and for each what a run of it must come to, whatever happens meanwhile."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from shutil import copy
from typing import Any, Final

import yaml

STEP: Final = {"task": "chaos.step"}
WIDTH: Final = 50
ITEMS: Final = 20


def _after(*needs: str, task: str = "chaos.step", **more: Any) -> dict[str, Any]:
    return {"task": task, "needs": list(needs), **more}


DEFINITIONS: Final[dict[str, Any]] = {
    "chaos.CHAIN": {"tasks": ["chaos.step"] * 6},
    "chaos.DIAMOND": {"tasks": {"a": STEP, "b": _after("a"), "c": _after("a"), "d": _after("b", "c")}},
    "chaos.FAN": {
        "tasks": {
            "a": STEP,
            "many": {"type": "group", "tasks": ["chaos.step"] * WIDTH, "needs": ["a"]},
            "join": _after("many"),
        }
    },
    "chaos.MAP": {
        "tasks": {
            "rows": {"task": "chaos.rows"},
            "part": _after("rows", map="${tasks.rows.result}", max_parallel=8, **{"with": {"seed": "${payload.seed}"}}),
            "join": _after("part"),
        }
    },
    "chaos.RETRY": {
        "tasks": {
            "a": {"task": "chaos.again"},
            "b": _after(
                "a",
                task="chaos.flawed",
                retry={"max_attempts": 3, "backoff": "constant", "initial": "500ms", "on": ["Flaw"]},
            ),
            "c": _after("b"),
        }
    },
    "chaos.SUB": {
        "tasks": {
            "a": STEP,
            "sub": {
                "workflow": "chaos.DIAMOND",
                "needs": "a",
                "payload": {"seed": "${payload.seed}", "slow": "${payload.slow}"},
            },
            "z": _after("sub"),
        }
    },
    "chaos.BRANCH": {
        "tasks": {
            "a": STEP,
            "even": _after("a", when="payload.n % 2 == 0"),
            "odd": _after("a", when="payload.n % 2 == 1"),
            "picky": _after("a", task="chaos.picky"),
            "never": _after("picky"),
            "clean": _after("picky", "even", run_if="all_done"),
        }
    },
    "chaos.CANCEL": {"tasks": {"a": STEP, **{f"b{i}": _after("a") for i in range(12)}, "z": _after("b0", "b1")}},
}

TASKS: Final = {
    "chaos.CHAIN": 6,
    "chaos.DIAMOND": 4,
    "chaos.FAN": WIDTH + 2,
    "chaos.MAP": ITEMS + 3,
    "chaos.RETRY": 3,
    "chaos.SUB": 7,
    "chaos.BRANCH": 6,
    "chaos.CANCEL": 14,
}
"""Tasks of one run of each, with the items of its map and the run that it starts."""

_WEIGHTS: Final = {
    "chaos.CHAIN": 5,
    "chaos.DIAMOND": 5,
    "chaos.FAN": 2,
    "chaos.MAP": 2,
    "chaos.RETRY": 3,
    "chaos.SUB": 3,
    "chaos.BRANCH": 4,
    "chaos.CANCEL": 3,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run to ask for. `cancel`: seconds after its acceptance at which the client cancels it."""

    key: str
    definition: str
    payload: dict[str, Any]
    cancel: float | None = None


def wanted(chance: Random, number: int, *, slow: float, only: str | None = None) -> Wanted:
    """The next run of a workload. `slow`: which part of the bodies takes one to two seconds."""
    name = only or chance.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))[0]
    payload = {"seed": chance.randrange(10**9), "n": chance.randrange(6), "slow": slow}
    cancel = None
    if name == "chaos.CANCEL":
        payload["slow"], cancel = 0.5, chance.uniform(0.0, 2.0)
    return Wanted(f"run-{number}", name, payload, cancel)


def expected(definition: str, payload: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """How a run that nobody cancels ends, and how the tasks that do not end well do."""
    if definition != "chaos.BRANCH":
        return "success", {}
    ends = {"odd" if payload["n"] % 2 == 0 else "even": "skipped"}
    if payload["n"] % 3:
        return "success", ends
    return "error", {**ends, "picky": "error", "never": "upstream_failed"}


def make_project(folder: Path) -> Path:
    """A project with these definitions and the tasks of bodies/."""
    (folder / "tasks").mkdir(parents=True)
    (folder / "workflows.yml").write_text(yaml.dump(DEFINITIONS, sort_keys=False, Dumper=_Plain))
    copy(Path(__file__).parent / "bodies" / "chaos.py", folder / "tasks")
    return folder


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True
