"""The workers: alive, of our version, with our settings; and whether somebody is there for each task and queue."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

import umbel
from umbel.celery.address import shown
from umbel.engine.engine import Engine
from umbel.errors import StateUnavailable
from umbel.plan.model import Plan
from umbel.service.doctor.examine import PRODUCTION, Told, danger, warning
from umbel.service.models import WorkerView
from umbel.service.models.health import Finding
from umbel.service.phrases import listed, nearest
from umbel.service.queued import knows
from umbel.service.workers import worker_view
from umbel.settings import Settings


def check(settings: Settings, plans: Mapping[str, Plan]) -> Told:
    """Ask the state store who is there. Nothing if it is away: another check says so."""
    with closing(Engine.open(settings, if_confirmed=False)) as engine:
        try:
            now = engine.now()
            views = [worker_view(row, now, 0) for row in engine.workers()]
        except StateUnavailable:
            return Told("not known, since the state store does not answer")
    alive = [each for each in views if each.alive]
    return Told(f"{len(alive)} alive", tuple(judge(settings, alive, plans)))


def judge(settings: Settings, workers: Sequence[WorkerView], plans: Mapping[str, Plan]) -> Iterator[Finding]:
    """What is wrong with these live workers, for these definitions."""
    if not workers:
        yield warning(
            "no-worker",
            "no worker is alive",
            "Runs are accepted and wait.",
            "umbel worker, or umbel.install(app) in a Celery app of yours",
        )
        return
    for worker in workers:
        yield from _one(settings, worker)
    heard = {queue for each in workers for queue in each.queues}
    wanted: dict[str, set[str]] = {}
    for name, plan in plans.items():
        for node in plan.nodes:
            wanted.setdefault(node.queue or settings.default_queue, set()).add(name)
    for queue, names in sorted(wanted.items()):
        if queue not in heard:
            yield danger(
                "queue-without-worker",
                f"no worker listens on queue {queue}{nearest(queue, heard)}; needed by {listed(sorted(names), 3)}",
                "Their tasks wait there for ever.",
                f"umbel worker -Q {queue}",
            )
    tasks = {
        node.task: (name, node.queue or settings.default_queue) for name, plan in plans.items() for node in plan.nodes
    }
    for task, (name, queue) in sorted(tasks.items()):
        there = [each for each in workers if queue in each.queues]
        if there and not any(knows(each, task) for each in there):
            names = {known for each in there for known in each.tasks}
            yield danger(
                "task-without-worker",
                f"no worker of queue {queue} knows the task {task}{nearest(task, names)}; needed by {name}",
                "Celery drops the message of a task that it does not know; the run waits.",
                "Restart the workers if the task is new; see that they load the same project.",
            )


def _one(settings: Settings, worker: WorkerView) -> Iterator[Finding]:
    if worker.version and worker.version != umbel.__version__:
        yield warning(
            "worker-version",
            f"{worker.name} has Umbel {worker.version}, here it is {umbel.__version__}",
            "Neighbouring versions work together, for as long as an upgrade takes.",
            "Upgrade the workers, too.",
            PRODUCTION,
        )
    for name, value in worker.settings.items():
        ours = getattr(settings, name, value)
        if value != ours:
            (worst := danger if name == "partitions" else warning)
            yield worst(
                "worker-settings",
                f"{worker.name} has UMBEL_{name.upper()} = {value}, here it is {ours}",
                "Workers and servers must have the same: otherwise some look for runs where others do not put them,"
                " or take living ones for dead.",
                f"Set UMBEL_{name.upper()} everywhere to the same value, and restart the worker.",
                "docs/reference/settings.md",
            )
    ours = shown(settings.broker_url)
    if worker.broker and worker.broker != ours:
        yield warning(
            "worker-broker",
            f"{worker.name} takes messages from {worker.broker}, here the broker is {ours}",
            "If that is another broker, what a server sends never reaches it.",
            "Set UMBEL_BROKER_URL to the workers' broker.",
        )
    if worker.broker_lost_at is not None:
        yield danger(
            "worker-without-broker",
            f"{worker.name} has no connection to the broker since {worker.broker_lost_at:%H:%M:%S} UTC",
            "It takes no tasks.",
            f"See that {worker.broker or 'the broker'} runs and answers from its machine.",
        )
