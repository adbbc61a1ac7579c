"""A worker of the plain app: `celery worker`, tied to the scene that started it."""

import os
import sys

from umbel.celery.xray import record_plain
from umbel.demo.plain.app import app
from umbel.demo.plain.tied import tie

if __name__ == "__main__":
    tie()
    record_plain(os.environ["PLAIN_RUN"], os.environ["PLAIN_SCENE"], "worker")
    # Alone, it has no neighbours to ask, which would take a second.
    app.worker_main(["worker", "--without-mingle", "--without-gossip", *sys.argv[1:]])
