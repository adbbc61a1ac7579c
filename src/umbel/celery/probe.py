"""Looking at the broker from outside: does it take a message, and give it back? For `umbel doctor`."""

import uuid
from dataclasses import dataclass

from kombu.connection import Connection
from kombu.entity import Queue
from kombu.messaging import Consumer, Producer

from umbel.celery.address import shown
from umbel.celery.app import make_app
from umbel.celery.survival.ask import told
from umbel.celery.survival.record import ServerFacts
from umbel.errors import BrokerUnavailable
from umbel.settings import Settings


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """What is known of a broker that took a message and gave it back."""

    address: str
    """Without a password."""
    kind: str
    """kombu's name of its transport's kind: redis, amqp, ..."""
    server: ServerFacts | None
    """What it says of itself, if it is Redis or Valkey."""
    has_mark: bool
    """The key that was looked for is in it: it is the same database as the other one."""


def look(settings: Settings, *, timeout: float, mark: str | None = None) -> BrokerFacts:
    """Send a message to a queue of our own, and fetch it. Each answer is waited for `timeout` seconds.

    Args:
        mark: name of a Redis key to look for.

    Raises:
        BrokerUnavailable: it does not answer, or does not take messages.
    """
    address = shown(settings.broker_url)
    app = make_app(settings.model_copy(update={"store_timeout": timeout}))
    try:
        with app.connection_for_write(connect_timeout=timeout) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=timeout)
            kind = str(connection.transport.driver_type)
            _there_and_back(connection, timeout)
            client = connection.default_channel.client if kind == "redis" else None
            server = told(client) if client is not None else None
            same = bool(client.exists(mark)) if client is not None and mark else False
            return BrokerFacts(address, kind, server, same)
    except Exception as error:  # each transport has exceptions of its own
        raise BrokerUnavailable(f"{address}: {type(error).__name__}: {error}") from error
    finally:
        app.close()


def _there_and_back(connection: Connection, timeout: float) -> None:
    channel = connection.default_channel
    queue = Queue(f"umbel-doctor-{uuid.uuid4().hex}", exclusive=True, auto_delete=True, durable=False)(channel)
    queue.declare()
    try:
        Producer(channel).publish({"from": "umbel doctor"}, routing_key=queue.name, serializer="json")
        if queue.get(no_ack=True) is None:
            came: list[object] = []
            with Consumer(channel, [queue], callbacks=[lambda body, _: came.append(body)], no_ack=True):
                connection.drain_events(timeout=timeout)
    finally:
        queue.delete()
