"""Definitions are tried before anybody keeps them: their text comes with the request, and only its plan stays."""

from dataclasses import replace

from umbel.errors import BadRequest, DefinitionError, DefinitionNotFound, Forbidden, UmbelError
from umbel.service import runs, secrets
from umbel.service.canvases import announced
from umbel.service.catalog import Loaded
from umbel.service.check import listened, read_text
from umbel.service.explain import explain_text, read_canvas
from umbel.service.models import DefinitionCheck
from umbel.service.models.playground import Playground
from umbel.service.operations import CheckDefinitions
from umbel.service.operations.playground import TryDefinition
from umbel.service.umbel import Umbel
from umbel.service.workers import list_workers
from umbel.store import Accepted


def get_playground(umbel: Umbel) -> Playground:
    """What an editor may do and offer. A state store that does not answer takes only the workers' names away."""
    try:
        workers = [worker for worker in list_workers(umbel).items if worker.alive]
    except UmbelError:
        workers = []
    known = {*(umbel.definitions.tasks or ()), *(task for worker in workers for task in worker.tasks)}
    return Playground(
        enabled=umbel.settings.playground,
        tasks=sorted(task for task in known if not task.startswith(("celery.", "umbel."))),
        queues=sorted({queue for worker in workers for queue in worker.queues}),
    )


def check_canvas(umbel: Umbel, asked: CheckDefinitions) -> DefinitionCheck:
    """What is right and wrong with a Celery canvas as text, seen from this server, and what it is."""
    try:
        heard = listened(umbel)
    except UmbelError:
        heard = frozenset()
    return explain_text(
        asked.text, asked.file, known_tasks(umbel), heard, umbel.settings.default_queue, graph=asked.graph
    )


def known_tasks(umbel: Umbel) -> frozenset[str] | None:
    """The tasks that the project or a live worker knows; None if that cannot be told."""
    tasks = umbel.definitions.tasks
    others = announced(umbel)
    return None if tasks is None or others is None else frozenset({*tasks, *others})


def try_definition(umbel: Umbel, asked: TryDefinition) -> Accepted:
    """Start a run of a definition in a text. When this returns, the run is on disk.

    Raises:
        Forbidden: the server does not allow it.
        And what `start` raises.
    """
    if not umbel.settings.playground:
        raise Forbidden(
            "This server runs only definitions that it keeps.",
            hint="UMBEL_PLAYGROUND=true allows others; `umbel demo` and `umbel dev` do.",
        )
    return start(umbel, asked)


def start(umbel: Umbel, asked: TryDefinition) -> Accepted:
    """Start a run of a definition in a text, whoever wrote it.

    Raises:
        DefinitionNotFound, DefinitionError: the text has no such definition, or it has mistakes.
        And what `runs.start` raises about payloads and stores.
    """
    runs.storable(text=asked.text, definition=asked.definition)
    if asked.kind == "canvas":
        explained, canvas = read_canvas(asked.text, "canvas.py", known_tasks(umbel))
        if explained is None:
            raise DefinitionError(f"The canvas has mistakes: {_first(canvas)}", hint="Mend them, and try again.")
        plan = replace(explained.plan, definition=f"{runs.PLAYGROUND}.{explained.plan.definition}")
        return runs.accept(umbel, plan, asked.payload, comment=asked.comment)
    loaded = read_text(umbel, asked.text)
    name = asked.definition or next(iter(loaded.catalog.definitions), None) or next(iter(loaded.catalog.refused), None)
    if name is None:
        raise BadRequest(
            "The text has no definition.", hint=_first(loaded) or "Begin with `project.NAME:` and its `tasks`."
        )
    if name in loaded.catalog.refused:
        wrong = [str(each) for each in loaded.catalog.problems_of(name) if each.severity == "error"]
        raise DefinitionError(f"{name} has mistakes: {'; '.join(wrong[:3])}", hint="Mend them, and try again.")
    if name not in loaded.plans:
        raise DefinitionNotFound(f"The text has no definition {name}.")
    found, plan = loaded.get(name)
    entered = secrets.enter(umbel.settings.secret_key, found, asked.payload, again=False)
    tried = replace(plan, definition=f"{runs.PLAYGROUND}.{name}", webhook=None)
    return runs.accept(umbel, tried, entered.payload, comment=asked.comment)


def _first(loaded: Loaded) -> str | None:
    """What is wrong with the text, to begin with."""
    return next((str(each) for each in loaded.catalog.problems if each.severity == "error"), None)
