"""A project's tasks: `tasks/**/*.py` below the project's folder, imported as celery-director does."""

import importlib
import logging
import os
import sys
from pathlib import Path

from celery import Celery
from dotenv import load_dotenv

from umbel.celery import director_shim
from umbel.defined import collecting
from umbel.errors import DefinitionError
from umbel.plan.model import STEP_TASK
from umbel.settings import env_file

log = logging.getLogger(__name__)


def task_names(home: Path, app: Celery) -> frozenset[str] | None:
    """Names of the tasks that a project's workers know; None if its tasks are not here, or cannot be imported here.

    celery-director's web process imports them too. What the worker needs may be missing where the server runs, so a
    failure is only logged.
    """
    if not (home / "tasks").is_dir():
        return None
    try:
        load_tasks(home)
    except DefinitionError as error:
        log.warning("%s; whether definitions name existing tasks is not checked", error)
        return None
    app.finalize()
    return frozenset(app.tasks) | {STEP_TASK}


def load_tasks(home: Path) -> list[str]:
    """Import every module below `home/tasks`, with `home` on the import path and its `.env` in the environment.

    `from director import task, config` works in them; see `director_shim`.

    Returns the names of the imported modules. A project without that folder has none.

    Raises:
        DefinitionError: a module cannot be imported; the message names the file and the reason.
    """
    home = home.resolve()
    os.environ.setdefault("DIRECTOR_HOME", str(home))  # the .env that `director init` writes refers to it
    load_dotenv(env_file(home))
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))
    director_shim.offer()
    names: list[str] = []
    for path in sorted((home / "tasks").rglob("*.py")):
        if path.name == "__init__.py":
            continue
        name = ".".join(path.relative_to(home).with_suffix("").parts)
        try:
            with collecting():  # what `umbel.define` says in them is the project's own
                importlib.import_module(name)
        except Exception as error:
            where = path.relative_to(home)
            raise DefinitionError(
                f"{where}: cannot be imported: {type(error).__name__}: {error}",
                hint=f"`python -c 'import {name}'` in the project's folder shows the whole traceback.",
            ) from error
        names.append(name)
    return names
