"""`run`: from a definition and a payload to a finished run, in memory."""

import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from umbel.celery.app import make_app
from umbel.celery.project import load_tasks
from umbel.celery.rehearse import App, Memory, rehearse
from umbel.definition import Catalog, Definition, parse
from umbel.definition.load import find_file, load_file
from umbel.definition.schema import payload_errors
from umbel.engine.wire import Item
from umbel.errors import BadRequest, DefinitionError, PayloadInvalid
from umbel.events import EventRecord
from umbel.machine import RunState, TaskState, effective
from umbel.plan.model import Plan
from umbel.service.catalog import Loaded
from umbel.settings import load_settings
from umbel.testing.result import TestRun, TestTask, task_of

START: Final = 1_800_000_000_000
"""The clock at the start of a run: always the same, so that a run is the same, too (ms UTC, in 2027)."""


def run(
    source: Definition | str | Path,
    name: str | None = None,
    payload: Mapping[str, Any] | None = None,
    *,
    app: App | None = None,
) -> TestRun:
    """Run a definition in memory, in this thread, with the tasks' own functions.

    Celery's semantics are those of a worker: `bind`, `self.retry`, `autoretry_for`, `max_retries`, `before_start` and
    the rest are Celery's own code. Arguments and results go through JSON. The pauses of retries are not slept.

    Args:
        source: a project's folder or a definition file (a path), YAML text (with a line break or a brace in it), or a
            definition. The tasks below `tasks/` of a folder are imported, those of one project in one process.
        name: `project.NAME`; may be left out where there is only one definition.
        payload: checked against the definition's schema, with its defaults put in.
        app: whose tasks are called; if None, all that were made with `umbel.task` or Celery's `shared_task`.

    Raises:
        DefinitionError: the definition has mistakes; the message has them all.
        DefinitionNotFound: there is none of this name.
        PayloadInvalid: the payload does not fit the schema.
    """
    home, catalog = _read(source)
    settings = load_settings(home=home, broker_url="memory://", go_straight_on=False, partitions=1)
    known = app or _shared(settings.default_queue)
    if home is not None and (home / "tasks").is_dir():
        _load(home)
    known.finalize()
    loaded = Loaded.of(catalog, frozenset(known.tasks))
    if name is None:
        names = [*loaded.catalog.definitions, *loaded.catalog.refused]
        if len(names) != 1:
            raise BadRequest(f"Which definition? There are {', '.join(sorted(names)) or 'none'}.")
        (name,) = names
    definition, plan = loaded.get(name)
    full = {**definition.defaults, **(payload or {})}
    if definition.schema is not None and (errors := payload_errors(definition.schema, full)):
        raise PayloadInvalid(f"The payload does not fit the schema of {name}: {errors[0]}", errors)
    run_id = str(uuid.uuid4())
    engine = rehearse(known, settings, run_id, plan, json.dumps(full), _nothing, now=START)
    return _told(engine, run_id, plan, full)


def _read(source: Definition | str | Path) -> tuple[Path | None, Catalog]:
    if isinstance(source, Definition):
        return None, Catalog({source.fullname: source})
    if isinstance(source, str) and any(sign in source for sign in "\n{"):
        return None, parse(source)
    place = Path(source)
    file = find_file(place) if place.is_dir() else place
    catalog = load_file(file, file.parent, str(file))
    if not catalog.definitions and not catalog.refused:
        raise DefinitionError("; ".join(map(str, catalog.problems)))
    return file.parent.resolve(), catalog


@cache
def _shared(default_queue: str) -> App:
    """One app for all runs: `shared_task` gives its tasks to every app there is, also those defined later."""
    return make_app(load_settings(broker_url="memory://", default_queue=default_queue))


def _load(home: Path) -> None:
    for module in load_tasks(home):
        file = getattr(sys.modules[module], "__file__", None)
        if file is None or not Path(file).resolve().is_relative_to(home):
            raise DefinitionError(
                f"The module {module} of {home} is not the one that is loaded ({file}).",
                hint="One process can test one project: the modules of two have the same names.",
            )


def _nothing(_: Memory, __: str) -> Sequence[Item]:
    return ()


def _told(engine: Memory, run_id: str, plan: Plan, payload: Mapping[str, Any]) -> TestRun:
    here = engine.snapshot(0)
    fields: dict[str, str] = here[f"run:{run_id}"].value  # type: ignore[assignment]
    state = RunState(fields["state"])
    events: dict[int | None, list[EventRecord]] = {}
    everything: list[EventRecord] = here["events"].value  # type: ignore[assignment]
    for event in everything:
        if event.run == run_id:
            events.setdefault(event.task, []).append(event)
    tasks: dict[str, TestTask] = {}
    for node in plan.nodes:
        if node.hook is None or node.index in events:
            own = TaskState(fields.get(f"{node.index}:state", TaskState.WAITING))
            tasks[node.key] = task_of(node.index, node.key, effective(own, state), events.get(node.index, ()))
    results = {node.index: tasks[node.key].result for node in plan.nodes if node.key in tasks}
    return TestRun(
        id=run_id,
        state=state,
        payload=payload,
        result=_result(plan, results) if state is RunState.SUCCESS else None,
        tasks=tasks,
        seconds=(engine.now - START) / 1000,
        events=tuple(event for event in everything if event.run == run_id),
    )


def _result(plan: Plan, results: Mapping[int, Any]) -> Any:
    if plan.returns is not None:
        return _shaped(plan.returns, results)
    ends = [results[index] for index in plan.ends]
    return ends[0] if len(ends) == 1 else ends


def _shaped(shape: Any, results: Mapping[int, Any]) -> Any:
    return [_shaped(each, results) for each in shape] if isinstance(shape, list) else results[shape]
