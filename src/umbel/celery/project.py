"""A project's tasks: `tasks/**/*.py` below the project's folder, imported as celery-director does."""

import importlib
import importlib.util
import sys
from pathlib import Path

from dotenv import load_dotenv

from umbel.errors import DefinitionError


def load_tasks(home: Path) -> list[str]:
    """Import every module below `home/tasks`, with `home` on the import path and its `.env` in the environment.

    Returns the names of the imported modules. A project without that folder has none.

    Raises:
        DefinitionError: a module cannot be imported; the message names the file and the reason.
    """
    home = home.resolve()
    load_dotenv(home / ".env")
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))
    names: list[str] = []
    for path in sorted((home / "tasks").rglob("*.py")):
        if path.name == "__init__.py":
            continue
        name = ".".join(path.relative_to(home).with_suffix("").parts)
        try:
            importlib.import_module(name)
        except Exception as error:
            where = path.relative_to(home)
            raise DefinitionError(
                f"{where}: cannot be imported: {type(error).__name__}: {error}",
                hint=f"`python -c 'import {name}'` in the project's folder shows the whole traceback.",
            ) from error
        names.append(name)
    return names
