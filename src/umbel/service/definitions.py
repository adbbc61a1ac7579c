"""What can be started, for readers."""

from umbel.definition import Definition
from umbel.errors import DefinitionNotFound
from umbel.plan.model import Plan
from umbel.service.models import DefinitionList, DefinitionView, TaskDefinition
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
    tasks = [
        TaskDefinition.model_construct(
            key=node.key,
            task=node.task,
            needs=[plan.nodes[need].key for need in node.needs],
            queue=node.queue or umbel.settings.default_queue,
        )
        for node in plan.nodes
        if node.hook is None
    ]
    return DefinitionView(
        name=definition.fullname,
        description=definition.description,
        schema=dict(definition.schema) if definition.schema is not None else None,
        defaults=dict(definition.defaults),
        tasks=tasks,
        schedule=schedule_spec(umbel, definition.schedule) if definition.schedule else None,
        hash=plan.hash,
    )
