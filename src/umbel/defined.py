"""Definitions that a project's own Python code makes with `umbel.define` while its tasks are imported.

Owns: the list of them, one per process.
May import: nothing.
Promises: needs neither Celery nor a server.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

DEFINED: Final[dict[str, Mapping[str, Any]]] = {}
"""`project.NAME` -> the canvas, as JSON values."""

_collecting = 0


@contextmanager
def collecting() -> Iterator[None]:
    """While this lasts, `umbel.define` adds to `DEFINED` and asks no server."""
    global _collecting
    _collecting += 1
    try:
        yield
    finally:
        _collecting -= 1


def note(name: str, canvas: Mapping[str, Any]) -> bool:
    """Add a definition; False if nothing is collected now."""
    if _collecting:
        DEFINED[name] = canvas
    return _collecting > 0
