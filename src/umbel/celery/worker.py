"""`umbel worker`: a Celery worker with the project's tasks."""

from celery import maybe_patch_concurrency

from umbel.settings import Settings


def main(argv: list[str], settings: Settings) -> int:
    """Run a worker until it is stopped.

    Args:
        argv: options of `celery worker`.
        settings: where broker, state store and project are.

    Raises:
        DefinitionError: a task module cannot be imported.
    """
    # Before anything imports sockets, or the patches of gevent and eventlet come too late (Celery docs, gevent).
    maybe_patch_concurrency(["worker", *argv])

    from umbel.celery.app import make_app
    from umbel.celery.install import install
    from umbel.celery.project import load_tasks

    app = make_app(settings)
    load_tasks(settings.home)
    install(app, settings)
    app.worker_main(["worker", *argv])
    return 0
