"""One script call over the wire: EVALSHA, its fallback, repeated after a lost reply, and the answer made typed."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from umbel.engine.keys import prefix
from umbel.engine.scripts import SCRIPTS
from umbel.errors import SettingsError, StateUnavailable
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

    Raises:
        SettingsError: the URL is not one of Redis. The message leaves it out, since it may hold a password.
    """
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
            retry_on_error=[RedisConnectionError, RedisTimeoutError],
            health_check_interval=0,
        )
    except ValueError as error:
        raise SettingsError(
            "UMBEL_STATE_URL is not the address of a Redis: redis://host:port/db, rediss:// or unix://path?db=0."
        ) from error


class Wire:
    """Runs scripts on the connections of one Redis client.

    It speaks to the connection itself: redis-py's `execute_command` costs a worker four times the CPU of the call
    (100 against 26 us, redis-py 8.1), and a run needs about ten calls.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._retry: Retry = client.get_retry() or Retry(NoBackoff(), 0)

    def call(
        self, verb: Verb, partition: int, arguments: Sequence[str | int], kinds: Sequence[str]
    ) -> tuple[Code, list[Any]]:
        """Run the script of `verb`; its code, and its values decoded by `kinds`.

        Raises:
            StateUnavailable: the store did not answer, or refused (for example out of memory).
        """
        script = SCRIPTS[verb]
        words = (1, prefix(partition), *arguments)
        try:
            try:
                reply = self._send("EVALSHA", script.sha, *words)
            except NoScriptError:
                reply = self._send("EVAL", script.text, *words)
        except RedisError as error:
            raise StateUnavailable(f"{verb}: the state store failed: {error}") from error
        return Code(_text(reply[0])), [_DECODE[kind](value) for kind, value in zip(kinds, reply[1:], strict=False)]

    def _send(self, *words: str | int) -> Any:
        """One command and its answer; sent again after a lost connection, which a request id makes safe (U-10)."""
        return self._retry.call_with_retry(lambda: self._once(words), lambda error: None)

    def _once(self, words: Sequence[str | int]) -> Any:
        connection = self._pool.get_connection()
        try:
            connection.send_command(*words)  # type: ignore[no-untyped-call]
            return connection.read_response()
        except (RedisConnectionError, RedisTimeoutError):
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            self._pool.release(connection)
