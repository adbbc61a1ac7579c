"""A worker of the plain app: `celery worker`, tied to the scene that started it."""

import os
import sys

from celery.signals import worker_process_init

from umbel.celery.xray import record_plain
from umbel.demo.plain.app import app
from umbel.demo.plain.tied import tie

MAIN = os.getpid()


@worker_process_init.connect
def _not_alone(**_: object) -> None:
    """The kernel ends a pool process with its parent only once Celery has asked it to (`celery/concurrency/prefork.py`,
    `process_initializer`); a parent that was killed before that would leave it behind."""
    if os.getppid() != MAIN:
        os._exit(1)


if __name__ == "__main__":
    tie()
    record_plain(os.environ["PLAIN_RUN"], os.environ["PLAIN_SCENE"], "worker")
    # Alone, it has no neighbours to ask, which would take a second.
    app.worker_main(["worker", "--without-mingle", "--without-gossip", *sys.argv[1:]])
