"""Every metric: its name, kind, labels and what exactly its number means. The reference page is written from here."""

from dataclasses import dataclass
from typing import Final, Literal

OPEN: Final = frozenset({"definition", "task", "queue", "hostname", "name", "queue_name", "exception"})
"""Labels whose values are somebody's names. All others have a fixed, short list of values."""

_SHORT: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_LONG: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
_CELERYS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""The default buckets of prometheus-client, which celery-exporter uses."""
_HTTP: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, eq=False)  # a key of dicts: compared by identity, which costs nothing
class Meter:
    """One metric. `name` is as Prometheus stores it, without the suffixes of a histogram; times are in seconds."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    read: bool = False
    """A counter that somebody else keeps; its value is read for the scrape, as a gauge's is."""


def _counter(name: str, help: str, *labels: str) -> Meter:
    return Meter(name, "counter", labels, help)


def _histogram(name: str, help: str, buckets: tuple[float, ...], *labels: str) -> Meter:
    return Meter(name, "histogram", labels, help, buckets)


def _gauge(name: str, help: str, *labels: str) -> Meter:
    return Meter(name, "gauge", labels, help)


# --- counted by the server that writes the event to the history

RUNS_LAUNCHED: Final = _counter("umbel_runs_launched_total", "Runs that have begun.", "definition")
RUNS: Final = _counter(
    "umbel_runs_total",
    "Runs that have ended, by their end: success, error, canceled. A run that is run again ends again.",
    "definition",
    "state",
)
RUN_DURATION: Final = _histogram(
    "umbel_run_duration_seconds",
    "From the start of a run's first attempt to the run's end, of runs that were not run again.",
    _LONG,
    "definition",
)
ATTEMPTS: Final = _counter(
    "umbel_task_attempts_total",
    "Attempts that have ended, by their outcome: success, error, retrying, lost, skipped, fenced (its result came too"
    " late), canceled, expanded (into the items of a map or a run), asked (a person). The last loss allowed counts as"
    " lost and as error.",
    "definition",
    "task",
    "state",
)
RUNTIME: Final = _histogram(
    "umbel_task_runtime_seconds",
    "From claim to outcome of an attempt that ended as success, error or retrying.",
    _SHORT,
    "task",
)
QUEUE_WAIT: Final = _histogram(
    "umbel_task_queue_wait_seconds", "From the release of a task to the claim of it by a worker.", _SHORT, "queue"
)
RECOVERED: Final = _counter(
    "umbel_reconciler_recovered_total",
    "What was lost and goes on: `task`, taken from a dead worker and queued again; `run`, rebuilt from the history"
    " because the state store had lost it.",
    "what",
)
PROJECTED: Final = _counter("umbel_projector_events_total", "Events written to the history.")
QUARANTINED: Final = _counter(
    "umbel_projector_quarantined_total", "Events put aside because they could not be understood. Should stay 0."
)

# --- counted by the server that does it

HTTP: Final = _counter(
    "umbel_http_requests_total",
    "Requests answered, by route template (`other`: no such path, or refused before a route was looked for).",
    "method",
    "route",
    "status",
)
HTTP_SECONDS: Final = _histogram(
    "umbel_http_request_duration_seconds",
    "From a request's arrival to the first byte of its answer.",
    _HTTP,
    "method",
    "route",
)
WEBHOOKS: Final = Meter(
    "umbel_webhook_attempts_total",
    "counter",
    ("state",),
    "Attempts to tell a webhook, by what the delivery is then: delivered, pending (tried again), failed (given up).",
    read=True,
)
SPANS: Final = _counter(
    "umbel_trace_spans_total", "Spans of settled runs, by what became of them: exported, dropped.", "state"
)

# --- read from the stores for each scrape; the same on every server

UP: Final = _gauge("umbel_up", "1 if `state`, `history` or `broker` answered this scrape within 2 s, else 0.", "store")
RUNS_LIVE: Final = _gauge(
    "umbel_runs_live",
    "Runs that are not settled, by state; `held`: waiting for other runs (`concurrency`). Counted up to 100,000.",
    "state",
)
READY: Final = _gauge("umbel_queue_ready_tasks", "Tasks released to a queue and not claimed yet.", "queue")
STUCK: Final = _gauge(
    "umbel_stuck_tasks",
    "Tasks that nothing moves: `no_worker`, released to a queue on which no live worker listens; `lease`, still running"
    " although the lease ran out longer ago than it lasts.",
    "reason",
)
SCHEDULER_LAG: Final = _gauge(
    "umbel_scheduler_lag_seconds",
    "How late what should have happened is: `timers`, the most overdue retry, countdown, deadline or decision;"
    " `schedules`, the most overdue tick of a schedule. 0 if nothing is overdue.",
    "kind",
)
LAG_SECONDS: Final = _gauge(
    "umbel_projector_lag_seconds",
    "Age of the oldest event that this server does not know to be in the history; 0 if there is none.",
)
LAG_EVENTS: Final = _gauge(
    "umbel_projector_lag_events",
    "0 if every event is in the history; else the length of the event stream, of which up to about 1,100 are.",
)
WORKERS: Final = _gauge("umbel_workers_alive", "Workers whose last sign of life is not older than their lease.")
STATE_MEMORY: Final = _gauge("umbel_state_store_memory_bytes", "Memory that the state store uses (`used_memory`).")
STATE_MAX: Final = _gauge("umbel_state_store_memory_max_bytes", "Its limit (`maxmemory`); 0 for none.")
SQL: Final = _gauge("umbel_sql_connections", "This server's database connections: in_use, idle.", "state")
BUILD: Final = _gauge("umbel_build_info", "Always 1; its label is this server's version.", "version")

# --- the names of danihodovic/celery-exporter

_ONE: Final = ("name", "hostname", "queue_name")
SENT: Final = _counter(
    "celery_task_sent_total",
    "Releases of a task to a queue; `hostname` is always `generic`. Spare copies do not count.",
    *_ONE,
)
RECEIVED: Final = _counter("celery_task_received_total", "Claims of a task by a worker.", *_ONE)
STARTED: Final = _counter("celery_task_started_total", "The same: a worker claims a task when it starts it.", *_ONE)
SUCCEEDED: Final = _counter("celery_task_succeeded_total", "Tasks that succeeded.", *_ONE)
FAILED: Final = _counter(
    "celery_task_failed_total",
    "Tasks that failed for good; `exception` is the class.",
    "name",
    "hostname",
    "exception",
    "queue_name",
)
REJECTED: Final = _counter(
    "celery_task_rejected_total", "Attempts whose result was refused, since another has the task.", *_ONE
)
REVOKED: Final = _counter("celery_task_revoked_total", "Attempts that were stopped with their run.", *_ONE)
RETRIED: Final = _counter("celery_task_retried_total", "Attempts that failed and will be tried again.", *_ONE)
CELERY_RUNTIME: Final = _histogram("celery_task_runtime", "Seconds from claim to success.", _CELERYS, *_ONE)
CELERY_WAIT: Final = _histogram("celery_task_queue_wait_time", "Seconds from release to claim.", _CELERYS, *_ONE)
QUEUE_LENGTH: Final = _gauge(
    "celery_queue_length",
    "Messages in the broker's queue that no worker has fetched; Redis and RabbitMQ.",
    "queue_name",
)
WORKER_UP: Final = _gauge("celery_worker_up", "1 if the worker lives, 0 for 10 minutes after it has gone.", "hostname")
WORKER_ACTIVE: Final = _gauge("celery_worker_tasks_active", "Attempts that the worker holds.", "hostname")
ACTIVE_WORKERS: Final = _gauge("celery_active_worker_count", "Live workers that listen on the queue.", "queue_name")
ACTIVE_PROCESSES: Final = _gauge("celery_active_process_count", "Their pool processes or threads.", "queue_name")

METERS: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Meter))
