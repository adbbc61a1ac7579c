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
