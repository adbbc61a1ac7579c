"""The first messages of a canvas as the installed Celery would send them, caught before they leave this process."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from celery import Celery
from celery.canvas import Signature
from celery.exceptions import CPendingDeprecationWarning
from kombu import serialization
from kombu.utils.json import dumps

MAX_SIGNATURES: Final = 300
"""Of a canvas that is sent for show: the time that Celery takes to build one grows with the square."""
MAX_DEPTH: Final = 20
"""Signatures within each other, of such a canvas: Celery copies the inner ones again for each outer one."""
MAX_MESSAGES: Final = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: its task, its bytes as Redis would hold it, and what it carries (`embed` in its body): names of the
    later steps of a chain, in their order, and of the body of a chord; `carried` counts all signatures in these."""

    task: str
    bytes: int
    chain: tuple[str, ...] = ()
    chord: str | None = None
    carried: int = 0


class _Enough(Exception):
    pass


def first_messages(canvas: Mapping[str, Any]) -> list[Sent]:
    """What `apply_async` publishes before any task has run, at most `MAX_MESSAGES`. Nothing leaves this process, and
    no signal is sent.

    Args:
        canvas: `dict(signature)` as JSON values, within `MAX_SIGNATURES` and `MAX_DEPTH`, with options of Celery's
            kinds.

    Raises:
        Exception: what Celery raises on it, such as a group that cannot be encoded.
    """
    found: list[Sent] = []

    def catch(producer: Any, name: str, message: Any, **properties: Any) -> None:
        if len(found) == MAX_MESSAGES:
            raise _Enough
        found.append(_told(producer.channel, name, message, properties))

    # An app of its own each time: queues that a canvas names stay in an app.
    app = Celery("explained", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.broker_pool_limit = 0  # each chord in a chord's header takes one more
    app.amqp.__dict__["send_task_message"] = catch
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CPendingDeprecationWarning)  # of every `link_error` of a chord
            Signature.from_dict(dict(canvas), app=app).apply_async()
    except _Enough:
        pass
    finally:
        app.close()
    return found


def _told(channel: Any, name: str, message: Any, properties: Mapping[str, Any]) -> Sent:
    content_type, encoding, body = serialization.dumps(message.body, serializer="json")
    queue = str(properties.get("queue") or "celery")
    known = {word: value for word, value in message.properties.items() if value is not None}
    whole = channel.prepare_message(body, 0, content_type, encoding, message.headers, {**known, "delivery_mode": 2})
    channel._inplace_augment_message(whole, "", queue)
    embed = message.body[2]
    steps, body_of_chord = list(reversed(embed.get("chain") or ())), embed.get("chord")
    carried = sum(map(_count, steps)) + _count(body_of_chord)
    return Sent(name, len(dumps(whole)), tuple(map(_name, steps)), body_of_chord and _name(body_of_chord), carried)


def _name(signature: Mapping[str, Any]) -> str:
    """What a part is called: its task, or of what kind it is."""
    return str(signature.get("subtask_type") or signature["task"])


def _count(signature: Any) -> int:
    """Signatures of tasks in what a message carries, at any depth."""
    found, stack = 0, [signature]
    while stack:
        here = stack.pop()
        if isinstance(here, Mapping):
            inner = here.get("kwargs", {}) if here.get("subtask_type") in ("chain", "group", "chord") else {}
            found += "subtask_type" in here and not inner
            stack += [inner.get(word) for word in ("tasks", "header", "body")]
            stack += [here.get("options", {}).get(word) for word in ("chain", "chord", "link", "link_error")]
        elif isinstance(here, list | tuple):
            stack += here
    return found
