"""The X-ray of a run: every message, command, state change and model call that was recorded of it, in order."""

from typing import Annotated, Any, Literal

from pydantic import Field

from umbel.service.models.base import Resource, Time

Lane = Literal["producer", "broker", "worker", "state", "model"]
"""Where something happens: who sends tasks, the broker, the workers, the state store, the model service."""

TraceKind = Literal["published", "delivered", "acknowledged", "rejected", "command", "event", "call"]
Recording = Literal["off", "messages", "commands"]
"""What is recorded: nothing; what Celery's processes see of messages; the embedded store's commands as well."""


class TraceField(Resource):
    """One field of a message, explained."""

    path: str = Field(description="Where it stands: `headers.root_id`, `body[2].chord`, `properties.delivery_tag`.")
    value: Any
    means: str = Field(description="What Celery uses it for, in a sentence.")
    source: str = Field(default="", description="Where that is said: Celery's documentation, or a file of its code.")


class TraceMessage(Resource):
    """A message as it went through the broker."""

    id: str = Field(description="Celery's task id: `headers.id`.")
    name: str = Field(description="Name of the task.")
    queue: str
    bytes: int = Field(description="Length of what the broker stores, envelope and body.")
    body_bytes: int
    headers: dict[str, Any]
    properties: dict[str, Any]
    body: Any = Field(description="Decoded: `[args, kwargs, {callbacks, errbacks, chain, chord}]`.")
    raw: str = Field(description="The envelope as it was seen, cut after 64 kB.")
    fields: list[TraceField] = Field(default=[], description="Its fields, explained one by one.")
    published: int | None = Field(
        default=None,
        description="Number of the record that published it and has it whole; this one then leaves out headers, body,"
        " raw and fields.",
    )


class TraceCommand(Resource):
    """One command of the state store or the broker, as MONITOR shows it."""

    name: str = Field(description="Upper case, such as `ZADD`; a script is `EVALSHA`, what it does has `script`.")
    args: list[str] = Field(description="Its arguments, each cut after 4 kB.")
    db: int
    client: str = Field(description="Address of the connection, or `lua` within a script.")
    script: str | None = Field(default=None, description="The verb of Umbel's engine or Celery's script it is part of.")
    means: str = Field(description="What it is for, in a sentence.")


class KeyChange(Resource):
    """What a command did to one key: the value behind it, replayed from the commands that were recorded."""

    key: str
    type: Literal["string", "hash", "list", "set", "zset", "stream", "none"]
    value: Any = Field(description="Its value afterwards, null if it is gone; long ones are cut.")
    whose: str = Field(description="What the key is: `chord results`, `unacknowledged messages`, `run`.")


class TraceRecord(Resource):
    """One step."""

    n: int = Field(description="Its place, from 1.")
    at: Time
    us: int = Field(description="Microseconds since the first record.")
    kind: TraceKind
    source: Lane = Field(description="Where it comes from.")
    target: Lane = Field(description="Where it goes; the same lane if it stays.")
    who: str = Field(description="The process: `server 4711`, `worker@host 4712`, `pool child 4713`.")
    task: str | None = Field(default=None, description="Key of the task that it is about.")
    attempt: int | None = None
    says: str = Field(description="What happened, in one plain sentence.")
    phase: str = Field(description="Part of the run's course: `launch`, `TASK_A`, `barrier`, `end`.")
    message: TraceMessage | None = None
    command: TraceCommand | None = None
    keys: list[KeyChange] = Field(default=[])
    event: dict[str, Any] | None = Field(default=None, description="The engine's event: type, state, data.")
    call: dict[str, Any] | None = Field(default=None, description="A call of the model: what was asked and answered.")


class Trace(Resource):
    """The X-ray of a run."""

    run_id: str
    definition: str
    engine: Literal["relay", "canvas", "celery"] = Field(description="`celery`: a plain app, without Umbel.")
    recording: Recording
    status: str
    records: list[TraceRecord]
    total: int = Field(description="How many records there are; `after` asks for those behind a number.")
    left_out: int = Field(default=0, description="Records that did not fit into what is kept of one run.")
    hint: Annotated[str | None, Field(description="Why something is missing, and what to do about it.")] = None
