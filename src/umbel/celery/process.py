"""What one worker process has: its identity, its engine, its dispatcher. Made anew after a fork."""

import os
import threading
import uuid

from celery import Celery

from umbel.celery.dispatch import Dispatcher
from umbel.engine.engine import Engine
from umbel.settings import Settings

WORKER_ENV = "UMBEL_WORKER_ID"
"""How pool processes learn which worker they belong to, forked or spawned."""


class Process:
    """This process's parts, made on first use: sockets must not cross a fork (celery-facts: create clients per pid)."""

    def __init__(self, app: Celery, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.task_events = False
        """The worker sends Celery's task events (`celery worker -E`)."""
        self.time_limit: float | None = None
        """The hard time limit, in seconds, of tasks that have none of their own (`celery worker --time-limit`)."""
        self.broker_lost_at: int | None = None
        """Since when (ms) the worker has no connection to the broker; None if it has one."""
        self._lock = threading.Lock()
        self._pid = 0

    @staticmethod
    def name_worker(hostname: str) -> str:
        """Give this worker its id, one for each start: a restarted worker is another one."""
        worker = f"{hostname}~{uuid.uuid4().hex[:8]}"
        os.environ[WORKER_ENV] = worker
        return worker

    @property
    def worker(self) -> str:
        """Id of the worker that this process belongs to."""
        return os.environ[WORKER_ENV]

    @property
    def name(self) -> str:
        """`worker/pid`: who releases tasks in this process."""
        return f"{self.worker}/{os.getpid()}"

    @property
    def engine(self) -> Engine:
        """This process's engine."""
        self._renew()
        return self._engine

    @property
    def dispatcher(self) -> Dispatcher:
        """This process's dispatcher."""
        self._renew()
        return self._dispatcher

    def open_engine(self) -> Engine:
        """One more engine, for a thread that must not share a client (see `native`)."""
        return Engine.open(self.settings)

    def _renew(self) -> None:
        if self._pid == os.getpid():
            return
        # A fork may have copied the lock while another thread held it; then nobody would ever release it here.
        if self._pid:
            self._lock = threading.Lock()
        with self._lock:
            if self._pid != os.getpid():
                self._engine = self.open_engine()
                self._dispatcher = Dispatcher(self.app, self._engine)
                self._pid = os.getpid()
