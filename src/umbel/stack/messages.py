"""What the failure lab does to the embedded broker: hold it still for a while, take a message, put it there twice.

A queue of Celery's Redis transport is a list, one for each priority: sent with LPUSH, taken with BRPOP (kombu,
`transport/redis.py`, `_put`, `_brpop_start`, `_q_for_pri`).
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import redis

from umbel.errors import BrokerUnavailable

_SEPARATOR: Final = "\x06\x16"
_PRIORITIES: Final = (0, 3, 6, 9)
_ANSWER: Final = 2.0
"""Seconds to wait for an answer that should come at once."""

_LOOK: Final = 0.05
"""Seconds between two looks at messages that wait."""

Headers = Mapping[str, Any]


def pause(url: str, pid: int, seconds: float) -> None:
    """Let this Valkey answer nobody for some seconds (CLIENT PAUSE ALL), which it ends by itself.

    Args:
        pid: the process that has to be behind the address.

    Raises:
        BrokerUnavailable: it does not answer, or another one does.
    """
    with _Broker(url, pid, _ANSWER) as broker:
        broker.client.client_pause(round(seconds * 1000), all=True)


def catch(
    url: str, pid: int, queues: Sequence[str], wanted: Callable[[Headers], bool], *, copies: int, within: float
) -> Headers | None:
    """Take a message out of a queue, the first that is wanted: one that waits, or else one that is sent soon.

    Who waits longest gets the next message, and workers ask anew each second: so it comes here after a second at most.
    What comes here and is not wanted goes back to where the next worker takes it.

    Args:
        wanted: says so by a message's headers.
        copies: how often the message is in the queue afterwards: 0 or 2.
        within: seconds to wait for one.

    Returns:
        Its headers; None if none came.

    Raises:
        BrokerUnavailable: the broker does not answer, or another one does.
    """
    keys = [queue + (f"{_SEPARATOR}{each}" if each else "") for each in _PRIORITIES for queue in queues]
    deadline = time.monotonic() + within
    with _Broker(url, pid, within + _ANSWER) as broker:
        while True:
            waiting = broker.waiting(keys)
            for key, text in waiting:
                if wanted(_headers(text)) and broker.change(key, text, copies):  # else a worker was quicker
                    return _headers(text)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if waiting:  # for a worker, which may be busy or frozen
                time.sleep(_LOOK)
                continue
            found = cast("tuple[bytes, bytes] | None", broker.client.brpop(keys, timeout=max(left, 0.01)))
            if found is not None:
                key, text = found[0].decode(), found[1]
                if wanted(_headers(text)):
                    broker.put(key, text, copies)
                    return _headers(text)
                broker.put(key, text, 1)


class _Broker:
    """A connection for one act, to no other process than the one that is meant."""

    def __init__(self, url: str, pid: int, patience: float) -> None:
        self.client = redis.Redis.from_url(url, socket_connect_timeout=_ANSWER, socket_timeout=patience)
        self._pid = pid

    def __enter__(self) -> "_Broker":
        try:
            told = self.client.info("server")
        except redis.RedisError as error:
            self.client.close()
            raise BrokerUnavailable(f"The embedded Valkey does not answer: {error}") from error
        if told.get("process_id") != self._pid:
            self.client.close()
            raise BrokerUnavailable("Another process than the stack's own Valkey listens at the broker's address.")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.client.close()
        if isinstance(error, redis.RedisError):
            raise BrokerUnavailable(f"The embedded Valkey does not answer: {error}") from error

    def waiting(self, keys: Sequence[str]) -> list[tuple[str, bytes]]:
        """All messages, those first that a worker would take first."""
        lists = [cast("list[bytes]", self.client.lrange(key, 0, -1)) for key in keys]
        return [(key, text) for key, texts in zip(keys, lists, strict=True) for text in reversed(texts)]

    def change(self, key: str, text: bytes, copies: int) -> bool:
        """Take this message out, or double it where it is; False if it is not there any more."""
        same = cast("str", text)  # redis-py sends bytes as they are
        return (self.client.linsert(key, "BEFORE", same, same) if copies else self.client.lrem(key, -1, same)) > 0

    def put(self, key: str, text: bytes, copies: int) -> None:
        """Where workers take the next message."""
        if copies:
            self.client.rpush(key, *[text] * copies)


def _headers(text: bytes) -> Headers:
    try:
        headers = json.loads(text)["headers"]
    except (ValueError, TypeError, KeyError):
        return {}
    return headers if isinstance(headers, dict) else {}
