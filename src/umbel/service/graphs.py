"""Pictures of definitions and of runs."""

from umbel.plan.picture import Format, draw
from umbel.service.models import Picture
from umbel.service.reading import require, state_of
from umbel.service.umbel import Umbel


def of_definition(umbel: Umbel, name: str, wanted: Format) -> Picture:
    """A definition. Raises DefinitionNotFound, DefinitionError, BadRequest (it cannot be drawn so)."""
    _, plan = umbel.definitions.get(name)
    return Picture(format=wanted, text=draw(plan, wanted))


def of_run(umbel: Umbel, run_id: str, wanted: Format) -> Picture:
    """A run, with the state of each task. Raises RunNotFound, BadRequest (it cannot be drawn so)."""
    run = require(umbel, run_id)
    plan = umbel.plan(run.plan_hash)
    rows = {row.idx: row for row in umbel.store.tasks(run.id, below=len(plan.nodes))}
    states = {
        node.index: state_of(run, rows.get(node.index))
        for node in plan.nodes
        if node.hook is None or node.index in rows
    }
    return Picture(format=wanted, text=draw(plan, wanted, states))
