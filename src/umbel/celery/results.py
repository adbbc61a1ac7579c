"""The result backend of runs with `engine: canvas`: Celery's chords count in it. Nothing else of ours writes to it."""

from typing import Any, Final
from urllib.parse import urlsplit

from celery import Celery
from celery.backends.base import SyncBackendMixin
from celery.backends.redis import RedisBackend

from umbel.celery.capture import opened
from umbel.settings import Settings

EXPIRES: Final = 24 * 3600
"""Seconds that Celery keeps a result or a chord's counter (its default). A chord whose members take longer hangs."""


class Results(SyncBackendMixin, RedisBackend):
    """Celery's own, with its own keys (`celery-task-meta-*`), but without a subscription for each task and group.

    Nobody here waits for a result, and Celery never drops those subscriptions (celery #6963). Who waits yet, polls, as
    with Celery's backends for databases.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Celery subscribes to the result here."""

    def encode_result(self, result: Any, state: str) -> Any:
        """What `self.update_state` and the like keep of an attempt, without what it has opened."""
        found = super().encode_result(result, state)
        mask = opened().mask
        return mask.value(found) if mask else found


def result_backend(settings: Settings) -> str:
    """Celery's `result_backend` for these settings: `UMBEL_RESULT_URL`, or else the state store."""
    url = settings.result_url or settings.state_url
    scheme = urlsplit(url).scheme
    if scheme == "unix":  # as Celery calls it; the database is a parameter for both, but goes by another name
        scheme, url = "socket", url.replace("unix://", "socket://", 1).replace("?db=", "?virtual_host=")
    if scheme not in ("redis", "rediss", "socket"):
        return url
    return f"{__name__}:{Results.__name__}+{url}"


def provide_results(app: Celery, settings: Settings) -> None:
    """Give an app that has no result backend the one that the server uses. Call it when the app is configured."""
    if app.backend_cls is None and app.conf.result_backend is None:
        app.conf.result_backend = result_backend(settings)
        # One that keeps nothing may have been made already (`celery/app/base.py`).
        app._backend_cache = None
        app._backend = app._get_backend()
