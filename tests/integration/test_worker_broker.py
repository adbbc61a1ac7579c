"""What is done to kombu's Redis channel, held against the real one: a kombu that changes it must fail here."""

from collections.abc import Iterator

import kombu
import pytest

from tests.valkey import valkey, valkey_url
from umbel.celery.broker import keep_client

__all__ = ["valkey", "valkey_url"]


@pytest.fixture
def channel(valkey_url: str, valkey: object) -> Iterator[object]:
    socket = valkey_url.removeprefix("unix://").partition("?")[0]
    with kombu.Connection(f"redis+socket://{socket}?virtual_host=0") as connection, connection.channel() as channel:
        yield channel


def used(channel) -> object:
    with channel.conn_or_acquire() as client:
        return client


def test_kombu_makes_a_client_for_each_command(channel) -> None:
    assert used(channel) is not used(channel)


def test_a_channel_keeps_one_client_and_publishes_with_it(channel) -> None:
    keep_client(channel)
    keep_client(channel)
    first = used(channel)
    assert used(channel) is first
    with kombu.Producer(channel) as producer:
        producer.publish("hello", routing_key="there")
    assert first.llen("there") == 1
    assert channel.client is not first, "the client that waits for messages holds a connection of its own"


def test_after_a_reconnect_it_is_a_new_client(channel) -> None:
    keep_client(channel)
    first = used(channel)
    channel._disconnect_pools()
    assert used(channel) is not first
    assert used(channel).ping()


def test_other_transports_are_left_alone() -> None:
    with kombu.Connection("memory://") as connection, connection.channel() as channel:
        before = dict(vars(channel))
        keep_client(channel)
        assert vars(channel) == before
