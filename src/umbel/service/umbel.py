"""The container: what one server process holds, and nothing else global."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

from umbel.celery import canvas_out
from umbel.celery.app import make_app
from umbel.celery.dispatch import Dispatcher
from umbel.celery.lengths import queue_lengths
from umbel.celery.project import task_names
from umbel.engine.engine import Engine
from umbel.engine.loops import Loops
from umbel.engine.wire import Item
from umbel.errors import HistoryUnavailable, SettingsError, StateFull, StateUnavailable, UmbelError
from umbel.failpoints import failpoint
from umbel.keeper import Keeper, Loop
from umbel.keeper.count import Counter
from umbel.keeper.trace import Tracer
from umbel.machine import Code
from umbel.observe.logs import of
from umbel.observe.metrics import Metrics
from umbel.observe.spans import Exporter, otlp, trace_of
from umbel.plan.model import Plan
from umbel.service.catalog import Definitions
from umbel.service.gauges import Gauges, Lengths
from umbel.service.lab import Lab
from umbel.service.names import Names
from umbel.service.publishing import Publish, Publishing
from umbel.service.restore import children, lost, restore, waiting
from umbel.service.scenes import Scenes
from umbel.settings import Settings
from umbel.store import Rerun, RunRow, Store, maps_of

log = logging.getLogger(__name__)

PLANS_KEPT = 256
RUNS_KEPT = 4096

PATIENCE: Final = 1.0
"""Seconds that an accepted run waits for its launch, with whoever waits for the answer."""
PORTIONS: Final = 20
"""Portions of a wide release that are published at once, before the loops go on."""
LAUNCHES: Final = 8
"""Launches at the same time: fewer than the broker's connections (Celery's broker_pool_limit, 10)."""


class Umbel:
    """One server process's store, engine, definitions and loops. Everything is thread safe.

    Args:
        settings: where everything is.
        engine: the state machine; closed with this.
        publish: sends one message per released task to the broker; raises BrokerUnavailable if it cannot.
        tasks: names of the project's Celery tasks, if they are known here.
        loops: whether this process also looks after due retries and lost workers (the workers do so too).
        now: for tests: the clock of schedules (ms UTC).
        keepers: the keeper's own engine, which may also look at a store that is closed to others; closed with this.
        send_canvas: sends and launches a run that Celery's own canvas sequences (`umbel.celery.canvas_out.launch`).
        lengths: what the broker's queues hold; None where no broker is known.
        exporter: takes the spans of settled runs; None for no traces.
        lab: the failure lab's hands; None where nothing may be broken.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        publish: Publish,
        *,
        tasks: Collection[str] | None = None,
        loops: bool = True,
        now: Callable[[], int] | None = None,
        send_canvas: Callable[..., list[Item]] | None = None,
        keepers: Engine | None = None,
        lengths: Lengths | None = None,
        exporter: Exporter | None = None,
        lab: Lab | None = None,
    ) -> None:
        self.settings = settings
        self.lab = lab
        self.send_canvas = send_canvas
        self.name = f"server@{socket.gethostname()}:{os.getpid()}"
        self.store = Store(settings.database_url)
        self.engine = engine
        self.definitions = Definitions(settings.home, tasks, self.store, signs=bool(settings.webhook_secret))
        self.publish = Publishing(publish)
        self._loops = Loops(self.engine, self.publish, self.name)
        own: list[Loop] = [self._loops] if loops else []
        self.gauges = Gauges(self, lengths)
        self.lengths = lengths
        self.metrics = Metrics(self.gauges.read)
        self.scenes = Scenes()
        watch = [Counter(self.metrics, self.plan, settings.default_queue).count]
        if exporter is not None:
            tracer = Tracer(self.store, self.plan, exporter, self.metrics, settings.url, settings.default_queue)
            own.append(tracer)
            watch.append(tracer.note)
        self._keepers = keepers or engine
        self.keeper = Keeper(
            self.store,
            self._keepers,
            settings,
            self.definitions,
            self.try_launch,
            self.try_cancel,
            self.try_rebuild,
            own,
            who=self.name,
            now=now,
            watch=lambda applied: [each(applied) for each in watch],
        )
        self.feed = self.keeper.feed
        self._plans: dict[str, Plan] = {}
        self._names_of: dict[str, tuple[str, str]] = {}
        self._guard = threading.Lock()
        self._full = False  # the state store, when it was last told to launch a run
        self._launchers = ThreadPoolExecutor(LAUNCHES, thread_name_prefix="umbel-launch")
        self._may_launch = threading.BoundedSemaphore(LAUNCHES)

    @classmethod
    def open(cls, settings: Settings, lab: Lab | None = None) -> "Umbel":
        """Everything as `settings` say, publishing through Celery."""
        engine, keepers, app = Engine.open(settings), Engine.open(settings, if_confirmed=False), make_app(settings)
        tasks, send_canvas = task_names(settings.home, app), partial(canvas_out.launch, app)
        publish, lengths = Dispatcher(app, engine).publish, partial(queue_lengths, app)
        return cls(
            settings,
            engine,
            publish,
            tasks=tasks,
            send_canvas=send_canvas,
            keepers=keepers,
            lengths=lengths,
            exporter=_exporter(settings),
            lab=lab,
        )

    def prepare(self) -> None:
        """Bring the database up to date where nobody else does (SQLite), otherwise see that it is.

        Raises:
            HistoryUnavailable: it does not answer, or needs `umbel db upgrade`.
        """
        self.store.database.prepare()
        self.definitions.look()

    def start(self) -> None:
        """Start the loops."""
        self.keeper.start()

    def stop(self) -> None:
        """Stop the loops, end all waits, close the connections."""
        self.keeper.stop()
        self._launchers.shutdown(wait=False)
        self.scenes.close()
        self.gauges.close()
        self.engine.close()
        self._keepers.close()
        self.store.close()

    def launch(self, run: RunRow) -> None:
        """Hand an accepted run, or a new epoch of a run, to the engine and its first tasks to the broker. Harmless if
        it is there already; does nothing with a run that waits for others, or has ended.

        Raises:
            StateUnavailable: the run is not launched; the keeper launches it later.
            BrokerUnavailable: it is launched, its first tasks are sent later.
        """
        if run.held or run.settled:
            return
        plan = self.plan(run.plan_hash)
        if run.rerun is not None:
            restore(self.engine, self.store, run, self.plan)
            self._set_trace(run)
            if Rerun.from_json(run.rerun).paused:
                self.engine.pause(run.id)
            self.go_on(run.id)
            return
        if plan.engine == "canvas" and self.send_canvas is not None:
            self.send(self.send_canvas(self.engine, run.id, plan, run.payload, by=self.name))
            return
        released = self.engine.launch(run.id, plan, run.payload, by=self.name).released
        failpoint("run-launched")
        self._set_trace(run)
        self.send([Item(run.id, index, 1, plan.hash) for index in released])

    def _set_trace(self, run: RunRow) -> None:
        if run.traceparent and self.settings.traces:
            self.engine.set_trace(run.id, trace_of(run.id, run.traceparent)[0])

    def send(self, items: Sequence[Item]) -> None:
        """Publish released tasks; if the broker does not take them, the loops do it later. Raises BrokerUnavailable."""
        try:
            self.publish(items)
        except UmbelError:
            self._loops.later(items)
            raise

    def send_released(self, run: RunRow, indices: Sequence[int]) -> None:
        """Publish what a call has released, leaving it to the loops if the broker does not take it."""
        try:
            self.send([Item(run.id, index, run.epoch, run.plan_hash) for index in indices])
        except UmbelError as error:
            log.warning("released tasks of run %s are sent later: %s", run.id, error, extra=of(run=run.id))

    def go_on(self, run_id: str) -> None:
        """Publish what a run has released in portions; what is left, the loops do. Raises as `launch`."""
        for _ in range(PORTIONS):
            items, more = self.engine.advance(self.engine.partition(run_id), by=self.name, run=run_id)
            self.send(items)
            if not more:
                return

    def try_cancel(self, run: RunRow) -> None:
        """Cancel a run that has to make room for another one. Never raises: it is tried again."""
        try:
            info = {"by": "limit"}
            if self.engine.cancel(run.id, info=info).code is Code.NO_RUN and run.last_seq == 0:
                self.engine.launch(run.id, self.plan(run.plan_hash), run.payload, by=self.name)
                self.engine.cancel(run.id, info=info)
        except UmbelError as error:
            log.warning("run %s is canceled later: %s", run.id, error, extra=of(run=run.id))

    def try_launch(self, run: RunRow) -> None:
        """`launch`, leaving to the loops what cannot be done at once: the run is on disk, so nothing is lost.

        Never raises, and returns within `PATIENCE`, whether state store and broker answer or not: a client that has to
        hear that its run is accepted, and the other clients, must not wait for them.
        """
        if run.held or run.settled:
            return
        until = time.monotonic() + PATIENCE
        if not self._may_launch.acquire(timeout=PATIENCE):
            log.warning(
                "run %s is accepted and will be launched later: all launches wait for an answer",
                run.id,
                extra=of(run=run.id),
            )
            return
        try:
            launching = self._launchers.submit(self._launch, run)
        except RuntimeError:  # the server ends; the next one launches it
            self._may_launch.release()
            return
        try:
            launching.result(max(0.0, until - time.monotonic()))
        except TimeoutError:
            log.warning("run %s is accepted; its launch waits for an answer", run.id, extra=of(run=run.id))

    def _launch(self, run: RunRow) -> None:
        try:
            self.launch(run)
        except StateFull as error:
            self._full = True
            log.warning("run %s is accepted and will be launched later: %s", run.id, error, extra=of(run=run.id))
        except UmbelError as error:
            log.warning(
                "run %s is accepted and will be launched or sent later: %s", run.id, error, extra=of(run=run.id)
            )
        except Exception:  # whatever it is, the run is accepted, and its client has to hear that
            log.exception(
                "run %s is accepted, but its launch failed; it is tried again later", run.id, extra=of(run=run.id)
            )
        finally:
            self._may_launch.release()

    def try_rebuild(self, run: RunRow) -> None:
        """Let a run that the state store has lost go on from what the history has. Never raises: it is tried again."""
        try:
            plan = self.plan(run.plan_hash)
            if self._ends_here(run, plan):
                if self.store.end_here(run, now_ms(), "lost"):
                    self.feed.resync()
                return
            rows, known = self.store.tasks(run.id), set()
            for child in map(self.store.run, children(plan, rows).values()):
                if child is not None:
                    known.add(child.id)
                    if not child.settled and self._ends_here(child, self.plan(child.plan_hash)):
                        self.store.end_here(child, now_ms(), "lost")  # before, so that its end is told
            again = self.store.ask_rebuild(run, lost(plan, run, rows, known), now_ms())
            if again is not None:
                failpoint("rebuild-asked")
                self.try_launch(again)
        except UmbelError as error:
            log.warning("run %s is rebuilt later: %s", run.id, error, extra=of(run=run.id))

    def _ends_here(self, run: RunRow, plan: Plan) -> bool:
        """Nothing of this lost run may go on; or nobody waits for it any more; or Celery's canvas has what is left."""
        unwanted = run.parent_run is not None and waiting(self.store, self.plan, run) is None
        return run.stopped or unwanted or plan.engine == "canvas"

    def require_room(self) -> None:
        """Before a run is accepted. Asks the state store only if that was full when last heard of.

        Raises:
            StateFull: it still is.
        """
        if self._full:
            try:
                self.engine.require_room()
            except StateFull:
                raise
            except StateUnavailable:  # away, as far as anybody knows not full: what is accepted is launched later
                return
            self._full = False

    def plan(self, plan_hash: str) -> Plan:
        """A plan that the history holds; remembered.

        Raises:
            HistoryUnavailable: the database does not answer, or has lost the plan.
        """
        plan = self._plans.get(plan_hash)
        if plan is None:
            plan = self.store.plan(plan_hash)
            if plan is None:
                raise HistoryUnavailable(f"The plan {plan_hash} is not in the history.")
            own = {node.workflow.plan: self.plan(node.workflow.plan) for node in plan.nodes if node.workflow}
            subs = {each.hash: each for sub in own.values() for each in (*sub.subplans, sub)}
            if subs:
                plan = replace(plan, subplans=tuple(subs.values()))
            self.remember(plan)
        return plan

    def names_of(self, run_id: str, *indices: int) -> Names | None:
        """The names of a run's tasks, of those at `indices` too; None if there is no such run.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        found = self._names_of.get(run_id)
        names = self.names(*found) if found is not None else None
        if names is None or not all(names.knows(index) for index in indices):
            run = self.store.run(run_id)  # not known yet, or before a map was expanded
            if run is None:
                return None
            with self._guard:
                if len(self._names_of) >= RUNS_KEPT:
                    del self._names_of[next(iter(self._names_of))]
                self._names_of[run_id] = (run.plan_hash, run.maps)
            names = self.names(run.plan_hash, run.maps)
        return names

    def names(self, plan_hash: str, maps: str) -> Names:
        """The names of the tasks of a run with this plan and these maps. Raises HistoryUnavailable."""
        return Names(self.plan(plan_hash), maps_of(maps))

    def remember(self, plan: Plan) -> None:
        """Keep a plan at hand."""
        with self._guard:
            if plan.hash not in self._plans and len(self._plans) >= PLANS_KEPT:
                del self._plans[next(iter(self._plans))]
            self._plans[plan.hash] = plan


def _exporter(settings: Settings) -> Exporter | None:
    """Where spans go. Raises SettingsError if they are asked for by UMBEL_OTEL and cannot be sent."""
    if not settings.traces:
        return None
    try:
        return otlp()
    except SettingsError as error:
        if settings.otel:
            raise
        log.warning("no traces: %s %s", error, error.hint)  # OpenTelemetry's variable may be meant for somebody else
        return None


def now_ms() -> int:
    """This moment by the server's clock, in ms UTC. Only for `created_at` and for texts; the engine has its own."""
    return time.time_ns() // 1_000_000
