"""One script call over the wire: EVALSHA, its fallback, repeated after a lost reply, and the answer made typed."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from umbel.engine.keys import prefix
from umbel.engine.scripts import SCRIPTS
from umbel.errors import StateUnavailable
from umbel.machine import Code, Verb


class Item(NamedTuple):
    """A task that is released and wants a message: what a dispatcher needs to publish it."""

    run: str
    task: int
    epoch: int
    plan: str


def _text(value: bytes | int) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _ints(value: bytes | int) -> tuple[int, ...]:
    text = _text(value)
    return tuple(map(int, text.split(","))) if text else ()


def _items(value: bytes | int) -> tuple[Item, ...]:
    return tuple(Item(*each) for each in json.loads(_text(value)))


_DECODE: Final[dict[str, Callable[[bytes | int], Any]]] = {
    "str": _text,
    "json": _text,
    "int": int,
    "ints": _ints,
    "items": _items,
}


def connect(url: str, *, timeout: float) -> redis.Redis:
    """A client for the state store; one per process, since sockets do not survive a fork.

    A call whose reply was lost is sent again (three times within about a second): every verb repeats its first answer
    for the same request id, so that this is safe (U-10).

    Args:
        url: redis://host:port/db.
        timeout: seconds for one answer.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        health_check_interval=0,
    )


class Wire:
    """Runs scripts on one Redis client."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def call(
        self, verb: Verb, partition: int, arguments: Sequence[str | int], kinds: Sequence[str]
    ) -> tuple[Code, list[Any]]:
        """Run the script of `verb`; its code, and its values decoded by `kinds`.

        Raises:
            StateUnavailable: the store did not answer, or refused (for example out of memory).
        """
        script = SCRIPTS[verb]
        try:
            try:
                reply = self.client.evalsha(script.sha, 1, prefix(partition), *arguments)
            except NoScriptError:
                reply = self.client.eval(script.text, 1, prefix(partition), *arguments)
        except RedisError as error:
            raise StateUnavailable(f"{verb}: the state store failed: {error}") from error
        return Code(_text(reply[0])), [_DECODE[kind](value) for kind, value in zip(kinds, reply[1:], strict=False)]
