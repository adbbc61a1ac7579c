"""From a Celery app to the facts that count. Imports the app's tasks, as its worker does; speaks to nobody."""

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from celery import Celery
from kombu.connection import Connection

from umbel.celery.survival.record import SETTINGS, AppFacts, QueueFacts, TaskFacts
from umbel.celery.survival.waits import calls_retry, uses_chord, waits
from umbel.errors import SettingsError
from umbel.plan.model import STEP_TASK

_KINDS: Final = {
    "amqps": "amqp",
    "pyamqp": "amqp",
    "librabbitmq": "amqp",
    "rediss": "redis",
    "sentinel": "redis",
    "sqla": "sqlalchemy",
}
"""kombu's other names of a transport (kombu/transport/__init__.py, TRANSPORT_ALIASES)."""

_ENVIRONMENT: Final = {"broker_url": "CELERY_BROKER_URL", "result_backend": "CELERY_RESULT_BACKEND"}
"""Settings that the environment overrides (celery/app/utils.py, Settings)."""

_SECRET: Final = ("broker_url", "result_backend")


def read(app: Celery, name: str) -> AppFacts:
    """What is known of an app without asking its broker.

    Args:
        app: found by `locate.import_app`, inside `locate.traceless`.
        name: what the user calls it.

    Raises:
        SettingsError: its settings cannot be read, or its tasks cannot be imported.
    """
    try:
        settings = {key: getattr(app.conf, key, None) for key in SETTINGS}
        connection = app.connection_for_read()
        transport = _transport(connection)
        options = dict(connection.transport_options or {})
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"The settings of {name} cannot be read: {type(error).__name__}: {error}",
            hint="`celery -A ... report` fails at the same place.",
        ) from error
    try:
        app.loader.import_default_modules()
        app.finalize()
        tasks = [each for key, each in sorted(app.tasks.items()) if not key.startswith("celery.") and key != STEP_TASK]
        queues = tuple(_queue(each, transport) for each in app.amqp.queues.values())
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"The tasks of {name} cannot be imported: {type(error).__name__}: {error}",
            hint="A worker of this app would not start either; see its `include` and `imports`.",
        ) from error
    modules = [sys.modules[key] for key in sorted({each.__module__ for each in tasks}) if key in sys.modules]
    backend = str(settings["result_backend"] or "disabled").partition("://")[0].partition("+")[0]
    return AppFacts(
        name=name,
        broker=str(connection.as_uri()),
        transport=transport,
        options=options,
        backend=backend,
        settings={key: _shown(key, value, connection, backend) for key, value in settings.items()},
        origins={key: origin for key in SETTINGS if (origin := _origin(app, key))},
        tasks=tuple(_task(each) for each in tasks),
        queues=queues,
        waits=tuple(wait for module in modules for wait in waits(module)),
        chords=tuple(module.__name__ for module in modules if uses_chord(module)),
    )


def _shown(key: str, value: Any, connection: Connection, backend: str) -> Any:
    """A setting without a password."""
    if key not in _SECRET or value is None:
        return value
    return connection.as_uri() if key == "broker_url" else f"{backend}://"


def _origin(app: Celery, key: str) -> str:
    variable = _ENVIRONMENT.get(key, "")
    if variable and os.environ.get(variable):
        return f"{variable} in the environment"
    return "set in the app" if app.conf.value_set_for(key) else ""


def _transport(connection: Connection) -> str:
    name = connection.transport_cls
    if not isinstance(name, str):
        return str(getattr(name, "driver_type", "unknown"))
    name = name.partition("+")[0].lower()
    return _KINDS.get(name, name)


def _task(task: Any) -> TaskFacts:
    body = getattr(task, "_orig_run", None)  # where autoretry has put the function (celery/app/autoretry.py)
    automatic = body is not None
    retries = automatic or calls_retry(task.run)
    return TaskFacts(
        name=task.name,
        acks_late=bool(task.acks_late),
        reject_on_worker_lost=bool(task.reject_on_worker_lost),
        retry_on_worker_lost=bool(getattr(task, "retry_on_worker_lost", False)),
        acks_on_failure=_flag(task, "acks_on_failure"),
        acks_on_timeout=_flag(task, "acks_on_timeout"),
        ignore_result=bool(task.ignore_result),
        track_started=bool(task.track_started),
        time_limit=task.time_limit or None,
        soft_time_limit=task.soft_time_limit or None,
        retries=retries,
        pause=_pause(task, automatic) if retries else 0.0,
    )


def _flag(task: Any, name: str) -> bool:
    """Celery 5.7 has one for failures and one for timeouts; before, there was one for both."""
    value = getattr(task, name, None)
    return bool(getattr(task, "acks_on_failure_or_timeout", True) if value is None else value)


def _pause(task: Any, automatic: bool) -> float:
    """The longest pause before a retry, as `celery/app/autoretry.py` and `Task.retry` reckon it."""
    backoff = float(getattr(task, "retry_backoff", False) or 0)
    if not automatic or not backoff:
        return float(task.default_retry_delay or 0)
    longest = float(getattr(task, "retry_backoff_max", 600))
    tries = task.max_retries
    return longest if tries is None or tries > 60 else min(longest, max(backoff, 1.0) * 2.0**tries)


def _queue(queue: Any, transport: str) -> QueueFacts:
    arguments: Mapping[str, Any] = queue.queue_arguments or {}
    limit = arguments.get("x-delivery-limit")
    return QueueFacts(
        name=str(queue.name),
        quorum=transport == "amqp" and arguments.get("x-queue-type") == "quorum",
        durable=bool(queue.durable),
        direct=queue.exchange is None or queue.exchange.type in ("", "direct", None),
        dead_letters="x-dead-letter-exchange" in arguments,
        delivery_limit=None if limit is None else int(limit),
    )
