"""A worker without broker, store or clock: runs a plan with an app's own tasks in this thread, for `umbel.testing`.

It is the worker's own `Runner` with Celery's own tracers, on the engine in memory. What the engine releases is run in
the order of release; when nothing is left to run, the engine's clock moves to what is due next.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from celery import Celery
from celery.app.trace import build_tracer

from umbel.celery.attempt import Runner
from umbel.celery.capture import Output
from umbel.celery.dispatch import MARK
from umbel.celery.install import _apply_async
from umbel.engine.engine import Token
from umbel.engine.reference import Reference
from umbel.engine.wire import Item
from umbel.plan.model import Node, Plan
from umbel.settings import Settings

App = Celery
"""The class of apps, for who may not import Celery."""

WORKER: Final = "rehearsal"


class Memory(Reference):
    """The engine in memory, with what a worker reads besides."""

    def node(self, partition: int, plan: str, index: int) -> Node:
        """A task of a plan that was launched. Raises KeyError."""
        stored = self._partitions[partition].plans[plan].plan
        if not 0 <= index < len(stored.nodes):
            raise KeyError(index)
        return stored.nodes[index]

    def item(self, token: Token, index: int) -> Item:
        """A released task of the token's run."""
        return Item(token.run, index, token.epoch, self._of(token.run).runs[token.run].plan)


class _Parts:
    """Stands for a worker's `Process` and for its `Dispatcher`: what is published waits in `messages`."""

    task_events = False
    time_limit = None
    worker = name = WORKER

    def __init__(self, app: Celery, settings: Settings, engine: Memory) -> None:
        self.app, self.settings, self.engine = app, settings, engine
        self.messages: deque[Item] = deque()

    @property
    def dispatcher(self) -> "_Parts":
        return self

    def publish(self, items: Sequence[Item]) -> None:
        self.messages.extend(items)

    def node(self, item: Item) -> Node:
        return self.engine.node(self.engine.partition(item.run), item.plan, item.task)

    def queue(self, node: Node) -> str:
        return node.queue or str(self.app.conf.task_default_queue)


class _NoRenewal:
    """No lease runs out here, since the clock stands still while a body runs; so no attempt is stopped, either."""

    def begin(self, output: Output, *_: Any, **__: Any) -> None:
        """Nothing to renew."""

    def limit(self, output: Output, *_: Any, **__: Any) -> None:
        """Nothing runs out."""

    def end(self, output: Output) -> None:
        """Nothing to send."""


def rehearse(
    app: Celery,
    settings: Settings,
    run: str,
    plan: Plan,
    payload: str,
    decide: Callable[[Memory, str], Sequence[Item]],
    *,
    now: int,
) -> Memory:
    """Run a plan to its end, or until only `decide` could go on; the engine as it then is.

    Args:
        app: finalized, with all tasks of the plan.
        payload: JSON.
        decide: called when nothing is left to run: what it releases in the engine goes on, nothing ends the rehearsal
            (after what is due by the clock).
        now: the clock (ms UTC) at the start.
    """
    engine = Memory(settings, now)
    parts = _Parts(app, settings, engine)
    runner = Runner(app, parts, _NoRenewal())  # type: ignore[arg-type]
    with _hooked(app, runner):
        launched = engine.launch(run, plan, payload, by=WORKER)
        parts.publish([Item(run, index, 1, plan.hash) for index in launched.released])
        while True:
            while parts.messages:
                _deliver(parts, runner, parts.messages.popleft())
            if not _go_on(parts, lambda: decide(engine, run)):
                return engine


def _deliver(parts: _Parts, runner: Runner, item: Item) -> None:
    node = parts.node(item)
    request = {
        "lang": "py",
        "task": node.task,
        "id": item.run,
        "hostname": WORKER,
        "ignore_result": True,
        "delivery_info": {"exchange": "", "routing_key": parts.queue(node), "priority": node.priority or 0},
    }
    mark = {"run": item.run, "task": item.task, "epoch": item.epoch}
    runner.handle(node.task, mark, {**request, MARK: mark})


def _go_on(parts: _Parts, decide: Callable[[], Sequence[Item]]) -> bool:
    """Let the engine release what is left: portions of a wide release, what is decided, what is due next."""
    engine = parts.engine
    released, left = engine.advance(0, by=WORKER)
    parts.publish(released)
    if released or left:
        return True
    items, due = engine.promote(0, by=WORKER)
    parts.publish(items)
    if items:
        return True
    if decided := decide():
        parts.publish(decided)
        return True
    if due <= engine.now:
        return False
    engine.now = due
    return True


@contextmanager
def _hooked(app: Celery, runner: Runner) -> Iterator[None]:
    """The app's tasks as `install` hooks them in a worker, and as they were afterwards."""
    tasks = dict(app.tasks)
    before = {name: task.__dict__.get("apply_async") for name, task in tasks.items()}
    try:
        for name, task in tasks.items():
            runner.tracers[name] = build_tracer(name, task, app.loader, WORKER, app=app)
            task.apply_async = partial(_apply_async, task, task.apply_async)
        yield
    finally:
        for name, task in tasks.items():
            if before[name] is None:
                task.__dict__.pop("apply_async", None)
            else:
                task.apply_async = before[name]
