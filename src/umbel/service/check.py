"""Everything that is wrong with definitions, before anybody uses them: `umbel lint` and `check_definitions`."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from umbel.definition import HOOKS, Definition, Problem, parse
from umbel.definition.editor import editor_schema as schema_of_files
from umbel.definition.excerpt import PYTHON, end_of, excerpt, lines_of
from umbel.definition.load import find_file, load_file
from umbel.definition.problems import Report, shorten
from umbel.errors import BadRequest, UmbelError
from umbel.plan.model import Plan
from umbel.plan.picture import Format, draw
from umbel.secrets import hide
from umbel.service.catalog import Loaded, with_canvases, without_canvases
from umbel.service.models import CheckedDefinition, DefinitionCheck, DefinitionProblem, EditorSchema, TaskDefinition
from umbel.service.operations import CheckDefinitions
from umbel.service.umbel import Umbel
from umbel.service.workers import list_workers

MAX_DRAWN: Final = 200
"""Definitions that are drawn in one answer."""


def check_definitions(umbel: Umbel, asked: CheckDefinitions) -> DefinitionCheck:
    """What is right and wrong with a text, seen from this server: its schemas, its tasks, its workers' queues.

    Raises:
        BadRequest: more pictures are asked for than an answer holds.
    """
    settings = umbel.settings
    loaded = read_text(umbel, asked.text, asked.file)
    try:
        heard = listened(umbel)
    except UmbelError:  # the state store does not answer: that is no mistake of the author
        heard = frozenset()
    loaded = check_queues(loaded, heard, settings.default_queue)
    return told(loaded, {asked.file: asked.text}, settings.default_queue, asked.graph)


def read_text(umbel: Umbel, text: str, file: str = "workflows.yml") -> Loaded:
    """The definitions of a text, with their plans, seen from this server; what is wrong with it is among them."""
    known = umbel.definitions
    catalog = with_canvases(parse(text, file=file, home=known.home), known.canvases)
    return without_canvases(Loaded.of(catalog, known.tasks, signs=known.signs))


def editor_schema() -> EditorSchema:
    """The JSON Schema of definition files."""
    return EditorSchema.model_validate(schema_of_files())


def read_project(place: Path, tasks: Collection[str] | None) -> tuple[Loaded, dict[str, str]]:
    """The definitions of a project's folder, or of one file, with their text by the name that problems give.

    Those that the project's tasks make with `umbel.define` are among them, if the tasks are imported.

    Raises nothing: a missing or unreadable file is a problem.
    """
    path = find_file(place) if place.is_dir() else place
    loaded = Loaded.of(with_canvases(load_file(path, path.parent, str(path))), tasks)
    try:
        return loaded, {str(path): path.read_text(encoding="utf-8", errors="replace")}
    except OSError:
        return loaded, {}


def listened(umbel: Umbel) -> frozenset[str]:
    """The queues that live workers listen on; none if there is no worker. Raises StateUnavailable."""
    return frozenset(queue for worker in list_workers(umbel).items if worker.alive for queue in worker.queues)


def check_queues(loaded: Loaded, heard: Collection[str], default_queue: str) -> Loaded:
    """Warn of each queue of a definition that is not in `heard`, at the first task that is sent there.

    With nothing in `heard` there is no worker to judge by.
    """
    if not heard:
        return loaded
    guess, problems = Report(""), list[Problem]()
    for name, plan in loaded.plans.items():
        definition = loaded.catalog.definitions[name]
        report = Report(definition.file, name)
        seen = set(heard)
        for queue, line, column in _queues(definition, plan, default_queue):
            if queue not in seen:
                seen.add(queue)
                message = f"no worker listens on the queue {shorten(queue)}"
                hint = guess.nearest(queue, sorted(heard)) or f"Start one: `umbel worker -Q {queue}`."
                report.add_at("unheard-queue", line, column, message, hint, severity="warning")
        problems.extend(report.result())
    return Loaded(loaded.catalog.refuse(problems), loaded.plans) if problems else loaded


def _queues(definition: Definition, plan: Plan, default_queue: str) -> list[tuple[str, int, int]]:
    """The queue of each task, and where the task stands."""
    steps = [*definition.body.tasks(), *(definition.hooks[hook] for hook in HOOKS if hook in definition.hooks)]
    if len(steps) != len(plan.nodes):  # it was not written as steps
        return [(node.queue or default_queue, definition.line, 1) for node in plan.nodes]
    return [(node.queue or default_queue, step.line, step.column) for node, step in zip(plan.nodes, steps, strict=True)]


def told(
    loaded: Loaded, texts: Mapping[str, str], default_queue: str, graph: Format | None = None, *, python: bool = False
) -> DefinitionCheck:
    """The problems with the lines they stand in, and the plans in brief.

    Args:
        texts: the files' texts by name.
        graph: format of the pictures, if there shall be any.
        python: the texts are Python, not YAML.
    """
    catalog = loaded.catalog
    if graph and len(loaded.plans) > MAX_DRAWN:
        raise BadRequest(f"{len(loaded.plans):,} definitions cannot be drawn at once; {MAX_DRAWN} can.")
    lines = {file: lines_of(text) for file, text in texts.items()}
    problems = sorted(catalog.problems, key=lambda each: (each.file, each.line == 0, each.line, each.column))
    errors = sum(each.severity == "error" for each in problems)
    return DefinitionCheck(
        ok=not errors,
        errors=errors,
        warnings=len(problems) - errors,
        problems=[as_told(each, lines.get(each.file, ()), python=python) for each in problems],
        definitions=[
            CheckedDefinition.model_construct(
                name=name,
                description=definition.description,
                payload_schema=dict(definition.schema) if definition.schema is not None else None,
                defaults=hide(definition.defaults),
                tasks=task_definitions(loaded.plans[name], default_queue),
                hash=loaded.plans[name].hash,
                graph=_drawn(loaded.plans[name], graph) if graph else None,
            )
            for name, definition in catalog.definitions.items()
        ],
    )


def as_told(problem: Problem, lines: Sequence[str], *, python: bool = False) -> DefinitionProblem:
    """A problem with the line of its file that it stands in."""
    line, column = problem.line, problem.column
    known: dict[str, Any] = {}
    if 0 < line <= len(lines):
        words = (PYTHON,) if python else ()
        known = {"end_column": end_of(lines, line, column, *words), "excerpt": excerpt(lines, line, column, *words)}
    return DefinitionProblem.model_construct(
        file=problem.file,
        line=line,
        column=column,
        severity=problem.severity,
        code=problem.code,
        message=problem.message,
        hint=problem.hint,
        definition=problem.definition or None,
        **known,
    )


def _drawn(plan: Plan, wanted: Format) -> str | None:
    try:
        return draw(plan, wanted)
    except UmbelError:  # too large, or no canvas: the picture of this one alone says so
        return None


def task_definitions(plan: Plan, default_queue: str) -> list[TaskDefinition]:
    """The tasks of a plan as a definition shows them."""
    return [
        TaskDefinition.model_construct(
            key=node.key,
            task=node.task,
            needs=[plan.nodes[need].key for need in node.needs],
            queue=node.queue or default_queue,
        )
        for node in plan.nodes
        if node.hook is None
    ]
