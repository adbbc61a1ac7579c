"""Umbel's part of a Celery worker: bootsteps for its heartbeat and the engine's loops."""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from celery import bootsteps, signals
from celery.worker.components import Pool

from umbel.celery import native
from umbel.celery.about import About
from umbel.celery.broker import keep_client
from umbel.celery.process import Process
from umbel.celery.results import provide_results
from umbel.engine.engine import Engine
from umbel.engine.loops import Loops
from umbel.errors import UmbelError

log = logging.getLogger(__name__)

AGAIN: Final = 15
"""Signs of life after which a worker says everything of itself again: the state store may have lost it."""


class Heart:
    """The worker's sign of life, from a real thread: Celery's own timer stands still on solo and on a busy gevent."""

    def __init__(self, process: Process, about: About) -> None:
        self._process = process
        self._about = about
        self._told: dict[str, Any] = {}
        self._count = 0
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
            full, brief = self._news()
            for partition in engine.partitions:
                engine.beat(partition, self._process.worker, brief if partition else full, leaving=leaving)
        except UmbelError as error:
            self._told = {}
            log.warning("no sign of life could be given: %s", error)
        except Exception:
            log.exception("no sign of life could be given")

    def _news(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What to say to the first partition, where it is read, and to the others: nothing, mostly."""
        now = self._about.full()
        again = now != self._told or self._count % AGAIN == 0
        self._count += 1
        if not again:
            return {}, {}
        self._told = now
        return now, self._about.brief()


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
            about = About(process, worker, _pool(worker))
            heart = Heart(process, about)
            heart.start()
            loops = Loops(process.engine, process.dispatcher.publish, process.worker)
            try:
                loops.welcome(about.brief())
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
        requires = ("celery.worker.consumer:Connection",)

        def __init__(self, consumer: Any, **kwargs: Any) -> None:
            build = consumer.update_strategies

            def update_strategies() -> None:
                build()
                equip(_pool(consumer.controller))
                keep_client(consumer.connection.default_channel)

            consumer.update_strategies = update_strategies
            super().__init__(consumer, **kwargs)

        def start(self, consumer: Any) -> None:
            process.broker_lost_at = None

        def stop(self, consumer: Any) -> None:
            process.broker_lost_at = round(time.time() * 1000)

    return WorkerStep, ConsumerStep


def _pool(worker: Any) -> str:
    return str(worker.pool_cls.__module__).rpartition(".")[2]
