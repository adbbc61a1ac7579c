"""Hooking Umbel into a Celery app: any app, any task class, any pool, without changing a task.

The seam is the task's tracer (`task.__trace__`, `celery/app/trace.py`), which the pool calls for each message: for one
of our messages it first claims, then calls Celery's own tracer with the true arguments, and records what it answers. So
`before_start`, signals, `__call__`, autoretry and the rest are Celery's, untouched.
"""

from functools import cache, partial
from typing import Any

from celery import Celery, signals
from celery.utils.imports import symbol_by_name
from celery.worker.request import Request

from umbel.celery import capture, logs
from umbel.celery.attempt import ASKED, Runner
from umbel.celery.canvas_out import is_native
from umbel.celery.headers import MARK
from umbel.celery.limits import KEPT_BY_CELERY
from umbel.celery.outcome import Asked
from umbel.celery.process import Process
from umbel.celery.recorder import Recorder
from umbel.celery.renew import Renewal
from umbel.celery.request import Watched
from umbel.celery.steps import steps
from umbel.plan.model import STEP_TASK
from umbel.settings import Settings, get_settings


def install(app: Celery, settings: Settings | None = None) -> None:
    """Let the workers of `app` run tasks of Umbel's runs, beside whatever else they do.

    Args:
        app: not yet started.
        settings: this process's settings if None.
    """
    know_steps(app)
    process = Process(app, settings or get_settings())
    logs.install(process.settings.log_format)
    worker_step, consumer_step = steps(process, lambda pool: _equip(app, process, pool))
    app.steps["worker"].add(worker_step)
    app.steps["consumer"].add(consumer_step)
    # Prefork builds its tracers in each pool process, just before this signal (`celery/concurrency/prefork.py`).
    signals.worker_process_init.connect(lambda **_: _equip(app, process, "prefork"), weak=False)


def know_steps(app: Celery) -> None:
    """Register the task that stands for a step without one of its own. Its body is never called: the worker does what
    the step is there for when it has claimed it."""

    @app.task(name=STEP_TASK, ignore_result=True, shared=False)
    def step() -> None:
        raise NotImplementedError(f"{STEP_TASK} is no task to be called")


@cache
def _runner(app: Celery, process: Process, pool: str) -> Runner:
    return Runner(app, process, Renewal(process, kill=pool == "prefork"), keeps_limits=pool in KEPT_BY_CELERY)


def _equip(app: Celery, process: Process, pool: str) -> None:
    """Hook every task that is not hooked yet, in this process."""
    capture.install()
    runner = _runner(app, process, pool)
    for name, task in app.tasks.items():
        if task.__trace__ is not None and not hasattr(task.__trace__, "runner"):
            runner.tracers[name] = task.__trace__
            task.__trace__ = _tracer(name, task.__trace__, runner)
        if not isinstance(task.apply_async, partial):
            task.apply_async = partial(_apply_async, task, task.apply_async)
        task.Request = _watched(task.Request, process)


def _tracer(name: str, tracer: Any, runner: Runner) -> Any:
    recorder = Recorder.beside(runner)

    def trace(uuid: str, args: Any, kwargs: Any, request: dict[str, Any] | None = None) -> Any:
        mark = request.get(MARK) if request else None
        if mark is None or request is None:
            return tracer(uuid, args, kwargs, request)
        if is_native(mark):
            return recorder.record(name, mark, uuid, args, kwargs, request)
        return runner.handle(name, mark, request)

    trace.runner = runner  # type: ignore[attr-defined]
    return trace


def _apply_async(task: Any, original: Any, *args: Any, **options: Any) -> Any:
    """`self.retry` and autoretry end here (`celery/app/task.py`): in a run the pause is the engine's, not the broker's.

    So nothing is published; what was asked for is kept for the attempt's outcome. A run that Celery's canvas sequences
    retries as Celery does.
    """
    request = task.request_stack.top
    mark = getattr(request, MARK, None) if request is not None else None
    if mark and not is_native(mark) and options.get("task_id") == request.id:
        mark[ASKED] = Asked(options.get("eta") or options.get("countdown"), *args)
        return None
    return original(*args, **options)


def _watched(request: Any, process: Process) -> type[Watched]:
    base: type = symbol_by_name(request)
    if issubclass(base, Watched):
        return base
    bases = (Watched,) if base is Request else (Watched, base)
    return type("WatchedRequest", bases, {"process": process})
