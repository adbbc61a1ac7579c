"""What the broker's queues hold."""

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from celery import Celery

from umbel.celery.broker import AMQP, REFUSALS
from umbel.errors import BrokerUnavailable

MOST_FETCHED: Final = 1000
"""Fetched messages that are looked at to see which queue each is of; of more, nobody is told."""


class Depth(NamedTuple):
    """A queue of the broker; None for what a transport does not tell."""

    waiting: int
    """Messages that no worker has fetched, of all priorities."""
    fetched: int | None = None
    """Messages that workers have fetched and not acknowledged."""


def queue_lengths(app: Celery, queues: Iterable[str]) -> dict[str, Depth]:
    """What each queue holds; a queue that is not there is left out, as is every queue of a transport that cannot tell.

    Redis: `_size` of kombu's virtual transports adds the lists of all priorities; fetched messages are in the hash
    `unacked` as `[message, exchange, routing key]` (`kombu/transport/redis.py`, `QoS.append`). RabbitMQ says of a
    passive declaration how many messages are ready, and nothing of those that are not acknowledged.

    Raises:
        BrokerUnavailable: the broker does not answer.
    """
    found: dict[str, Depth] = {}
    try:
        with app.connection_for_read() as connection:
            if connection.transport.driver_type == "amqp" or connection.transport_cls in AMQP:
                for queue in queues:
                    # Asking for a queue that is not there closes the channel.
                    with suppress(*connection.channel_errors), connection.channel() as channel:
                        found[queue] = Depth(int(channel.queue_declare(queue, passive=True).message_count))
                return found
            channel = connection.default_channel
            size = getattr(channel, "_size", None)  # kombu's virtual transports
            if size is None:
                return found
            fetched = _fetched(channel) if hasattr(channel, "unacked_key") else None
            for queue in queues:
                found[queue] = Depth(int(size(queue)), None if fetched is None else fetched[queue])
    except REFUSALS as error:
        raise BrokerUnavailable(f"the broker does not answer: {error}") from error
    return found


def _fetched(channel: Any) -> Counter[str] | None:
    """Messages of Redis that are fetched and not acknowledged, by routing key, which is the queue's name unless an app
    has exchanges of its own; None if there are too many to look at."""
    with channel.conn_or_acquire() as client:
        if client.hlen(channel.unacked_key) > MOST_FETCHED:
            return None
        return Counter(str(json.loads(each)[2]) for each in client.hvals(channel.unacked_key))
