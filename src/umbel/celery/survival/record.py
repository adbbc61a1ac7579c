"""What is known of a Celery app, and what a rule says about it. Plain data: rules need no Celery."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Severity = Literal["danger", "warning", "note"]
"""danger: work is lost, or done again, as a matter of course. warning: under circumstances, or late. note: to know."""

SETTINGS: Final = (
    "accept_content",
    "beat_schedule",
    "beat_scheduler",
    "broker_connection_retry",
    "broker_url",
    "result_backend",
    "result_chord_expires",
    "result_expires",
    "task_acks_late",
    "task_acks_on_failure",
    "task_acks_on_failure_or_timeout",
    "task_acks_on_timeout",
    "task_always_eager",
    "task_default_delivery_mode",
    "task_ignore_result",
    "task_reject_on_worker_lost",
    "task_retry_on_worker_lost",
    "task_soft_time_limit",
    "task_time_limit",
    "task_track_started",
    "worker_cancel_long_running_tasks_on_connection_loss",
    "worker_deduplicate_successful_tasks",
    "worker_detect_quorum_queues",
    "worker_disable_prefetch",
    "worker_max_memory_per_child",
    "worker_max_tasks_per_child",
    "worker_pool",
    "worker_prefetch_multiplier",
    "worker_soft_shutdown_timeout",
)
"""The settings that rules look at."""

VISIBILITY: Final = {"redis": 3600, "sqs": 1800, "pgmq": 1800, "slmq": 1800}
"""Transport -> its `visibility_timeout` in seconds if none is set (kombu/transport/: redis.py, SQS, pgmq.py, SLMQ.py).

Only these give a message again after a time; RabbitMQ does so when the connection ends.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """A task, with the settings of the app where it does not say otherwise. Times are seconds."""

    name: str
    acks_late: bool = False
    reject_on_worker_lost: bool = False
    retry_on_worker_lost: bool = False
    acks_on_failure: bool = True
    acks_on_timeout: bool = True
    ignore_result: bool = False
    track_started: bool = False
    time_limit: float | None = None
    soft_time_limit: float | None = None
    retries: bool = False
    """It has `autoretry_for`, or calls `retry`."""
    pause: float = 0
    """The longest pause before a retry that can be read from its options."""

    @property
    def limit(self) -> float | None:
        """How long it may run; None if nothing says."""
        return self.time_limit or self.soft_time_limit or None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """A queue as the app declares it."""

    name: str
    quorum: bool = False
    durable: bool = True
    direct: bool = True
    """Its exchange is a direct one, which native delayed delivery cannot use."""
    dead_letters: bool = False
    delivery_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A countdown or ETA that stands in the source of a task's module."""

    seconds: float
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What a Redis or Valkey that is the broker says of itself."""

    version: str
    policy: str
    maxmemory: int
    aof: bool
    snapshots: str | None
    """Its setting `save`; None if it may not be asked."""
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFacts:
    """All that the rules know of an app."""

    name: str
    broker: str = ""
    """Address without a password."""
    transport: str = "redis"
    """Kind of broker: redis (also TLS and Sentinel), amqp, sqs, memory, ..."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The transport's options that are set."""
    backend: str = "disabled"
    """Kind of result backend: the scheme of its address."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    """Setting -> who set it, if it is not Celery's default."""
    tasks: tuple[TaskFacts, ...] = ()
    queues: tuple[QueueFacts, ...] = ()
    waits: tuple[Wait, ...] = ()
    chords: tuple[str, ...] = ()
    """The tasks' modules that import `chord`."""
    server: ServerFacts | None = None

    @property
    def visibility(self) -> float | None:
        """Seconds after which the broker gives away what was not acknowledged; None if it knows no such time."""
        default = VISIBILITY.get(self.transport)
        return None if default is None else float(self.options.get("visibility_timeout") or default)

    @property
    def late(self) -> tuple[TaskFacts, ...]:
        """The tasks whose messages are acknowledged when they have ended."""
        return tuple(task for task in self.tasks if task.acks_late)

    def said(self, key: str) -> str:
        """A setting, its value, and where that comes from."""
        origin = self.origins.get(key, "Celery's default")
        return f"{key} = {self.settings.get(key)!r} ({origin})"

    def option(self, key: str, default: object) -> str:
        """An option of the transport, its value, and where that comes from."""
        if key in self.options:
            return f"broker_transport_options[{key!r}] = {self.options[key]!r} (set)"
        return f"broker_transport_options[{key!r}] = {default!r} (kombu's default)"

    def with_option(self, key: str, value: object) -> str:
        """The line of code that sets an option of the transport and keeps the others."""
        kept = "**app.conf.broker_transport_options, " if self.options else ""
        return f'app.conf.broker_transport_options = {{{kept}"{key}": {value!r}}}'


@dataclass(frozen=True, slots=True)
class Seen:
    """That a rule applies to an app."""

    what: str
    """Setting or task, its value, where it comes from."""
    tasks: tuple[str, ...] = ()
    fix: str = ""
    """Instead of the rule's, where it depends on the app."""
    severity: Severity | None = None
    """Instead of the rule's."""

    @classmethod
    def of(cls, what: str, tasks: Iterable[TaskFacts], fix: str = "", severity: Severity | None = None) -> "Seen":
        """With the names of tasks."""
        return cls(what, tuple(task.name for task in tasks), fix, severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What can be wrong with an app, and the function that sees it."""

    id: str
    severity: Severity
    look: Callable[[AppFacts], Seen | None]
    why: str
    kill: str
    """What happens on kill -9."""
    fix: str
    """A line of code."""
    source: str
    """Page of Celery's documentation, file in celery, kombu or billiard, or issue."""
    moot: bool
    """A task of an Umbel run need not care."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule says about an app."""

    id: str
    severity: Severity
    what: str
    tasks: tuple[str, ...]
    why: str
    on_kill: str
    fix: str
    source: str
    moot_with_umbel: bool


def duration(seconds: float) -> str:
    """`90 s`, `30 min`, `1 h`, `2 days`."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:g} {unit}" if seconds % size == 0 else f"{seconds / size:.1f} {unit}"
    return f"{seconds:g} s"


def known(tasks: Iterable[TaskFacts]) -> list[tuple[float, str]]:
    """(seconds, what) of each limit of a task's run that is known."""
    return [(task.limit, f"the time limit of {task.name}") for task in tasks if task.limit]


def pauses(app: AppFacts) -> list[tuple[float, str]]:
    """(seconds, what) of each pause that is a message on its way: countdowns in the source, pauses before retries."""
    found = [(wait.seconds, f"a countdown in {wait.where}") for wait in app.waits]
    return found + [(task.pause, f"the pause before a retry of {task.name}") for task in app.tasks if task.pause]


DOCS: Final = "https://docs.celeryq.dev/en/stable/"
TASK: Final = DOCS + "reference/celery.app.task.html#celery.app.task.Task"
REDIS: Final = DOCS + "getting-started/backends-and-brokers/redis.html"
RABBIT: Final = DOCS + "getting-started/backends-and-brokers/rabbitmq.html"


def setting_page(name: str) -> str:
    """Where Celery explains a setting."""
    return f"{DOCS}userguide/configuration.html#{name.replace('_', '-')}"
