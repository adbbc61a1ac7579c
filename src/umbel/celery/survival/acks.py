"""Rules on acknowledgement: whether a message is still there when its task did not end."""

from typing import Final

from umbel.celery.survival.record import TASK, AppFacts, Rule, Seen, TaskFacts, setting_page

_TAKES_AWAY: Final = {
    "memory": "kombu/transport/memory.py: queues of this process",
    "filesystem": "kombu/transport/filesystem.py, Channel._get: the file is moved away when it is fetched",
    "sqlalchemy": "kombu/transport/sqlalchemy, Channel._get: the row is made invisible when it is fetched, for ever",
    "mongodb": "kombu/transport/mongodb.py, Channel._get: find_one_and_delete",
}
"""Transport -> where it removes a message when it is fetched; only an orderly shutdown puts it back."""

PREFORK: Final = ("prefork", "processes")


def eager(app: AppFacts) -> Seen | None:
    """There is no message at all."""
    return Seen(app.said("task_always_eager")) if app.settings["task_always_eager"] else None


def no_redelivery(app: AppFacts) -> Seen | None:
    """The broker forgets a message when it hands it out."""
    if where := _TAKES_AWAY.get(app.transport):
        return Seen(f"broker {app.broker}: {where}")
    if app.transport == "redis" and app.options.get("ack_emulation") is False:
        return Seen(app.option("ack_emulation", True), fix="del app.conf.broker_transport_options['ack_emulation']")
    return None


def early_ack(app: AppFacts) -> Seen | None:
    """Acknowledged before the body begins."""
    if app.settings["task_always_eager"]:
        return None
    early = [task for task in app.tasks if not task.acks_late]
    if app.settings["task_acks_late"]:
        what = "acks_late = False (the tasks' own option, or task_annotations)"
        return Seen.of(what, early, "@app.task(acks_late=True)") if early else None
    if app.tasks and not early:
        return None
    again = "; retry_on_worker_lost covers pool processes that die alone"
    covered = early and all(task.retry_on_worker_lost for task in early)
    return Seen.of(app.said("task_acks_late") + (again if covered else ""), early)


def unprotected(app: AppFacts) -> list[TaskFacts]:
    """Tasks with late acknowledgement that are lost with their pool process all the same."""
    if app.settings["worker_pool"] not in PREFORK:
        return []
    return [task for task in app.late if not task.reject_on_worker_lost and not task.retry_on_worker_lost]


def worker_lost(app: AppFacts) -> Seen | None:
    """Acknowledged late, but also when the pool process died."""
    lost = unprotected(app)
    if not lost:
        return None
    if app.settings["task_reject_on_worker_lost"]:
        what = "reject_on_worker_lost = False (the tasks' own option, or task_annotations)"
        return Seen.of(what, lost, "@app.task(reject_on_worker_lost=True)")
    return Seen.of(app.said("task_reject_on_worker_lost"), lost)


def poison(app: AppFacts) -> Seen | None:
    """Given again without end."""
    if app.queues and all(queue.quorum for queue in app.queues):
        return None  # these count deliveries
    endless = [task for task in app.late if task.reject_on_worker_lost and not task.retry_on_worker_lost]
    return Seen.of(app.said("task_retry_on_worker_lost"), endless) if endless else None


def timeout_loop(app: AppFacts) -> Seen | None:
    """A task that is always too slow is given again without end."""
    slow = [task for task in app.late if not task.acks_on_timeout and task.time_limit]
    return Seen.of(_on(app, "timeout"), slow) if slow else None


def dropped_failure(app: AppFacts) -> Seen | None:
    """A failure is rejected and not given again."""
    dropped = [task for task in app.late if not task.acks_on_failure]
    return Seen.of(_on(app, "failure"), dropped) if dropped else None


def _on(app: AppFacts, event: str) -> str:
    own = f"task_acks_on_{event}"
    return app.said(own if app.settings[own] is not None else "task_acks_on_failure_or_timeout")


def twice(app: AppFacts) -> Seen | None:
    """At least once means more than once."""
    if not app.late:
        return None
    if app.settings["worker_deduplicate_successful_tasks"]:
        return Seen.of("acks_late = True", app.late, "make the body idempotent: what it writes has a key of its own")
    return Seen.of("acks_late = True", app.late)


RULES: Final = (
    Rule(
        id="eager",
        severity="danger",
        look=eager,
        why="Every task runs inside the process that calls it; no broker ever sees it.",
        kill="Whatever the killed process was running is gone, and nobody knows of it.",
        fix="app.conf.task_always_eager = False",
        source=setting_page("task_always_eager"),
        moot=False,
    ),
    Rule(
        id="no-redelivery",
        severity="danger",
        look=no_redelivery,
        why="This transport takes a message out of the queue when a worker fetches it; late acknowledgement "
        "cannot help.",
        kill="Everything the worker had fetched is gone, begun or not, whatever acks_late says.",
        fix="app.conf.broker_url = 'redis://localhost:6379/0'  # or amqp://",
        source="kombu/transport/virtual/base.py, QoS.restore_unacked_once: only at an orderly shutdown",
        moot=False,
    ),
    Rule(
        id="early-ack",
        severity="danger",
        look=early_ack,
        why="Celery acknowledges the message when the body begins, so the broker has forgotten it when the body "
        "breaks off.",
        kill="What runs is lost. Nothing runs it again; its result stays PENDING or STARTED, a chain or chord "
        "waits for ever.",
        fix="app.conf.task_acks_late = True  # if the tasks may run twice",
        source=f"{setting_page('task_acks_late')}; celery/worker/request.py, Request.on_accepted",
        moot=True,
    ),
    Rule(
        id="worker-lost",
        severity="danger",
        look=worker_lost,
        why="When a pool process dies, the worker's main process acknowledges its message in spite of acks_late, "
        "and records the failure WorkerLostError. The kernel's out-of-memory killer does just that.",
        kill="Of a pool process: the task fails and is not run again. Of the whole worker: it is run again.",
        fix="app.conf.task_reject_on_worker_lost = True",
        source=f"{setting_page('task_reject_on_worker_lost')}; celery/worker/request.py, Request.on_failure",
        moot=True,
    ),
    Rule(
        id="poison",
        severity="warning",
        look=poison,
        why="A task that kills its own process (out of memory, a crash in native code) is put back and kills the "
        "next one; nobody counts.",
        kill="The task is run again. If it is the task itself that kills, the loop has no end.",
        fix="app.conf.task_retry_on_worker_lost = True  # counts against max_retries; Celery 5.7",
        source=f"{TASK}.reject_on_worker_lost; celery/worker/request.py, Request._retry_worker_lost",
        moot=True,
    ),
    Rule(
        id="timeout-loop",
        severity="warning",
        look=timeout_loop,
        why="A late acknowledged task that reaches its hard time limit is put back into the queue; one that is "
        "always too slow is run for ever.",
        kill="Nothing more than without this setting.",
        fix="app.conf.task_acks_on_timeout = True",
        source="celery/worker/request.py, Request.on_timeout",
        moot=True,
    ),
    Rule(
        id="dropped-failure",
        severity="note",
        look=dropped_failure,
        why="A late acknowledged task that fails is rejected and not put back: RabbitMQ hands it to a dead letter "
        "exchange if the queue has one, any other broker drops it.",
        kill="Of a pool process: that is a failure too, so the message is dropped unless reject_on_worker_lost is on.",
        fix="app.conf.task_acks_on_failure = True",
        source="celery/worker/request.py, Request.on_failure",
        moot=True,
    ),
    Rule(
        id="twice",
        severity="note",
        look=twice,
        why="What is acknowledged late is delivered at least once: after a loss it runs from its beginning, with "
        "what it has done already done.",
        kill="The body runs again; payments, mails and counters happen twice unless it looks.",
        fix="app.conf.worker_deduplicate_successful_tasks = True  # skips what had ended; the rest is the body's",
        source=f"{TASK}.acks_late; celery/app/trace.py, deduplicate_successful_tasks",
        moot=False,
    ),
)
