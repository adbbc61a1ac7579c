"""What can be started, for readers."""

from umbel.definition import Definition
from umbel.errors import DefinitionNotFound
from umbel.plan.model import Plan
from umbel.secrets import hide
from umbel.service.check import task_definitions
from umbel.service.models import DefinitionList, DefinitionView
from umbel.service.schedules import schedule_spec
from umbel.service.umbel import Umbel


def list_definitions(umbel: Umbel) -> DefinitionList:
    """Every definition by name, those with mistakes too."""
    catalog = umbel.definitions.catalog
    names = sorted({*catalog.definitions, *catalog.refused})
    return DefinitionList(
        items=[get_definition(umbel, name) for name in names], problems=[str(each) for each in catalog.problems]
    )


def get_definition(umbel: Umbel, name: str) -> DefinitionView:
    """One definition, startable or not. Raises DefinitionNotFound."""
    catalog = umbel.definitions.catalog
    problems = [str(each) for each in catalog.problems_of(name) if each.severity == "error"]
    definition, plan = catalog.definitions.get(name), umbel.definitions.plans.get(name)
    if definition is not None and plan is not None:
        return _view(umbel, definition, plan)
    if name in catalog.refused:
        description = catalog.refused[name].get("description")
        return DefinitionView(
            name=name, description=description if isinstance(description, str) else "", problems=problems
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
    )
