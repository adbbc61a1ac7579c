"""A Celery canvas as Python text, explained: never evaluated, and nothing in it is imported or called.

The text is read (`read`) into what Celery's constructors would make of it (`made`), then into what Celery's preparation
makes of that (`sent`), what is to be known about it (`hazards`), its plan, and the YAML that has the same plan.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from umbel.definition import Problem
from umbel.definition.problems import Report
from umbel.errors import DefinitionError
from umbel.plan import canvas
from umbel.plan.explain.as_yaml import as_yaml
from umbel.plan.explain.hazards import Hazard, Seen, hazards
from umbel.plan.explain.made import WORDS, Canvas
from umbel.plan.explain.read import read
from umbel.plan.explain.sent import sent, written
from umbel.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Change:
    """What Celery makes of a part by itself, and where the part stands."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Explained:
    """What a canvas is: its signature as JSON, its plan, its form when sent, what is to be known, the equal YAML.
    `depth` is how many signatures stand within each other."""

    signature: Mapping[str, Any]
    depth: int
    plan: Plan
    sent: str
    changes: tuple[Change, ...]
    hazards: tuple[Hazard, ...]
    yaml: str | None
    no_yaml: str
    """Why there is none."""


def explain(
    text: str, file: str = "canvas.py", tasks: Collection[str] | None = None
) -> tuple[Explained | None, tuple[Problem, ...]]:
    """What a canvas is, if it can be run, and all that is wrong with its text. Never raises, never evaluates.

    Args:
        file: what problems call it.
        tasks: the names of the tasks that there are; None: not known, then names are taken as they stand.
    """
    report = Report(file)
    reading = read(text, report, tasks)
    found = None
    if reading.canvas is not None:
        signature = reading.canvas.plain()
        try:
            plan = canvas.compile(canvas.name_of(signature), signature)
        except DefinitionError as error:
            report.add("canvas-form", None, str(error), error.hint)
        else:
            changes = dict.fromkeys(reading.notes)

            def note(word: str, part: Canvas) -> None:
                changes[(word, part.line, part.column)] = None

            form = sent(reading.canvas, note)
            seen = Seen(reading, reading.canvas, form)
            told = tuple(Change(WORDS[word], line, column) for word, line, column in changes)
            found = Explained(signature, reading.canvas.depth, plan, written(form), told, hazards(seen), *as_yaml(plan))
    return found, report.result()


__all__ = ["Change", "Explained", "Hazard", "explain"]
