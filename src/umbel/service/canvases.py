"""Celery canvases as they come from programs: started at once, or kept as definitions."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from umbel.errors import DefinitionError
from umbel.plan import canvas as canvas_plan
from umbel.plan.model import Plan
from umbel.service import definitions, runs
from umbel.service.catalog import unknown_task
from umbel.service.models import DefinitionView
from umbel.service.operations import DefineCanvas
from umbel.service.umbel import Umbel, now_ms
from umbel.store import Accepted

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")
_NAME: Final = 180
"""Characters of a task's name that go into the name of a run."""


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
    plan = _plan(umbel, name or _named(canvas), canvas)
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
    _plan(umbel, asked.name, asked.canvas)
    umbel.store.define(asked.name, json.dumps(asked.canvas), now_ms())
    umbel.definitions.look()
    return definitions.get_definition(umbel, asked.name)


def _plan(umbel: Umbel, name: str, canvas: Mapping[str, Any]) -> Plan:
    plan = canvas_plan.compile(name, canvas)
    tasks = umbel.definitions.tasks
    if tasks is not None and (problem := unknown_task(plan, tasks)):
        raise DefinitionError(f"The canvas {name} cannot be run: {problem.message}", hint=problem.hint)
    return plan


def _named(canvas: Mapping[str, Any]) -> str:
    parts = [_UNFIT.sub("_", part) for part in canvas_plan.first_task(canvas)[:_NAME].split(".")]
    return ".".join(["canvas", *(part for part in parts if part)]) if any(parts) else "canvas.EMPTY"
