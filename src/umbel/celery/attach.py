"""`umbel worker -A proj.celery:app`: an app that is there already, its settings and its code left alone."""

import logging
from typing import Final

from celery import Celery

from umbel.celery.address import shown
from umbel.celery.locate import import_app
from umbel.errors import SettingsError
from umbel.settings import Settings

log = logging.getLogger(__name__)

_OPTIONS: Final = ("-A", "--app")
_PICKLE: Final = frozenset({"pickle", "application/x-python-serialize"})


def take_app(argv: list[str]) -> tuple[str | None, list[str]]:
    """The name of the app in a worker's options, and the other options.

    Raises:
        SettingsError: the option has no value.
    """
    rest = list(argv)
    for place, word in enumerate(rest):
        if word in _OPTIONS:
            if place + 1 == len(rest):
                raise SettingsError(f"{word} needs the name of an app.", hint="For example -A proj.celery:app.")
            return rest[place + 1], rest[:place] + rest[place + 2 :]
        for start in ("--app=", "-A"):
            if word.startswith(start):
                return word.removeprefix(start), rest[:place] + rest[place + 1 :]
    return None, rest


def find(name: str, settings: Settings) -> Celery:
    """Import an app as Celery's own command does, from the working directory too.

    It keeps its broker, its queues and its result backend. The server sends the first tasks of a run to
    `UMBEL_BROKER_URL` and `UMBEL_DEFAULT_QUEUE`, so those must be the app's; where they are not here, this is logged.

    Raises:
        SettingsError: there is no such app, or it takes no JSON.
    """
    app = import_app(name)
    accepted = {str(each) for each in app.conf.accept_content or ()}
    if not accepted & {"json", "application/json"}:
        raise SettingsError(
            f"The app {name} does not accept JSON, in which Umbel's messages are written.",
            hint="Add 'json' to its accept_content.",
        )
    if accepted & _PICKLE:
        log.warning("%s accepts pickle: who can write to its broker can run any code here (`umbel check-app`)", name)
    own, here = shown(str(app.connection_for_read().as_uri())), shown(settings.broker_url)
    if own != here:
        log.warning(
            "%s keeps its broker, %s; the server's UMBEL_BROKER_URL must be that (here it is %s)", name, own, here
        )
    queue = app.conf.task_default_queue
    if queue != settings.default_queue:
        log.warning("the default queue of %s is %s; the server's UMBEL_DEFAULT_QUEUE must be that", name, queue)
    return app
