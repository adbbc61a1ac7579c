"""`umbel worker`: a Celery worker with the project's tasks, or (`-A`) with those of an app that is there already."""

from typing import Any

from celery import maybe_patch_concurrency

from umbel.settings import Settings


def main(argv: list[str], settings: Settings) -> int:
    """Run a worker until it is stopped; its exit status, which is 0 if it was asked to stop.

    Args:
        argv: options of `celery worker`; and `-A module:app`, as before `worker` in Celery's own command.
        settings: where broker, state store and project are. An app of `-A` keeps its own broker.

    Raises:
        DefinitionError: a task module cannot be imported.
        SettingsError: broker or state store are of no kind that is known here, or there is no app to attach.
        click.ClickException: Celery does not take these options.
    """
    # Before anything imports sockets, or the patches of gevent and eventlet come too late (Celery docs, gevent).
    maybe_patch_concurrency(["worker", *argv])

    from celery import signals
    from celery.bin.celery import celery

    from umbel.celery import xray
    from umbel.celery.address import check_broker
    from umbel.celery.app import make_app
    from umbel.celery.attach import find, take_app
    from umbel.celery.broker import outlive_restarts
    from umbel.celery.install import install
    from umbel.celery.project import load_tasks
    from umbel.engine.engine import Engine

    Engine.open(settings).close()  # connects to nothing, but refuses an address that is none
    name, argv = take_app(argv)
    if name is None:
        check_broker(settings.broker_url)
        app = make_app(settings)
        load_tasks(settings.home)
    else:
        app = find(name, settings)
    install(app, settings)
    xray.install(settings, "worker")
    outlive_restarts()
    asked: set[str] = set()

    def note(how: str, **_: Any) -> None:
        asked.add(how)

    signals.worker_shutting_down.connect(note, weak=False)
    # What `app.worker_main` does (`celery/app/base.py`), which throws away the status that click returns here. As an
    # argument the app also comes before an `APP` in the environment, which Celery would take for the app's module.
    status = celery.main(args=["--app", app, "worker", *argv], standalone_mode=False)
    # After one Ctrl-C Celery finishes what runs, as after SIGTERM, but calls it a failure (`celery/apps/worker.py`).
    return 0 if asked == {"Warm"} else int(status or 0)
