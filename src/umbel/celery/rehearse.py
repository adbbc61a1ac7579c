"""A worker without broker, store or clock: runs a plan with an app's own tasks in this thread, for `umbel.testing`.

It is the worker's own `Runner` with Celery's own tracers, on the engine in memory. What the engine releases is run in
the order of release; when nothing is left to run, the engine's clock moves to what is due next.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, cast

from celery import Celery
from celery.app.trace import build_tracer

from umbel.celery.attempt import Runner
from umbel.celery.capture import Output
from umbel.celery.headers import MARK
from umbel.celery.install import _apply_async, know_steps
from umbel.engine.reference import Reference
from umbel.engine.wire import Item
from umbel.machine import TaskState
from umbel.plan.model import STEP_TASK, Node, Plan
from umbel.settings import Settings

App = Celery
"""The class of apps, for who may not import Celery."""

WORKER: Final = "rehearsal"
GIVEN: Final = {"approved": True, "by": "test", "comment": None}
REFUSED: Final = {"exception": "Rejected by test.", "type": "Rejected", "traceback": "", "reason": "rejected"}


class _Parts:
    """Stands for a worker's `Process` and for its `Dispatcher`: what is published waits in `messages`."""

    task_events = False
    time_limit = None
    worker = name = WORKER

    def __init__(self, app: Celery, settings: Settings, engine: Reference) -> None:
        self.app, self.settings, self.engine = app, settings, engine
        self.messages: deque[Item] = deque()

    @property
    def dispatcher(self) -> "_Parts":
        return self

    def publish(self, items: Sequence[Item]) -> None:
        self.messages.extend(items)

    def node(self, item: Item) -> Node:
        return self.engine.node_of(item)

    def queue(self, node: Node) -> str:
        return node.queue or str(self.app.conf.task_default_queue)


class _NoRenewal:
    """No lease or time runs out here, since the clock stands still while a body runs; so no attempt is stopped."""

    def begin(self, output: Output) -> None:
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
    approvals: Mapping[str, bool],
    *,
    now: int,
) -> Reference:
    """Run a plan to its end, or until somebody would have to decide; the engine as it then is.

    Args:
        app: finalized, with all tasks of the plan.
        payload: JSON.
        approvals: key of an approval (here or in a run that this starts) -> whether it is given, as soon as nothing
            else is left to run. Those of other keys are left to their timeout.
        now: the clock (ms UTC) at the start.
    """
    engine = Reference(settings, now)
    parts = _Parts(app, settings, engine)
    runner = Runner(app, parts, _NoRenewal())  # type: ignore[arg-type]
    with _hooked(app, runner):
        launched = engine.launch(run, plan, payload, by=WORKER)
        parts.publish([Item(run, index, 1, plan.hash) for index in launched.released])
        while True:
            while parts.messages:
                _deliver(parts, runner, parts.messages.popleft())
            if not _go_on(parts, approvals):
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


def _go_on(parts: _Parts, approvals: Mapping[str, bool]) -> bool:
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
    if _decide(parts, approvals):
        return True
    if not due:
        return False
    engine.now = max(engine.now, due)  # due at once: the end of a run, for the task that started it
    return True


def _decide(parts: _Parts, approvals: Mapping[str, bool]) -> bool:
    """Answer the approvals that wait and are answered by the test; whether there was one."""
    engine, found = parts.engine, False
    for name, stored in engine.snapshot(0).items():
        if not name.startswith("run:"):
            continue
        run, fields = name.removeprefix("run:"), cast("dict[str, str]", stored.value)
        for field, state in fields.items():
            index, _, what = field.partition(":")
            if what != "state" or state != TaskState.AWAITING_INPUT:
                continue
            item = Item(run, int(index), int(fields["epoch"]), fields["plan"])
            approved = approvals.get(parts.node(item).key)
            if approved is not None:
                info = GIVEN if approved else REFUSED
                done = engine.decide(run, item.task, approved=approved, info=info, by=WORKER)
                parts.publish([item._replace(task=index) for index in done.released])
                found = True
    return found


@contextmanager
def _hooked(app: Celery, runner: Runner) -> Iterator[None]:
    """The app's tasks as `install` hooks them in a worker, and as they were afterwards."""
    if STEP_TASK not in app.tasks:
        know_steps(app)
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
