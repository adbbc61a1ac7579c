"""The fields of a Celery message, explained, each with where Celery says so.

Sources: Celery's documentation, "Message Protocol" (version 2, https://docs.celeryq.dev/en/stable/internals/
protocol.html), and the code of Celery 5.7 and kombu 5.7. A test compares the table with recorded messages.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from umbel.service.models.trace import TraceField

PROTOCOL: Final = "Celery docs, Message Protocol"
LONGEST: Final = 500
"""Characters of a value that are repeated here; the whole stands in the message."""


class Meaning(NamedTuple):
    """What a field is for, and the source of that."""

    means: str
    source: str = PROTOCOL


FIELDS: Final = {
    "body": Meaning("What the task is called with, and what follows it: JSON, here in base64.", PROTOCOL),
    "content-type": Meaning("How the body was written; a worker refuses what is not in its accept_content."),
    "content-encoding": Meaning("In which encoding the body's text is."),
    "headers.lang": Meaning("The language that the task is written in."),
    "headers.task": Meaning("The name of the task: the worker looks it up in its registry."),
    "headers.id": Meaning("The task's id: under it the result is kept, and by it the task is revoked."),
    "headers.root_id": Meaning("The id of the first task of the whole workflow; in Umbel's runs, of the run."),
    "headers.parent_id": Meaning("The id of the task that sent this one; null if no task did."),
    "headers.group": Meaning("The group that it is a member of. A chord counts its members under this id."),
    "headers.group_index": Meaning(
        "Its place in the group. In a chord it is the score of its result, which keeps the results in order.",
        "celery/canvas.py, celery/backends/redis.py on_chord_part_return",
    ),
    "headers.meth": Meaning("The name of a method to call. Not used by Celery for Python."),
    "headers.shadow": Meaning("Another name for logs and monitors."),
    "headers.eta": Meaning("Not before this moment. The worker takes the message now and holds it until then."),
    "headers.expires": Meaning("After this moment the worker throws the task away."),
    "headers.retries": Meaning("How often it was retried so far. Every retry is a new message with the same id."),
    "headers.timelimit": Meaning("Its time limits in seconds: hard and soft; null for the worker's own."),
    "headers.argsrepr": Meaning("The positional arguments as text, for logs: workers do not use it."),
    "headers.kwargsrepr": Meaning("The keyword arguments as text, for logs: workers do not use it."),
    "headers.origin": Meaning("Which process has sent it."),
    "headers.ignore_result": Meaning("Whether the worker keeps no result of it.", "celery/app/amqp.py as_task_v2"),
    "headers.replaced_task_nesting": Meaning(
        "How often the task has replaced itself with another one (`self.replace`).", "celery/app/task.py replace"
    ),
    "headers.stamped_headers": Meaning("Which headers are stamps.", "Celery docs, Canvas, Stamping"),
    "headers.stamps": Meaning("The stamps: labels that pass on to what follows.", "Celery docs, Canvas, Stamping"),
    "headers.delivery_info": Meaning("How an earlier delivery came, in a retry.", "celery/app/task.py"),
    "headers.redelivered": Meaning(
        "It has been delivered before, and was not acknowledged.",
        "kombu/transport/redis.py _do_restore_message",
    ),
    "headers.traceparent": Meaning("The trace that the task belongs to.", "W3C Trace Context"),
    "headers.umbel": Meaning(
        "Umbel's mark: run, task and epoch. With Umbel's own engine that is all that a worker needs to claim the task.",
        "umbel/celery/dispatch.py",
    ),
    "properties.correlation_id": Meaning("The task's id once more, as brokers call it."),
    "properties.reply_to": Meaning("Where the sender would read a reply: used by the rpc:// result backend only."),
    "properties.delivery_mode": Meaning("2: the broker keeps it on disk. Redis has no such thing per message."),
    "properties.priority": Meaning("With Redis, 0 goes first.", "Celery docs, Redis Message Priorities"),
    "properties.delivery_info": Meaning("Through which exchange, with which routing key, it was sent."),
    "properties.body_encoding": Meaning("How the body was packed.", "kombu/transport/virtual/base.py"),
    "properties.delivery_tag": Meaning(
        "The name of this delivery: under it the message waits in `unacked` until it is acknowledged.",
        "kombu/transport/redis.py QoS.append",
    ),
    "body[0]": Meaning("The positional arguments. A chain puts the result of the task before in front of them."),
    "body[1]": Meaning("The keyword arguments."),
    "body[2].callbacks": Meaning("Tasks to send when this one succeeds (`link`)."),
    "body[2].errbacks": Meaning("Tasks to send when this one fails (`link_error`)."),
    "body[2].chain": Meaning("The rest of the chain, last task first: the worker pops the next one off the end."),
    "body[2].chord": Meaning("What to run when all members of its group have ended: the chord's body."),
}
"""Path of a field -> what it means."""


def explained(message: dict[str, Any], body: Any) -> list[TraceField]:
    """The fields of a message, one by one.

    Args:
        message: with `headers`, `properties` and the rest of the envelope.
        body: decoded; None if it could not be.
    """
    return [
        TraceField(path=path, value=_cut(value), means=FIELDS[path].means, source=FIELDS[path].source)
        for path, value in _paths(message, body)
        if path in FIELDS
    ]


def _paths(message: dict[str, Any], body: Any) -> Iterator[tuple[str, Any]]:
    for part in ("headers", "properties"):
        for name, value in (message.get(part) or {}).items():
            yield f"{part}.{name}", value
    for name in ("content-type", "content-encoding", "body"):
        if name in message:
            yield name, message[name]
    if isinstance(body, list) and len(body) == 3:
        yield "body[0]", body[0]
        yield "body[1]", body[1]
        if isinstance(body[2], dict):
            for name, value in body[2].items():
                yield f"body[2].{name}", value


def _cut(value: Any) -> Any:
    return f"{value[:LONGEST]}…" if isinstance(value, str) and len(value) > LONGEST else value
