"""The server's surroundings: workers, events, problems and tools."""

from typing import Any

from pydantic import Field

from umbel.service.models.base import Resource, Time


class WorkerView(Resource):
    """A worker, by its own last words."""

    name: str
    alive: bool
    last_seen: Time
    queues: list[str] = Field(default=[])
    pid: int | None = None
    host: str | None = None
    pool: str | None = None
    concurrency: int | None = None
    running: int = Field(default=0, description="Attempts it runs now.")
    tasks: list[str] = Field(default=[], description="Names of the tasks it knows, the first 500 of them.")
    tasks_total: int | None = Field(default=None, description="How many tasks it knows.")
    rates: dict[str, str] = Field(default={}, description="Celery's rate limits of tasks, such as `10/m`.")
    broker: str | None = Field(default=None, description="Its broker, without the password.")
    broker_lost_at: Time | None = Field(default=None, description="Since when it has no connection to the broker.")
    version: str | None = Field(default=None, description="Its version of Umbel.")
    versions: dict[str, str] = Field(default={}, description="Of Python, celery, kombu and redis.")
    settings: dict[str, Any] = Field(default={}, description="Settings in which it must agree with the server.")


class WorkerList(Resource):
    """The workers that are alive or were lately."""

    items: list[WorkerView]


class RunningTask(Resource):
    """An attempt that a worker runs now."""

    run_id: str
    definition: str
    task: str = Field(description="Key of the task.")
    worker: str
    started_at: Time | None = None


class QueueView(Resource):
    """A queue: what waits in it, and who takes from it."""

    name: str
    healthy: bool = Field(description="False if what waits in it, or may come, will not be taken as things stand.")
    why: str | None = Field(
        default=None, description="What keeps workers from taking what waits, as a diagnosis says it; they may be busy."
    )
    waiting: int = Field(default=0, description="Tasks of runs that are released and that no worker has claimed.")
    oldest: Time | None = Field(default=None, description="When the oldest of those was released.")
    messages: int | None = Field(
        default=None, description="Messages in the broker that no worker has fetched; null if it does not say."
    )
    unacknowledged: int | None = Field(
        default=None,
        description="Messages that workers have fetched and not acknowledged; null if the broker does not say.",
    )
    workers: list[str] = Field(default=[], description="Live workers that listen on it.")
    slots: int | None = Field(default=None, description="How many tasks those may run at a time, of all their queues.")
    running: int = Field(default=0, description="Attempts of its tasks that run now.")
    runs: list[RunningTask] = Field(default=[], description="Those, the longest first; ten of them at most.")
    definitions: list[str] = Field(default=[], description="Definitions with tasks that go there.")


class QueueList(Resource):
    """The queues that definitions use, that workers listen on, or in which something waits; unhealthy ones first."""

    items: list[QueueView]
    broker: str | None = Field(default=None, description="What the broker said instead of the lengths of its queues.")


class Event(Resource):
    """Something that happened to a run: the `data` of a server-sent event."""

    id: int = Field(description="Number of the event: within the run, or among all in the feed of all runs.")
    run_id: str
    type: str = Field(description="The engine's own word, such as `task.retrying`.")
    at: Time
    task: str | None = Field(default=None, description="Key of the task.")
    attempt: int | None = None
    state: str | None = Field(default=None, description="State of the task (or of the run) after it.")
    data: dict[str, Any] = Field(default={}, description="Details; `released` and `blocked` list task keys.")


class FieldProblem(Resource):
    """One thing wrong with a request."""

    pointer: str = Field(description="JSON Pointer into the body, or `query`/`path`/`header` and a name.")
    detail: str


class Problem(Resource):
    """An error, by RFC 9457 (`application/problem+json`)."""

    type: str = Field(default="about:blank", description="URI of the kind of problem.")
    title: str
    status: int
    detail: str
    instance: str | None = Field(default=None, description="Path of the request.")
    code: str = Field(description="Umbel's code of the error, `UMB-nnn`.")
    hint: str | None = Field(default=None, description="What to do about it.")
    errors: list[FieldProblem] = Field(default=[])
    request_id: str | None = Field(default=None, description="Of an error of the server: the request in its log.")


class ToolAnnotations(Resource):
    """MCP's hints on what a tool does."""

    readOnlyHint: bool
    destructiveHint: bool
    idempotentHint: bool
    openWorldHint: bool


class ToolSpec(Resource):
    """An operation as an agent's tool, in MCP's shape."""

    name: str
    title: str
    description: str
    inputSchema: dict[str, Any]
    outputSchema: dict[str, Any]
    annotations: ToolAnnotations
