"""The project's definitions with their plans, as one value that is replaced as a whole."""

import json
import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from umbel.defined import DEFINED
from umbel.definition import Block, Catalog, Definition, Problem, check_tasks, load_catalog
from umbel.definition.load import find_file
from umbel.definition.problems import Report, shorten
from umbel.errors import DefinitionError, DefinitionNotFound, HistoryUnavailable
from umbel.plan import build_all
from umbel.plan.model import Plan

log = logging.getLogger(__name__)

LOOK: Final = 1.0
"""Seconds after which the database is asked again whether another server has been given a definition."""


MADE: Final = "umbel.define"
"""What stands for the file of a definition that is a canvas."""


class Stored(Protocol):
    """Where definitions are kept that came as a canvas."""

    def canvases(self) -> Mapping[str, str]:
        """Name -> signature as JSON text."""

    def canvases_stamp(self) -> object:
        """It is another one when they have changed."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one reading of the project's files gave."""

    catalog: Catalog
    plans: Mapping[str, Plan]

    @classmethod
    def of(cls, catalog: Catalog, tasks: Collection[str] | None, *, signs: bool = True) -> "Loaded":
        """The catalog with its plans, checked against the names of the tasks that are there (None: not known), and
        whether there is a secret to sign webhooks with."""
        if not signs and (problems := [_unsigned(each) for each in catalog.definitions.values() if each.webhook]):
            catalog = catalog.refuse(problems)
        if tasks is not None:
            catalog = check_tasks(catalog, tasks)
        plans, built = build_all(catalog)
        if tasks is not None:
            canvases = [name for name, each in built.definitions.items() if each.canvas is not None]
            if problems := [each for name in canvases if (each := unknown_task(plans[name], tasks))]:
                plans, built = build_all(catalog.refuse(problems))  # without those that would start one of these
        return cls(built, plans)

    def get(self, name: str) -> tuple[Definition, Plan]:
        """A definition that can be started, and its plan.

        Raises:
            DefinitionNotFound: there is none of this name.
            DefinitionError: there is, but it has mistakes; the message says which.
        """
        definition = self.catalog.definitions.get(name)
        if definition is not None:
            return definition, self.plans[name]
        if name in self.catalog.refused:
            problems = [str(each) for each in self.catalog.problems_of(name) if each.severity == "error"]
            raise DefinitionError(
                f"The definition {name} has mistakes: {'; '.join(problems[:5])}",
                hint=f"`umbel definitions {name}` shows them all.",
            )
        raise DefinitionNotFound(f"There is no definition {name[:200]}.")


def unknown_task(plan: Plan, tasks: Collection[str]) -> Problem | None:
    """What is wrong with a canvas's plan if it calls a task that is not there, with the nearest name."""
    for name in _called(plan):
        if name not in tasks:
            hint = Report("").nearest(name, tasks) or "Is its module in tasks/ and free of import errors?"
            message = f"there is no task {shorten(name)}"
            return Problem(MADE, 0, 0, "unknown-task", message, hint, plan.definition)
    return None


def _unsigned(definition: Definition) -> Problem:
    """A webhook that nobody could tell from a forged one."""
    where = definition.webhook
    assert where is not None
    hint = 'Set it to "whsec_$(openssl rand -base64 32)", and give it to who receives the webhooks.'
    message = "the webhook cannot be signed: the server has no UMBEL_WEBHOOK_SECRET"
    place = (definition.file, where.line, where.column)
    return Problem(*place, "unsigned-webhook", message, hint, definition.fullname)


def _called(plan: Plan) -> Iterator[str]:
    """The tasks that a canvas calls: `map` and `starmap` call another one by its signature."""
    for node in plan.nodes:
        yield node.task
        inner = node.call.kwargs.get("task") if node.call and node.task in ("celery.map", "celery.starmap") else None
        if isinstance(inner, Mapping):
            yield str(inner.get("task"))


def canvas_definition(name: str, canvas: Mapping[str, Any]) -> Definition:
    """The definition `project.NAME` that a canvas is."""
    project, _, rest = name.partition(".")
    return Definition(project, rest, Block("chain", rest, ()), {"canvas": canvas}, file=MADE, canvas=canvas)


def with_canvases(catalog: Catalog, canvases: Mapping[str, Mapping[str, Any]] = DEFINED) -> Catalog:
    """The catalog with the definitions that canvases are; where it has one of the same name, that counts.

    Args:
        canvases: `project.NAME` -> canvas; those that the tasks of this process made with `umbel.define`, if not given.
    """
    written = {*catalog.definitions, *catalog.refused}
    added = {name: canvas_definition(name, each) for name, each in canvases.items() if name not in written}
    return replace(catalog, definitions={**catalog.definitions, **added}) if added else catalog


def without_canvases(loaded: Loaded) -> Loaded:
    """Only what was read from a file; canvases were there to be named by it."""
    catalog = loaded.catalog
    made = {name for name, each in catalog.definitions.items() if each.canvas is not None}
    kept = {name: each for name, each in catalog.definitions.items() if name not in made}
    refused = {name: each for name, each in catalog.refused.items() if "canvas" not in each}
    problems = tuple(each for each in catalog.problems if each.file != MADE)
    plans = {name: plan for name, plan in loaded.plans.items() if name not in made}
    return Loaded(replace(catalog, definitions=kept, refused=refused, problems=problems), plans)


class Definitions:
    """The definitions below `home`, those that its tasks make with `umbel.define`, and those that are stored.

    Where two have the same name, the files come first, then the tasks. Reading swaps one reference, so that threads
    always see a whole catalog.

    Args:
        home: the project's folder.
        tasks: names of the Celery tasks that the project has, or None if that cannot be told; then a definition may
            call any.
        stored: the history, asked for the first time by `look`.
        signs: whether there is a secret to sign webhooks with; definitions that have one are refused otherwise.
    """

    def __init__(
        self, home: Path, tasks: Collection[str] | None = None, stored: Stored | None = None, *, signs: bool = True
    ) -> None:
        self.home = home
        self.tasks = tasks
        self.signs = signs
        self.file: tuple[str, str] | None = None
        """Name and text of the file of definitions as last read, if it can be."""
        self._stored = stored
        self._canvases: Mapping[str, Mapping[str, Any]] = {}
        self._stamp: object = None
        self._looked: float | None = None
        self._looking = threading.Lock()
        self._loaded = Loaded(Catalog({}), {})
        self.reload()

    def reload(self) -> None:
        """Read the files again. What is wrong with them is in the catalog's problems."""
        path = find_file(self.home)
        try:
            self.file = path.name, path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):  # the catalog says so
            self.file = None
        self._files = load_catalog(self.home)
        self._compose(warn=True)

    def look(self) -> None:
        """Take in what was stored since: at once the first time, later by itself, at most once a second."""
        with self._looking:
            self._look()

    def _look(self) -> None:
        if self._stored is None:
            return
        self._looked = time.monotonic()
        try:
            stamp = self._stored.canvases_stamp()
            if stamp != self._stamp:
                self._canvases = {name: json.loads(text) for name, text in self._stored.canvases().items()}
                self._stamp = stamp
                self._compose()
        except HistoryUnavailable as error:
            log.warning("stored definitions cannot be read now: %s", error)

    def _compose(self, *, warn: bool = False) -> None:
        catalog = with_canvases(self._files, self.canvases)
        self._loaded = Loaded.of(catalog, self.tasks, signs=self.signs)
        for problem in self._loaded.catalog.problems if warn else ():
            log.warning("%s", problem)

    def _now(self) -> Loaded:
        if self._looked is not None and time.monotonic() - self._looked > LOOK and self._looking.acquire(False):
            try:
                self._look()
            finally:
                self._looking.release()
        return self._loaded

    @property
    def canvases(self) -> Mapping[str, Mapping[str, Any]]:
        """Those that are stored, as last read, and those that the project's tasks made."""
        return {**self._canvases, **DEFINED}

    def written(self, name: str) -> bool:
        """Whether the project's own files or tasks define this name."""
        return name in self._files.definitions or name in self._files.refused or name in DEFINED

    @property
    def catalog(self) -> Catalog:
        """Definitions and problems as last read."""
        return self._now().catalog

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The plan of each definition that can be started."""
        return self._now().plans

    def get(self, name: str) -> tuple[Definition, Plan]:
        """A definition that can be started, and its plan. Raises DefinitionNotFound, DefinitionError."""
        loaded = self._now()
        if name not in loaded.catalog.definitions and self._looked is not None:
            self.look()
        return self._loaded.get(name)
