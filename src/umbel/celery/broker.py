"""Making kombu's Redis transport cheaper, without changing what it does; and RabbitMQ safe to publish to."""

from typing import Any, Final

from amqp.exceptions import AMQPError, MessageNacked
from celery import Celery
from kombu import pools
from kombu.exceptions import KombuError, OperationalError
from kombu.messaging import Producer
from kombu.transport.redis import QoS

AMQP: Final = frozenset({"amqp", "amqps", "pyamqp"})
"""Schemes of the URL of a RabbitMQ."""

REFUSALS: Final = (KombuError, OperationalError, OSError, AMQPError, MessageNacked)
"""What publishing raises when the broker is away, or does not take a message."""


def keep_client(channel: Any) -> None:
    """Let a channel keep one Redis client for its commands.

    kombu's Redis channel makes a `redis.Redis` for each command (`conn_or_acquire`, `kombu/transport/redis.py`), and
    that constructor fills a table of 169 answers: 40 % of the CPU of publishing, a quarter of a worker's main process.
    Clients that hold a connection of their own (BRPOP, pub/sub; `async_pool`) stay as they are, and so do the channels
    of other transports.
    """
    make = getattr(channel, "Client", None)
    if not isinstance(make, type) or not hasattr(channel, "pool"):
        return
    kept: list[Any] = []

    def client(**options: Any) -> Any:
        pool = options.get("connection_pool")
        if pool is not channel.pool:
            return make(**options)
        if not kept or kept[0].connection_pool is not pool:  # the pool is a new one after each reconnect
            kept[:] = [make(**options)]
        return kept[0]

    channel.Client = client


def outlive_restarts() -> None:
    """Let this process's worker live on when its Redis, as the broker, is started again.

    When the connection is lost, kombu 5.7 wants to put fetched messages back on the connection that it has closed
    already (`QoS.restore_unacked`, `Channel._connparams`), and the AttributeError of that, which Celery does not take
    for a broken connection, ends the worker. Those messages stay where Redis keeps what was fetched, until the
    visibility timeout; tasks of runs do not wait for that, since they are sent again when they are not claimed.
    """
    if hasattr(QoS.restore_unacked, "outlives"):
        return
    original = QoS.restore_unacked

    def restore_unacked(self: Any, client: Any = None) -> None:
        try:
            original(self, client)
        except AttributeError as error:
            raise OSError("the connection to the broker is closed; fetched messages are not put back") from error

    restore_unacked.outlives = True  # type: ignore[attr-defined]
    QoS.restore_unacked = restore_unacked  # type: ignore[method-assign]


def producers(app: Celery) -> Any:
    """The app's pool of producers; with RabbitMQ, one whose messages the broker confirms.

    Without confirms (Celery's default) nobody hears of a message that the broker has lost, or could put into no queue.
    An app that is there already keeps its own connections as they are.
    """
    pool = app.producer_pool
    connection = app.connection_for_write()
    options = connection.transport_options
    if connection.get_transport_cls().driver_type != "amqp" or options.get("confirm_publish"):
        return pool
    connection.transport_options = {**options, "confirm_publish": True}
    confirmed = pools.producers[connection]
    confirmed.limit = pool.limit
    return confirmed


class Returns:
    """Messages that RabbitMQ gave back, since no queue has the name in their routing key.

    Redis makes a queue of whatever is pushed; RabbitMQ's default exchange drops what is for a queue that nobody has
    declared, and confirms it. Only a message that is `mandatory` comes back, before its confirmation (RabbitMQ docs,
    "Publishers", unroutable messages).

    Args:
        producer: held by the calling thread until `close`.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._count = 0
        producer.on_return = self._hear  # for the channel of a connection that is opened anew
        self._heard(producer.channel).add(self._hear)

    def _hear(self, *_: Any) -> None:
        self._count += 1

    def take(self) -> bool:
        """Whether a message has come back since the last call."""
        came, self._count = self._count > 0, 0
        return came

    def close(self) -> None:
        """The producer goes back to its pool."""
        self._producer.on_return = None
        self._heard(self._producer.channel).discard(self._hear)

    @staticmethod
    def _heard(channel: Any) -> set[Any]:
        events = getattr(channel, "events", None)  # other transports have none, and give nothing back
        return events["basic_return"] if isinstance(events, dict) else set()
