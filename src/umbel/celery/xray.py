"""What Celery's processes see of messages, for the X-ray: published, delivered, acknowledged, rejected.

Nothing of this is in a process where `UMBEL_XRAY` is off. Where it is on, a few methods of kombu are wrapped: what
puts a message into a queue (`kombu/transport/redis.py` `Channel._put`, `_do_restore_message`, `kombu/transport/
pyamqp.py` `Channel._basic_publish`), what takes one (`kombu/messaging.py` `Consumer._receive_callback`), and what
settles it (`kombu/message.py` `Message.ack`, `reject`, `requeue`).
"""

import functools
import logging
import os
import time
from collections.abc import Callable
from typing import Any, Final

from celery import signals
from kombu.message import Message
from kombu.messaging import Consumer
from kombu.transport import redis as redis_transport
from kombu.utils.json import dumps

from umbel.celery.headers import MARK
from umbel.engine.trail import BEGIN, END, Trail
from umbel.settings import Settings, get_settings

log = logging.getLogger(__name__)

LONGEST: Final = 64 * 1024
"""Characters of an envelope that are kept."""

_installed: "Recorder | None" = None


def install(settings: Settings, who: str, *, run: str | None = None, definition: str = "") -> None:
    """Record what this process, and its children, see of messages, if `settings.xray` says so. Once in a process.

    Args:
        who: this process: `server`, `worker`, `producer`.
        run: messages that are not of Umbel's runs belong to this one: a plain app, started for one lesson.
        definition: what that one is called.
    """
    global _installed
    if settings.xray == "off" or _installed is not None:
        return
    _installed = Recorder(Trail(settings), who, run, definition)
    _wrap(_installed)


def record_plain(run: str, definition: str, who: str = "producer") -> None:
    """Record a plain Celery app, without Umbel's engine, as the run `run`: in each process of it, before it sends or
    takes messages. Does nothing where `UMBEL_XRAY` is off.

    Args:
        run: an id of the caller's choice, a UUID: `GET /api/v1/runs/{run}/trace` then answers.
        definition: what the trace calls it.
        who: `worker` in a worker.
    """
    install(get_settings(), who, run=run, definition=definition)


def end_plain(run: str, status: str) -> None:
    """Note how a plain run has ended: `success`, `error`, `lost`. From any process that records it."""
    if _installed is not None:
        _installed.trail.say(run, {"k": END, "t": _now(), "status": status})


def _now() -> int:
    return time.time_ns() // 1000


class Recorder:
    """Makes the records of one process, and of what it forks."""

    def __init__(self, trail: Trail, who: str, run: str | None, definition: str) -> None:
        self.trail = trail
        self._who = who
        self._pid = os.getpid()
        self._run = run
        self._definition = definition
        self._roots: set[str] = set()
        signals.celeryd_init.connect(self._name, weak=False)

    def _name(self, sender: Any = None, **_: Any) -> None:
        self._who = f"worker {sender}"

    @property
    def who(self) -> str:
        """This process, as the X-ray calls it."""
        pid = os.getpid()
        return f"{self._who if pid == self._pid else 'pool child'} {pid}"

    def published(self, queue: str, message: dict[str, Any], *, back: bool = False) -> None:
        """A message is about to be put into a queue; `back`: put back there, since nobody has acknowledged it."""
        headers = message.get("headers") or {}
        run = self._run_of(headers)
        if run is None:
            return
        raw = dumps(message)
        record = {"q": queue, "id": headers.get("id"), "n": len(raw.encode()), "raw": raw[:LONGEST], "back": back}
        if len(raw) > LONGEST:
            record |= {"h": headers, "p": message.get("properties"), "b": len(message.get("body") or "")}
        self._note(run, "published", record)

    def sent(self, message: Any, queue: str) -> None:
        """A message is about to be sent to RabbitMQ, whose protocol has no envelope: what is kept is made of it."""
        properties = {name: value for name, value in message.properties.items() if name != "application_headers"}
        body = message.body.decode(errors="replace") if isinstance(message.body, bytes) else message.body
        headers = message.properties.get("application_headers") or {}
        self.published(queue, {"body": body, "headers": headers, "properties": properties})

    def settled(self, kind: str, message: Any, at: int, **more: Any) -> None:
        """A message was delivered, acknowledged or rejected."""
        headers, info = _headers(message), getattr(message, "delivery_info", None) or {}
        run = self._run_of(headers)
        if run is not None:
            about = {"id": headers.get("id"), "q": info.get("routing_key"), "tag": str(message.delivery_tag), **more}
            self._note(run, kind, about, at)

    def _note(self, run: str, kind: str, record: dict[str, Any], at: int | None = None) -> None:
        self.trail.note(run, {"k": kind, "t": at or _now(), "w": self.who, **record})

    def _run_of(self, headers: dict[str, Any]) -> str | None:
        if "task" not in headers or "id" not in headers:
            return None
        mark = headers.get(MARK)
        if isinstance(mark, dict):
            return str(mark["run"])
        root = headers.get("root_id")
        if self._run is not None and root not in self._roots:
            # Before the message is sent, so that whoever watches the store's commands knows whose it is.
            about = {"engine": "celery", "definition": self._definition, "root": root}
            self.trail.say(self._run, {"k": BEGIN, "t": _now(), **about})
            self._roots.add(str(root))
        return self._run


def _headers(message: Any) -> dict[str, Any]:
    found = getattr(message, "headers", None)
    if found is None:
        found = (getattr(message, "properties", None) or {}).get("application_headers")
    return found or {}


def _wrap(recorder: Recorder) -> None:
    def before(owner: Any, name: str, note: Callable[..., None]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            _quietly(note, *args, **kwargs)
            return original(self, *args, **kwargs)

        setattr(owner, name, wrapped)

    def settling(name: str, kind: str) -> None:
        original = getattr(Message, name)

        @functools.wraps(original)
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            at = _now()
            answer = original(self, *args, **kwargs)
            requeue = bool(kwargs.get("requeue", name == "requeue"))
            _quietly(recorder.settled, kind, self, at, **({"requeue": requeue} if kind == "rejected" else {}))
            return answer

        setattr(Message, name, wrapped)

    before(redis_transport.Channel, "_put", lambda queue, message, **_: recorder.published(queue, message))
    before(
        redis_transport.Channel,
        "_do_restore_message",
        lambda payload, exchange, routing_key, *_, **__: recorder.published(routing_key, payload, back=True),
    )
    before(
        Consumer,
        "_receive_callback",
        lambda message: recorder.settled("delivered", message, _now(), again=_redelivered(message)),
    )
    settling("ack", "acknowledged")
    settling("reject", "rejected")
    settling("requeue", "rejected")
    try:
        from kombu.transport.pyamqp import Channel
    except ImportError:  # only where RabbitMQ's client is installed
        return
    # `basic_publish` is another name of it, or, with confirms, a method that calls it (`amqp/channel.py`).
    before(
        Channel, "_basic_publish", lambda message, exchange="", routing_key="", **_: recorder.sent(message, routing_key)
    )
    Channel.basic_publish = Channel._basic_publish


def _redelivered(message: Any) -> bool:
    return bool((getattr(message, "delivery_info", None) or {}).get("redelivered"))


def _quietly(note: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """Recording must not fail what is recorded."""
    try:
        note(*args, **kwargs)
    except Exception:
        log.debug("something is missing in an X-ray", exc_info=True)
