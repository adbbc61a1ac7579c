"""`umbel lint`: every mistake in a project's definitions, without a server."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from umbel.service.models import DefinitionCheck, DefinitionProblem
    from umbel.settings import Settings


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(lint)


def lint(
    place: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|DIR]", help="A definition file, or a project's folder; UMBEL_HOME if not given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what `check_definitions` of the API answers.")] = False,
) -> None:
    """Say everything that is wrong with definitions.

    Each mistake with file, line and column, the line itself, and a hint. Reads the schemas, and imports tasks/ to know
    the tasks' names. Needs no server; if UMBEL_URL is set, asks that one which queues its workers listen on. Exit 1 if
    there are errors, 0 if there are only warnings.
    """
    from umbel.cli.output import say_json
    from umbel.service.check import check_queues, read_project, told
    from umbel.settings import load_settings

    home = None if place is None else place if place.is_dir() else place.parent
    settings = load_settings(home=home)
    loaded, texts = read_project(place or settings.home, project_tasks(settings))
    loaded = check_queues(loaded, _queues(settings), settings.default_queue)
    found = told(loaded, texts, settings.default_queue)
    say_json(found) if as_json else _print(found, next(iter(texts), str(place or settings.home)))
    raise typer.Exit(0 if found.ok else 1)


def project_tasks(settings: "Settings") -> frozenset[str] | None:
    """The names of the project's tasks; None, and a note, if they cannot be imported here."""
    from umbel.celery.app import make_app
    from umbel.celery.project import load_tasks
    from umbel.errors import DefinitionError

    if not (settings.home / "tasks").is_dir():
        return None
    app = make_app(settings)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a module prints is no part of the answer
            load_tasks(settings.home)
    except DefinitionError as error:
        print(f"note: whether the tasks exist is not checked: {error}", file=sys.stderr)
        return None
    app.finalize()
    return frozenset(app.tasks)


def _queues(settings: "Settings") -> frozenset[str]:
    from umbel.client import Client
    from umbel.errors import UmbelError

    if "url" not in settings.model_fields_set:
        return frozenset()
    try:
        with Client(settings.url) as client:
            workers = client.list_workers().items
    except UmbelError as error:
        print(f"note: whether workers listen on the queues is not checked: {error}", file=sys.stderr)
        return frozenset()
    return frozenset(queue for worker in workers if worker.alive for queue in worker.queues)


def _print(found: "DefinitionCheck", file: str) -> None:
    from umbel.cli.output import say
    from umbel.cli.words import count

    print_problems(found.problems)
    total = count(len(found.definitions), "definition")
    if found.problems:
        say(f"\n{count(found.errors, 'error')}, {count(found.warnings, 'warning')}; {total} can be used")
    else:
        say(f"{file}: {total}, nothing is wrong")


def print_problems(problems: "Sequence[DefinitionProblem]") -> None:
    """Each problem with its place, its line and its hint."""
    from umbel.cli.output import say

    for problem in problems:
        say(_headline(problem))
        for line in problem.excerpt.splitlines():
            say(f"    {line}")
        if problem.hint:
            say(f"  hint: {problem.hint}")


def _headline(problem: "DefinitionProblem") -> str:
    where = f"{problem.file}:{problem.line}:{problem.column}" if problem.line else problem.file
    return f"{where}: {problem.severity}: {problem.message}"
