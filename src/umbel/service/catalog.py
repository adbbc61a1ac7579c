"""The project's definitions with their plans, as one value that is replaced as a whole."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from umbel.definition import Catalog, Definition, check_tasks, load_catalog
from umbel.errors import DefinitionError, DefinitionNotFound
from umbel.plan import build_all
from umbel.plan.model import Plan

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one reading of the project's files gave."""

    catalog: Catalog
    plans: Mapping[str, Plan]

    @classmethod
    def of(cls, catalog: Catalog, tasks: Collection[str] | None) -> "Loaded":
        """The catalog with its plans, checked against the names of the tasks that are there (None: not known)."""
        if tasks is not None:
            catalog = check_tasks(catalog, tasks)
        plans, catalog = build_all(catalog)
        return cls(catalog, plans)

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


class Definitions:
    """The definitions below `home`. Reading swaps one reference, so that threads always see a whole catalog.

    Args:
        home: the project's folder.
        tasks: names of the Celery tasks that the project has, or None if that cannot be told; then a definition may
            call any.
    """

    def __init__(self, home: Path, tasks: Collection[str] | None = None) -> None:
        self.home = home
        self.tasks = tasks
        self._loaded = Loaded(Catalog({}), {})
        self.reload()

    def reload(self) -> None:
        """Read the files again. What is wrong with them is in the catalog's problems."""
        loaded = Loaded.of(load_catalog(self.home), self.tasks)
        for problem in loaded.catalog.problems:
            log.warning("%s", problem)
        self._loaded = loaded

    @property
    def catalog(self) -> Catalog:
        """Definitions and problems as last read."""
        return self._loaded.catalog

    @property
    def plans(self) -> Mapping[str, Plan]:
        """The plan of each definition that can be started."""
        return self._loaded.plans

    def get(self, name: str) -> tuple[Definition, Plan]:
        """A definition that can be started, and its plan. Raises DefinitionNotFound, DefinitionError."""
        return self._loaded.get(name)
