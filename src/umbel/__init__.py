"""Umbel: a workflow server for people who already have Celery.

A Celery message is a doorbell; the truth is in the engine; the history is in SQL.

    from umbel import task      # Celery's own decorator, for the tasks of a project
    from umbel import submit    # run a Celery canvas on a server
    from umbel import Client    # whatever else a running server can do
    from umbel import install   # hook Umbel into a Celery app of your own
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from umbel.celery.app import task as task
    from umbel.celery.install import install as install
    from umbel.client import AsyncClient as AsyncClient
    from umbel.client import Client as Client
    from umbel.client import asubmit as asubmit
    from umbel.client import define as define
    from umbel.client import submit as submit

__all__ = ["AsyncClient", "Client", "__version__", "asubmit", "define", "install", "submit", "task"]
__version__ = "0.1.0.dev0"

_HOMES = {
    "AsyncClient": "umbel.client",
    "Client": "umbel.client",
    "asubmit": "umbel.client",
    "define": "umbel.client",
    "install": "umbel.celery.install",
    "submit": "umbel.client",
    "task": "umbel.celery.app",
}


def __getattr__(name: str) -> Any:
    """The public names, each loaded when it is first used: a client needs no Celery, a task no HTTP."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'umbel' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
