"""Umbel: a workflow server for people who already have Celery.

A Celery message is a doorbell; the truth is in the engine; the history is in SQL.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from umbel.celery.app import task as task
    from umbel.celery.install import install as install

__version__ = "0.1.0.dev0"

_HOME: Final = {"task": "umbel.celery.app", "install": "umbel.celery.install"}
"""Public names and where they live: imported when first used, so that `import umbel` stays light."""


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'umbel' has no attribute {name!r}")
