"""Celery canvases as they come from programs: started at once, or kept as definitions."""

import json
from collections.abc import Mapping
from typing import Any, Final

from umbel.errors import DefinitionError, UmbelError
from umbel.plan import canvas as canvas_plan
from umbel.plan.model import Plan
from umbel.service import definitions, runs
from umbel.service.catalog import unknown_task
from umbel.service.models import DefinitionView
from umbel.service.operations import DefineCanvas
from umbel.service.umbel import Umbel, now_ms
from umbel.service.workers import list_workers
from umbel.store import Accepted

MAX_TOLD: Final = 200
"""Names of tasks that a worker announces at most."""


def submit(
    umbel: Umbel,
    canvas: Mapping[str, Any],
    name: str | None,
    payload: Mapping[str, Any],
    *,
    comment: str | None = None,
    key: str | None = None,
) -> Accepted:
    """Start a run of a canvas. When this returns, the run is on disk.

    Args:
        canvas: a Celery signature as JSON values.
        name: what the run's definition is called; `canvas.` and the name of its first task if None.
        payload: kept with the run; a canvas's tasks are not called with it.
        comment: a note, kept with the run.
        key: the client's idempotency key.

    Raises:
        DefinitionError: it is no canvas, or calls a task that is not there.
        And what `runs.start` raises.
    """
    runs.storable(idempotency_key=key)
    plan = _plan(umbel, name or canvas_plan.name_of(canvas), canvas)
    same = runs.idempotency_of(key, plan.definition, {"canvas": canvas, **payload}, comment) if key else None
    return runs.accept(umbel, plan, payload, comment=comment, idempotency=same)


def define(umbel: Umbel, asked: DefineCanvas) -> DefinitionView:
    """Keep a canvas as a definition.

    Raises:
        DefinitionError: it is no canvas, calls a task that is not there, or the project's files have this name.
        HistoryUnavailable: it could not be written.
    """
    if umbel.definitions.written(asked.name):
        raise DefinitionError(
            f"{asked.name} is defined by the project itself.", hint="Choose another name, or change the project."
        )
    _plan(umbel, asked.name, asked.canvas, kept=True)
    umbel.store.define(asked.name, json.dumps(asked.canvas), now_ms())
    umbel.definitions.look()
    return definitions.get_definition(umbel, asked.name)


def remove(umbel: Umbel, name: str) -> DefinitionView:
    """Keep a definition no longer; as it was.

    Raises:
        DefinitionNotFound: there is none of this name.
        DefinitionError: it is not kept here, but defined by the project itself.
        HistoryUnavailable: it could not be written.
    """
    umbel.definitions.look()
    found = definitions.get_definition(umbel, name)
    if not umbel.store.undefine(name):
        raise DefinitionError(f"{name} is defined by the project itself.", hint="Remove it there.")
    umbel.definitions.look()
    return found


def _plan(umbel: Umbel, name: str, canvas: Mapping[str, Any], *, kept: bool = False) -> Plan:
    """The plan, if the project or a live worker knows its tasks. A definition that is kept outlives its workers."""
    plan = canvas_plan.compile(name, canvas)
    tasks = umbel.definitions.tasks
    if tasks is None or not (problem := unknown_task(plan, tasks)):
        return plan
    others = frozenset[str]() if kept else announced(umbel)
    if others is None or not (problem := unknown_task(plan, {*tasks, *others})):
        return plan
    raise DefinitionError(f"The canvas {name} cannot be run: {problem.message}", hint=problem.hint)


def announced(umbel: Umbel) -> frozenset[str] | None:
    """The tasks that live workers (attached ones, too) say they know; None if one knows more than it says."""
    try:
        workers = [worker for worker in list_workers(umbel).items if worker.alive]
    except UmbelError:
        return frozenset()
    if any(len(worker.tasks) >= MAX_TOLD for worker in workers):
        return None
    return frozenset(task for worker in workers for task in worker.tasks)
