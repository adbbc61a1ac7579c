"""How many messages wait in the broker's queues."""

from collections.abc import Iterable
from contextlib import suppress

from celery import Celery

from umbel.celery.broker import AMQP, REFUSALS
from umbel.errors import BrokerUnavailable


def queue_lengths(app: Celery, queues: Iterable[str]) -> dict[str, int]:
    """Messages that no worker has fetched, by queue; a queue that is not there is left out, as is every queue of a
    transport that cannot tell.

    Raises:
        BrokerUnavailable: the broker does not answer.
    """
    found: dict[str, int] = {}
    try:
        with app.connection_for_read() as connection:
            amqp = connection.transport.driver_type == "amqp" or connection.transport_cls in AMQP
            for queue in queues:
                if not amqp:
                    size = getattr(connection.default_channel, "_size", None)  # kombu's virtual transports
                    if size is not None:
                        found[queue] = int(size(queue))
                    continue
                # Asking for a queue that is not there closes the channel.
                with suppress(*connection.channel_errors), connection.channel() as channel:
                    found[queue] = int(channel.queue_declare(queue, passive=True).message_count)
    except REFUSALS as error:
        raise BrokerUnavailable(f"the broker does not answer: {error}") from error
    return found
