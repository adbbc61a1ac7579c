"""Rules on time: how long a message may stay unacknowledged, and what waits how long after a loss."""

from typing import Final

from umbel.celery.survival.record import (
    DOCS,
    REDIS,
    VISIBILITY,
    AppFacts,
    Rule,
    Seen,
    duration,
    known,
    pauses,
)

LONG: Final = 60.0
"""Seconds from which a task counts as long, where others wait behind it."""

SOON: Final = 600.0
"""Seconds after which a lost task should run again."""

RABBIT_TIMEOUT: Final = 1800.0
"""Seconds after which RabbitMQ closes the channel of a consumer that does not acknowledge (its `consumer_timeout`)."""


def _visibility(app: AppFacts) -> str:
    return app.option("visibility_timeout", VISIBILITY[app.transport])


def _outlasting(app: AppFacts) -> str:
    """The line of code for a visibility timeout that is longer than all that is known, with a fifth to spare."""
    longest = max(_needed(app), SOON / 1.2)
    whole = int(-(-longest * 1.2 // 60)) * 60
    return f"{app.with_option('visibility_timeout', whole)}  # {duration(whole)}"


def _needed(app: AppFacts) -> float:
    return max((seconds for seconds, _ in [*known(app.late), *pauses(app)]), default=0.0)


def _longer(than: float, times: list[tuple[float, str]]) -> str:
    """The longest of those that are longer, in words."""
    seconds, what = max(times, default=(0.0, ""))
    return f"{what} is {duration(seconds)}" if seconds > than else ""


def pause_too_long(app: AppFacts) -> Seen | None:
    """A countdown, ETA or pause before a retry outlasts the visibility timeout."""
    if app.visibility is None or not (longer := _longer(app.visibility, pauses(app))):
        return None
    names = (task for task in app.tasks if task.pause > (app.visibility or 0))
    return Seen.of(f"{_visibility(app)}; {longer}", names, _outlasting(app))


def run_too_long(app: AppFacts) -> Seen | None:
    """A late acknowledged task may run longer than the visibility timeout."""
    if app.visibility is None or not (longer := _longer(app.visibility, known(app.late))):
        return None
    names = (task for task in app.late if (task.limit or 0) > (app.visibility or 0))
    return Seen.of(f"{_visibility(app)}; {longer}", names, _outlasting(app))


def late_again(app: AppFacts) -> Seen | None:
    """It takes very long until the broker gives a lost message away."""
    if app.visibility is None or app.visibility <= SOON:
        return None
    if _needed(app) * 1.2 > app.visibility / 2:
        return None  # it cannot be much shorter
    return Seen.of(_visibility(app), app.late, _outlasting(app), "warning" if app.late else "note")


def unlimited(app: AppFacts) -> Seen | None:
    """Nothing ends a task that hangs."""
    endless = [task for task in app.tasks if task.limit is None]
    if not endless:
        return None
    counts = app.visibility is not None and any(task.acks_late for task in endless)
    return Seen.of(app.said("task_time_limit"), endless, severity="warning" if counts else "note")


def deaf_pool(app: AppFacts) -> Seen | None:
    """Time limits that the pool does not know."""
    limited = [task for task in app.tasks if task.limit]
    if app.settings["worker_pool"] not in ("threads", "solo") or not limited:
        return None
    return Seen.of(app.said("worker_pool"), limited)


def prefetch(app: AppFacts) -> Seen | None:
    """Messages wait in a worker behind a long task."""
    multiplier = app.settings["worker_prefetch_multiplier"]
    if multiplier == 1 or (app.settings["worker_disable_prefetch"] and app.transport == "redis"):
        return None
    long = [task for task in app.tasks if (task.limit or 0) >= LONG]
    return Seen.of(app.said("worker_prefetch_multiplier"), long, severity="warning" if long or not multiplier else None)


def rabbit_timeout(app: AppFacts) -> Seen | None:
    """RabbitMQ does not wait for an acknowledgement as long as that."""
    times = pauses(app) + known(app.late)
    if app.transport != "amqp" or not (longer := _longer(RABBIT_TIMEOUT, times)):
        return None
    names = (task for task in app.tasks if max(task.pause, task.acks_late * (task.limit or 0)) > RABBIT_TIMEOUT)
    milliseconds = int(max(times)[0] * 1200)
    return Seen.of(longer, names, f"consumer_timeout = {milliseconds}  # in rabbitmq.conf, milliseconds")


def no_soft_shutdown(app: AppFacts) -> Seen | None:
    """A stopped worker has no time to give back what it holds."""
    if app.visibility is None or not app.late or app.settings["worker_soft_shutdown_timeout"]:
        return None
    return Seen.of(app.said("worker_soft_shutdown_timeout"), app.late)


RULES: Final = (
    Rule(
        id="pause-over-visibility",
        severity="danger",
        look=pause_too_long,
        why="A worker holds a delayed message unacknowledged until its time has come; after the visibility "
        "timeout the broker gives it to another worker as well, again and again.",
        kill="Even without one the task runs several times, however it is acknowledged.",
        fix='app.conf.broker_transport_options = {"visibility_timeout": 43200}',
        source=f"{REDIS}#redis-caveats; celery issues #5935, #2481, kombu #337",
        moot=True,
    ),
    Rule(
        id="run-over-visibility",
        severity="danger",
        look=run_too_long,
        why="A late acknowledged message that runs longer than the visibility timeout is given to a second worker "
        "while the first one still works on it.",
        kill="Even without one the task runs twice, at the same time.",
        fix='app.conf.broker_transport_options = {"visibility_timeout": 43200}',
        source=f"{REDIS}#redis-visibility-timeout; kombu/transport/redis.py, QoS.restore_visible",
        moot=True,
    ),
    Rule(
        id="slow-redelivery",
        severity="note",
        look=late_again,
        why="Redis and its like do not notice that a worker died; what it held comes back only after the "
        "visibility timeout, and on Redis up to unacked_restore_interval * unacked_restore_throttle (100 s) "
        "later.",
        kill="What the worker had fetched waits that long before it runs (again).",
        fix='app.conf.broker_transport_options = {"visibility_timeout": 600}',
        source=f"{REDIS}#redis-visibility-timeout; kombu/transport/redis.py, Channel.unacked_restore_interval",
        moot=True,
    ),
    Rule(
        id="no-time-limit",
        severity="note",
        look=unlimited,
        why="A body that hangs keeps its place in the pool for ever, and if it is acknowledged late it outlasts "
        "any visibility timeout.",
        kill="Often the reason for one: a hanging worker is killed by hand.",
        fix="app.conf.task_time_limit = 300  # seconds; soft_time_limit lets the body clean up first",
        source=f"{DOCS}userguide/workers.html#time-limits",
        moot=False,
    ),
    Rule(
        id="pool-without-limits",
        severity="warning",
        look=deaf_pool,
        why="The pools threads and solo have no way to stop a body: time limits are ignored without a word.",
        kill="The whole worker dies, with all that it runs; there is no pool process to die alone.",
        fix="app.conf.worker_pool = 'prefork'",
        source=f"{DOCS}userguide/workers.html#time-limits; celery/concurrency/thread.py, celery/concurrency/solo.py",
        moot=False,
    ),
    Rule(
        id="prefetch",
        severity="note",
        look=prefetch,
        why="A worker reserves that many messages for each process of its pool; they wait behind a long task "
        "while other workers have nothing to do.",
        kill="What it had reserved and not begun is not lost, but comes back as late as what it ran.",
        fix="app.conf.worker_prefetch_multiplier = 1  # on Redis also: worker_disable_prefetch = True",
        source=f"{DOCS}userguide/optimizing.html#prefetch-limits; celery/worker/consumer/consumer.py",
        moot=True,
    ),
    Rule(
        id="rabbitmq-timeout",
        severity="warning",
        look=rabbit_timeout,
        why="RabbitMQ closes the channel of a consumer that has not acknowledged after 30 minutes (if "
        "rabbitmq.conf does not say otherwise), and gives all its messages away; delayed ones count too.",
        kill="Even without one the worker loses its connection, and its tasks run twice.",
        fix="consumer_timeout = 86400000  # in rabbitmq.conf, milliseconds",
        source=f"{DOCS}userguide/calling.html#eta-and-countdown (warning); celery issue #6760",
        moot=False,
    ),
    Rule(
        id="no-soft-shutdown",
        severity="note",
        look=no_soft_shutdown,
        why="SIGTERM waits for every task to end. Supervisors do not wait as long: `docker stop` sends kill -9 "
        "after 10 s, Kubernetes after 30 s. A soft shutdown ends in time and puts back what it could not "
        "finish.",
        kill="What ran waits for the visibility timeout, at each ordinary deployment too.",
        fix="app.conf.worker_soft_shutdown_timeout = 8  # seconds, and REMAP_SIGTERM=SIGQUIT in the environment",
        source=f"{REDIS}#soft-shutdown; celery/worker/worker.py, wait_for_soft_shutdown",
        moot=True,
    ),
)
