"""A Celery canvas as text, explained as this server or project sees it: `check_definitions` and `umbel explain`."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from umbel.celery.sending import MAX_DEPTH, MAX_MESSAGES, MAX_SIGNATURES, Sent, first_messages
from umbel.definition import Catalog
from umbel.plan.canvas import first_task
from umbel.plan.explain import Explained, explain
from umbel.plan.picture import Format
from umbel.service.catalog import Loaded, canvas_definition, unknown_task
from umbel.service.check import check_queues, told
from umbel.service.models import CanvasExplanation, DefinitionCheck
from umbel.service.models.definitions import CanvasChange, CanvasHazard, CanvasMessage

MAX_STEPS: Final = 20
"""Later steps of a message that are named."""


def explain_text(
    text: str,
    file: str,
    tasks: Collection[str] | None,
    heard: Collection[str],
    default_queue: str,
    graph: Format | None = None,
) -> DefinitionCheck:
    """What is right and wrong with a canvas as text, and what it is.

    Args:
        tasks: names of the tasks that there are; None: not known.
        heard: the queues that live workers listen on.
        graph: format of the picture, if there shall be one.
    """
    found, loaded = read_canvas(text, file, tasks)
    answer = told(check_queues(loaded, heard, default_queue), {file: text}, default_queue, graph, python=True)
    return answer.model_copy(update={"canvas": _explanation(found)}) if found else answer


def read_canvas(text: str, file: str, tasks: Collection[str] | None) -> tuple[Explained | None, Loaded]:
    """A canvas as text, and as the one definition of a catalog, with all that is wrong with it."""
    found, problems = explain(text, file, tasks)
    if found is None:
        return None, Loaded(Catalog({}, problems), {})
    name = found.plan.definition
    if tasks is not None and (problem := unknown_task(found.plan, {*tasks, *BUILT_IN})):
        problems = (*problems, replace(problem, file=file, definition=""))
        return None, Loaded(Catalog({}, problems), {})
    definition = replace(canvas_definition(name, found.signature), file=file)
    return found, Loaded(Catalog({name: definition}, problems), {name: found.plan})


BUILT_IN: Final = ("celery.map", "celery.starmap", "celery.accumulate")
"""Tasks that every worker has, and that a canvas calls by itself."""


def _explanation(found: Explained) -> CanvasExplanation:
    messages, unsent = _messages(found)
    return CanvasExplanation(
        sent=found.sent,
        changes=[CanvasChange(text=each.text, line=each.line, column=each.column) for each in found.changes],
        messages=messages,
        unsent=unsent,
        hazards=[
            CanvasHazard(
                code=each.code,
                title=each.title,
                text=each.text,
                source=each.source,
                line=each.line,
                column=each.column,
            )
            for each in found.hazards
        ],
        yaml=found.yaml,
        no_yaml=found.no_yaml,
    )


def _messages(found: Explained) -> tuple[list[CanvasMessage], str]:
    if found.plan.tasks > MAX_SIGNATURES:
        return [], f"Celery is asked only about canvases of at most {MAX_SIGNATURES} tasks: larger ones take it long."
    if found.depth > MAX_DEPTH:
        return [], f"Celery is asked only about signatures at most {MAX_DEPTH} deep within each other: it takes long."
    if not first_task(found.signature):
        return [], "Nothing is sent: it has no task."
    try:
        sent = first_messages(found.signature)
    except Exception as error:  # whatever Celery says of what it cannot send
        return [], f"Celery cannot send it: {type(error).__name__}: {str(error)[:200]}"
    note = f"Only the first {MAX_MESSAGES} messages were counted." if len(sent) == MAX_MESSAGES else ""
    return _alike(sent), note


def _alike(sent: list[Sent]) -> list[CanvasMessage]:
    """Messages that say the same but for their arguments and ids, as one."""
    found: dict[tuple[object, ...], CanvasMessage] = {}
    for each in sent:
        key = (each.task, each.chain, each.chord, each.carried)
        same = found.get(key)
        found[key] = CanvasMessage(
            task=each.task,
            count=same.count + 1 if same else 1,
            bytes=max(each.bytes, same.bytes if same else 0),
            chain=list(each.chain[:MAX_STEPS]),
            chord=each.chord,
            carried=each.carried,
        )
    return list(found.values())
