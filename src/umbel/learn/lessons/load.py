"""Reads the lessons of the package, and says everything that is wrong with them."""

from functools import cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError

from umbel.errors import LessonInvalid, LessonNotFound
from umbel.learn.lessons.model import Lesson, Machine, Prose, wrong_with
from umbel.learn.lessons.prose import claims_in, parse, values_in

FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "zh")


@cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons, in their order. Read once.

    Raises:
        LessonInvalid: a file has a mistake.
    """
    return read_folder(FOLDER)


def find(slug: str) -> Lesson:
    """A lesson by its slug, its number, or the slug without the number.

    Raises:
        LessonNotFound: there is none.
    """
    for lesson in lessons():
        if slug in (lesson.slug, str(lesson.number), lesson.slug[:2], lesson.slug[3:]):
            return lesson
    raise LessonNotFound(f"There is no lesson {slug[:80]!r}.")


def read_folder(folder: Path) -> tuple[Lesson, ...]:
    """The lessons of a folder.

    Raises:
        LessonInvalid: a file has a mistake; the message names the file and the place in it.
    """
    return tuple(_lesson(path) for path in sorted(folder.glob("[0-9][0-9]-*.yml")))


def _lesson(path: Path) -> Lesson:
    machine = _machine(path)
    prose = {}
    for language in LANGUAGES:
        text = path.parent / language / f"{path.stem}.md"
        if text.exists():
            file = f"{language}/{text.name}"
            prose[language] = parse(text.read_text(encoding="utf-8"), file)
            for mistake in _mistakes(machine, prose[language]):
                raise LessonInvalid(f"{file}: {mistake}")
    if "en" not in prose:
        raise LessonInvalid(f"{path.name} has no prose.", hint=f"Write en/{path.stem}.md.")
    return Lesson(path.stem, machine, prose)


def _machine(path: Path) -> Machine:
    try:
        machine = Machine.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise LessonInvalid(f"{path.name} is no YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise LessonInvalid(f"{path.name}: {where}: {first['msg']}") from error
    for where, cel in machine.expressions().items():
        if mistake := wrong_with(cel):
            raise LessonInvalid(f"{path.name}: {where}: {mistake}")
    for kind, them in (("values", machine.values), ("claims", machine.claims), ("checks", machine.checks)):
        for name, each in them.items():
            if each.step not in machine.steps:
                raise LessonInvalid(f"{path.name}: {kind}.{name}: there is no step {each.step}.")
    edits = [each.step for each in machine.checks.values() if each.kind == "edit"]
    if sorted(edits) != sorted(name for name, step in machine.steps.items() if step.edit):
        raise LessonInvalid(f"{path.name}: each step with `edit` needs one check of the kind `edit`, and the reverse.")
    for name, step in machine.steps.items():
        if bool(step.definition) == bool(step.scene) or (step.engine == "celery") != bool(step.scene):
            raise LessonInvalid(f"{path.name}: steps.{name}: engine celery needs a `scene`, others a `definition`.")
    return machine


def _mistakes(machine: Machine, prose: Prose) -> list[str]:
    """Where prose and machine part do not fit together."""
    found = []
    if machine.right not in prose.predict.options:
        found.append(f"`## Predict` has no option `{machine.right}`, which is the right one.")
    pairs = [
        ("step", [name for name in machine.steps if name not in machine.asked()], list(prose.steps)),
        ("check", list(machine.checks), list(prose.checks)),
        ("claim", sorted(machine.claims), sorted(set(claims_in(prose.happened)))),
        ("value", sorted(machine.values), sorted(set(values_in(prose.happened)))),
    ]
    for kind, ours, theirs in pairs:
        if ours != theirs:
            odd = sorted(set(ours) ^ set(theirs))
            found.append(f"its {kind}s and those of the .yml differ: {', '.join(odd) or 'in their order'}.")
    for name, check in machine.checks.items():
        section = prose.checks.get(name)
        if section and (check.kind == "choice") != bool(section.options):
            found.append(f"check {name}: options belong to the kind `choice`, and to no other.")
        if section and not section.advice:
            found.append(f"check {name}: it does not say what to try (`> …`).")
    return found
