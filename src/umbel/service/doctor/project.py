"""The project's files: whether they load, and which plans they give."""

from collections.abc import Mapping

from umbel.celery.app import make_app
from umbel.celery.project import load_tasks
from umbel.definition import Definition
from umbel.definition.marked import marks
from umbel.errors import DefinitionError
from umbel.plan.model import STEP_TASK
from umbel.service.catalog import Loaded
from umbel.service.check import read_project
from umbel.service.doctor.examine import Told, danger, warning
from umbel.service.models.health import Finding
from umbel.settings import Settings


def sealed(definitions: Mapping[str, Definition]) -> list[str]:
    """Those that mark parts of their payload as secret, by name."""
    return sorted(name for name, each in definitions.items() if each.schema is not None and marks(each.schema))


def load(settings: Settings) -> tuple[Told, Loaded]:
    """Import the tasks, read the definitions; what is wrong, and what is right."""
    findings: list[Finding] = []
    tasks: frozenset[str] | None = None
    if (settings.home / "tasks").is_dir():
        try:
            load_tasks(settings.home)
            app = make_app(settings)
            app.finalize()
            tasks = frozenset(app.tasks) | {STEP_TASK}
        except DefinitionError as error:
            findings.append(
                danger("project-tasks", str(error), "A worker of this project does not start.", error.hint or "See it.")
            )
    loaded, _ = read_project(settings.home, tasks)
    problems = loaded.catalog.problems
    errors = [each for each in problems if each.severity == "error"]
    if errors:
        findings.append(
            danger(
                "project-definitions",
                f"mistakes in definitions: {len(errors)}; the first: {errors[0]}",
                "A definition with a mistake cannot be started.",
                "umbel lint",
                "docs/reference/problems.md",
            )
        )
    elif problems:
        findings.append(
            warning(
                "project-warnings",
                f"warnings about definitions: {len(problems)}; the first: {problems[0]}",
                "They can be started, but may not do what is meant.",
                "umbel lint",
                "docs/reference/problems.md",
            )
        )
    return Told(f"{len(loaded.plans)} definitions in {settings.home}", tuple(findings)), loaded
