"""Umbel's part of a Celery worker: bootsteps for its heartbeat and the engine's loops."""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

from celery import bootsteps, signals
from celery.worker.components import Pool

from umbel import __version__
from umbel.celery import native
from umbel.celery.broker import keep_client
from umbel.celery.process import Process
from umbel.celery.results import provide_results
from umbel.engine.engine import Engine
from umbel.engine.loops import Loops
from umbel.errors import UmbelError

log = logging.getLogger(__name__)


class Heart:
    """The worker's sign of life, from a real thread: Celery's own timer stands still on solo and on a busy gevent."""

    def __init__(self, process: Process, info: dict[str, Any]) -> None:
        self._process = process
        self._info = info
        self._left = False

    def start(self) -> None:
        """First beat at once, so that the worker is known before it takes a task."""
        self._beat(self._process.engine)
        native.start(self._run)

    def leave(self) -> None:
        """Say goodbye: what this worker still holds is taken over at once."""
        self._left = True
        self._beat(self._process.engine, leaving=True)

    def _run(self) -> None:
        engine = self._process.open_engine()
        while True:
            native.sleep(self._process.settings.heartbeat)
            if self._left:
                return
            self._beat(engine)

    def _beat(self, engine: Engine, *, leaving: bool = False) -> None:
        try:
            for partition in engine.partitions:
                engine.beat(partition, self._process.worker, self._info, leaving=leaving)
        except UmbelError as error:
            log.warning("no sign of life could be given: %s", error)
        except Exception:
            log.exception("no sign of life could be given")


def steps(process: Process, equip: Callable[[str], None]) -> tuple[type, type]:
    """The bootsteps (worker, consumer) that hook a worker up; `equip(pool)` hooks its tasks."""

    class WorkerStep(bootsteps.StartStopStep):
        """Starts once, after the pool: heartbeat and loops."""

        name = "Umbel"
        requires = (Pool,)

        def __init__(self, worker: Any, **kwargs: Any) -> None:
            process.name_worker(worker.hostname)
            process.task_events = bool(worker.task_events)
            process.time_limit = worker.time_limit
            worker.app.finalize()
            provide_results(worker.app, process.settings)
            equip(_pool(worker))
            super().__init__(worker, **kwargs)

        def start(self, worker: Any) -> None:
            about = _about(worker)
            heart = Heart(process, about)
            heart.start()
            loops = Loops(process.engine, process.dispatcher.publish, process.worker)
            try:
                loops.welcome(about)
            except UmbelError as error:
                log.warning("what waits in the queues could not be sent again: %s", error)
            loops.start()

            def leave(**_: Any) -> None:
                loops.stop()
                heart.leave()

            # Not in stop(): bodies still run then, and a worker that has left loses them.
            signals.worker_shutdown.connect(leave, weak=False)

    class ConsumerStep(bootsteps.StartStopStep):
        """Celery builds the tracers anew with every connection (`Consumer.update_strategies`), and pool threads run."""

        name = "Umbel tracers"

        def __init__(self, consumer: Any, **kwargs: Any) -> None:
            build = consumer.update_strategies

            def update_strategies() -> None:
                build()
                equip(_pool(consumer.controller))
                keep_client(consumer.connection.default_channel)

            consumer.update_strategies = update_strategies
            super().__init__(consumer, **kwargs)

    return WorkerStep, ConsumerStep


def _pool(worker: Any) -> str:
    return str(worker.pool_cls.__module__).rpartition(".")[2]


def _about(worker: Any) -> dict[str, Any]:
    app = worker.app
    return {
        "host": worker.hostname,
        "pid": os.getpid(),
        "pool": _pool(worker),
        "concurrency": worker.concurrency,
        "prefetch": int(worker.concurrency or 1) * int(worker.prefetch_multiplier or 1),
        "queues": sorted(app.amqp.queues.consume_from),
        "tasks": sorted(name for name in app.tasks if not name.startswith("celery."))[:200],
        "started_at": round(time.time() * 1000),
        "version": __version__,
    }
