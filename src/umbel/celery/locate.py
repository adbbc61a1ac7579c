"""Finding somebody's Celery app by name, as `celery -A` does, and helping where it is not found."""

import difflib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Final

from celery import Celery
from celery.app.utils import find_app

from umbel.errors import SettingsError

_MADE: Final = re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?Celery\(", re.MULTILINE)
_FILES: Final = 500  # looked at for a name that may have been meant
_DEPTH: Final = 4  # folders below the working directory


def import_app(name: str) -> Celery:
    """Import an app as Celery's own command does, from the working directory too.

    Raises:
        SettingsError: there is no such app; the hint has the nearest names there are.
    """
    try:
        app = find_app(name)
    except (Exception, SystemExit) as error:
        raise SettingsError(f"The app {name} cannot be imported: {_reason(name, error)}", hint=_hint(name)) from error
    if not isinstance(app, Celery):
        raise SettingsError(f"{name} is no Celery app, but a {type(app).__name__}.", hint=_hint(name))
    return app


@contextmanager
def traceless() -> Iterator[None]:
    """Import without a trace: no compiled files are written, what modules print goes to standard error, and the
    import path is as before afterwards. The working directory is on it meanwhile, as in a worker."""
    kept, path = sys.dont_write_bytecode, list(sys.path)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(Path.cwd()))
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.dont_write_bytecode = kept
        sys.path[:] = path


def _reason(name: str, error: BaseException) -> str:
    module, _, attribute = name.partition(":")
    if attribute and module in sys.modules and not hasattr(sys.modules[module], attribute):
        return f"the module {module} is there, but has no `{attribute}`"
    return f"{type(error).__name__}: {error}"


def _hint(name: str) -> str:
    there = _apps_of(name.partition(":")[0]) or sorted(set(_apps_below(Path.cwd())))
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.5) or (there if len(there) == 1 else [])
    if near:
        return f"Did you mean {near[0]}?"
    if there:
        return f"There are {', '.join(there[:5])}."
    return "Write module:app, as for `celery -A`; the working directory is on the path."


def _apps_of(module: str) -> list[str]:
    """The apps of a module that could be imported."""
    if module not in sys.modules:
        return []
    return sorted(f"{module}:{key}" for key, value in vars(sys.modules[module]).items() if type(value) is Celery)


def _apps_below(home: Path) -> Iterator[str]:
    """What looks like an app in the Python files below a folder, without importing any."""
    for path in islice(_python_files(home, _DEPTH), _FILES):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        module = ".".join(path.relative_to(home).with_suffix("").parts).removesuffix(".__init__")
        for found in _MADE.finditer(text):
            yield f"{module}:{found[1]}"


def _python_files(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    yield from (path for path in inside if path.suffix == ".py" and path.is_file())
    for path in inside:
        if depth > 1 and path.name.isidentifier() and path.name != "node_modules" and path.is_dir():
            yield from _python_files(path, depth - 1)
