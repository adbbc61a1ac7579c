"""`run`: from a definition and a payload to a finished run, in memory."""

import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from umbel.celery.app import make_app
from umbel.celery.project import load_tasks
from umbel.celery.rehearse import App, rehearse
from umbel.definition import Catalog, Definition, parse
from umbel.definition.load import find_file, load_file
from umbel.definition.problems import Report, shorten
from umbel.definition.schema import payload_errors
from umbel.engine.reference import Reference
from umbel.errors import BadRequest, DefinitionError, PayloadInvalid
from umbel.events import EventRecord
from umbel.machine import EventType, RunState, TaskState, effective
from umbel.plan.model import Plan
from umbel.secrets import Vault, new_key
from umbel.service.catalog import Loaded, with_canvases
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
    approvals: Mapping[str, bool] | None = None,
) -> TestRun:
    """Run a definition in memory, in this thread, with the tasks' own functions.

    Celery's semantics are those of a worker: `bind`, `self.retry`, `autoretry_for`, `max_retries`, `before_start` and
    the rest are Celery's own code. Arguments and results go through JSON. The pauses of retries are not slept.

    Args:
        source: a project's folder or a definition file (a path), YAML text (with a line break or a brace in it), or a
            definition. The tasks below `tasks/` of a folder are imported, those of one project in one process, and what
            they make with `umbel.define` is found too.
        name: `project.NAME`; may be left out where there is only one definition.
        payload: checked against the definition's schema, with its defaults put in.
        app: whose tasks are called; if None, all that were made with `umbel.task` or Celery's `shared_task`.

        approvals: key of an approval -> whether it is given. One that is not named here runs into its timeout; if it
            has none, the run is still `running` when this returns.

    Raises:
        DefinitionError: the definition has mistakes; the message has them all.
        DefinitionNotFound: there is none of this name.
        PayloadInvalid: the payload does not fit the schema.
        BadRequest: `name` is missing, or `approvals` names what is no approval of the definition.
        TypeError: the payload is no mapping.
    """
    if payload is not None and not isinstance(payload, Mapping):
        raise TypeError(f"payload is a mapping of names to values, not {type(payload).__name__}")
    home, written = _read(source)
    settings = load_settings(home=home, broker_url="memory://", go_straight_on=False, partitions=1)
    if not settings.secret_key:  # what tasks hand to runs that they start may be sealed
        settings = settings.model_copy(update={"secret_key": new_key()})
    known = app or _shared(settings.default_queue)
    if home is not None and (home / "tasks").is_dir():
        _load(home)
    known.finalize()
    catalog = with_canvases(written) if home is not None else written
    if not catalog.definitions and not catalog.refused:
        raise DefinitionError("; ".join(map(str, catalog.problems)))
    loaded = Loaded.of(catalog, frozenset(known.tasks))
    if name is None:
        names = [*written.definitions, *written.refused] or [*catalog.definitions]
        if len(names) != 1:
            raise BadRequest(f"Which definition? There are {', '.join(sorted(names)) or 'none'}.")
        (name,) = names
    definition, plan = loaded.get(name)
    plan = replace(plan, engine="relay")  # what Celery's canvas would sequence has the same results
    full = Vault(settings.secret_key).open_all({**definition.defaults, **(payload or {})})
    if definition.schema is not None and (errors := payload_errors(definition.schema, full)):
        raise PayloadInvalid(f"The payload does not fit the schema of {name}: {errors[0]}", errors)
    _check_approvals(plan, approvals or {})
    run_id = str(uuid.uuid4())
    engine = rehearse(known, settings, run_id, plan, json.dumps(full), approvals or {}, now=START)
    return _told(engine, run_id, plan)


def _check_approvals(plan: Plan, approvals: Mapping[str, bool]) -> None:
    there = sorted({node.key for each in (plan, *plan.subplans) for node in each.nodes if node.approval})
    for key in approvals:
        if key not in there:
            hint = Report("").nearest(key, there) or f"There are {', '.join(there) or 'none'}."
            raise BadRequest(f"{plan.definition} has no approval {shorten(str(key))}.", hint=hint)


def _read(source: Definition | str | Path) -> tuple[Path | None, Catalog]:
    if isinstance(source, Definition):
        return None, Catalog({source.fullname: source})
    if isinstance(source, str) and any(sign in source for sign in "\n{"):
        return None, parse(source)
    place = Path(source)
    file = find_file(place) if place.is_dir() else place
    return file.parent.resolve(), load_file(file, file.parent, str(file))


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


def _told(engine: Reference, run_id: str, plan: Plan) -> TestRun:
    here = engine.snapshot(0)
    fields = cast("dict[str, str]", here[f"run:{run_id}"].value)
    state, stopped = RunState(fields["state"]), fields.get("stopped") == "1"
    whole = [event for event in cast("list[EventRecord]", here["events"].value) if event.run == run_id]
    events: dict[int | None, list[EventRecord]] = {}
    keys = {node.index: node.key for node in plan.nodes}
    for event in whole:
        events.setdefault(event.task, []).append(event)
        if event.type == EventType.TASK_EXPANDED and event.task is not None:
            items = range(int(event.data["count"]))
            keys |= {int(event.data["base"]) + place: f"{keys[event.task]}[{place}]" for place in items}
    tasks: dict[str, TestTask] = {}
    vault = Vault(engine.settings.secret_key)
    for index, key in keys.items():
        if index < plan.tasks or index in events:
            own = effective(TaskState(fields.get(f"{index}:state", TaskState.WAITING)), state, stopped)
            child = _child(engine, plan, events.get(index, ()))
            task = task_of(index, key, own, events.get(index, ()), child)
            tasks[key] = replace(task, result=vault.open_all(task.result))
    results = {task.index: task.result for task in tasks.values()}
    return TestRun(
        id=run_id,
        state=state,
        payload=vault.open_all(json.loads(fields["payload"])),
        result=_result(plan, results) if state is RunState.SUCCESS else None,
        tasks=tasks,
        seconds=(whole[-1].at - whole[0].at) / 1000,
        events=tuple(whole),
    )


def _child(engine: Reference, plan: Plan, events: Sequence[EventRecord]) -> TestRun | None:
    """The run that a task started last."""
    started = [event.data for event in events if event.type == EventType.TASK_SPAWNED]
    if not started:
        return None
    fields = cast("dict[str, str]", engine.snapshot(0)[f"run:{started[-1]['run']}"].value)
    (sub,) = (each for each in plan.subplans if each.hash == fields["plan"])
    return _told(engine, str(started[-1]["run"]), replace(sub, subplans=plan.subplans))


def _result(plan: Plan, results: Mapping[int, Any]) -> Any:
    if plan.returns is not None:
        return _shaped(plan.returns, results)
    ends = [results[index] for index in plan.ends]
    return ends[0] if len(ends) == 1 else ends


def _shaped(shape: Any, results: Mapping[int, Any]) -> Any:
    return [_shaped(each, results) for each in shape] if isinstance(shape, list) else results[shape]
