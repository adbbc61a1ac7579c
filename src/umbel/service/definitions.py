"""What can be started, for readers."""

from umbel.definition import Definition
from umbel.definition.excerpt import lines_of, own_lines
from umbel.errors import DefinitionNotFound
from umbel.plan.model import Plan
from umbel.secrets import hide
from umbel.service.check import as_told, task_definitions
from umbel.service.models import DefinitionList, DefinitionView
from umbel.service.models.definitions import DefinitionSource
from umbel.service.schedules import schedule_spec
from umbel.service.umbel import Umbel


def list_definitions(umbel: Umbel) -> DefinitionList:
    """Every definition by name, those with mistakes too."""
    catalog = umbel.definitions.catalog
    names = sorted({*catalog.definitions, *catalog.refused})
    return DefinitionList(
        items=[_definition(umbel, name) for name in names], problems=[str(each) for each in catalog.problems]
    )


def get_definition(umbel: Umbel, name: str) -> DefinitionView:
    """One definition, startable or not, with its source. Raises DefinitionNotFound."""
    return _definition(umbel, name).model_copy(update={"source": _source(umbel, name)})


def _source(umbel: Umbel, name: str) -> DefinitionSource | None:
    """The part of the project's file that defines it; None if it stands nowhere else, or holds a secret."""
    known = umbel.definitions
    problems = known.catalog.problems_of(name)
    if known.file is None or any(each.code == "plain-secret" for each in problems):
        return None
    file, text = known.file
    lines = lines_of(text)
    place = own_lines(lines, name)
    if place is None:
        return None
    return DefinitionSource(
        file=file,
        line=place[0] + 1,
        text="".join(f"{line}\n" for line in lines[slice(*place)]),
        problems=[as_told(each, lines) for each in problems],
    )


def _definition(umbel: Umbel, name: str) -> DefinitionView:
    catalog = umbel.definitions.catalog
    problems = [str(each) for each in catalog.problems_of(name) if each.severity == "error"]
    definition, plan = catalog.definitions.get(name), umbel.definitions.plans.get(name)
    if definition is not None and plan is not None:
        return _view(umbel, definition, plan)
    if name in catalog.refused:
        description = catalog.refused[name].get("description")
        return DefinitionView(
            name=name,
            description=description if isinstance(description, str) else "",
            kept=not umbel.definitions.written(name),
            problems=problems,
        )
    raise DefinitionNotFound(f"There is no definition {name[:200]}.")


def _view(umbel: Umbel, definition: Definition, plan: Plan) -> DefinitionView:
    return DefinitionView(
        name=definition.fullname,
        description=definition.description,
        schema=dict(definition.schema) if definition.schema is not None else None,
        defaults=hide(definition.defaults),
        tasks=task_definitions(plan, umbel.settings.default_queue),
        schedule=schedule_spec(umbel, definition.schedule) if definition.schedule else None,
        hash=plan.hash,
        kept=definition.canvas is not None and not umbel.definitions.written(definition.fullname),
    )
