"""From a project's folder to its catalog."""

from pathlib import Path
from typing import Final

from umbel.definition.document import MAX_BYTES
from umbel.definition.model import Catalog
from umbel.definition.parse import parse
from umbel.definition.problems import At, Report

FILES: Final = ("workflows.yml", "workflows.yaml")
"""Where definitions stand; the first that exists counts (celery-director knows only the first)."""


def find_file(home: Path) -> Path:
    """The definition file of the project in `home`; the first of `FILES` if there is none."""
    return next((home / name for name in FILES if (home / name).exists()), home / FILES[0])


def load_catalog(home: Path) -> Catalog:
    """Read the definitions of the project in `home`.

    Raises nothing: a missing or unreadable file is a problem in the catalog.
    """
    path = find_file(home)
    return load_file(path, home, path.name)


def load_file(path: Path, home: Path, name: str) -> Catalog:
    """Read the definitions in one file of the project in `home`; problems call it `name`. Raises nothing."""
    report = Report(name)
    try:
        if not path.exists():
            hint = f"Create {path.name}, or name the project's folder (UMBEL_HOME)."
            report.add("file-missing", None, f"there is no {path.name} in {path.parent}", hint)
        elif not path.is_file():
            report.add("file-unreadable", None, "it is not a file")
        else:
            with path.open("rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
            return parse(_decode(raw), file=name, home=home)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        where = At(before.count(b"\n"), len(before) - before.rfind(b"\n") - 1)
        report.add("bad-character", where, f"not UTF-8: {error.reason}", "Save the file as UTF-8.")
    except OSError as error:
        report.add("file-unreadable", None, f"it cannot be read: {error.strerror}")
    return Catalog({}, report.result())


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:  # a character cut in two is not what is wrong with it
        return raw.decode("utf-8", "replace")
    return raw.decode("utf-8")
