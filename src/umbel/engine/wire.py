"""One script call over the wire: EVALSHA, its fallback, repeated after a lost reply, and the answer made typed."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from umbel.engine.incarnation import only_if_confirmed
from umbel.engine.keys import prefix
from umbel.engine.scripts import SCRIPTS
from umbel.errors import SettingsError, StateFull, StateUnavailable
from umbel.machine import Code, Verb

T = TypeVar("T")

PAUSES: Final = (0.1, 0.2, 0.4)
"""Seconds before each further try of a call whose connection broke."""


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


def connect(url: str, *, timeout: float, if_confirmed: bool = True) -> redis.Redis:
    """A client for the state store; one per process, since sockets do not survive a fork.

    Its connections try nothing twice: tries within tries would multiply their time. `Wire.persist` does that for all.

    Args:
        url: redis://host:port/db.
        timeout: seconds for one answer.
        if_confirmed: refuse a store that was restarted and not compared with the history yet (`incarnation`).

    Raises:
        SettingsError: the URL is not one of Redis. The message leaves it out, since it may hold a password.
    """
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            redis_connect_func=only_if_confirmed if if_confirmed else None,
        )
    except ValueError as error:
        raise SettingsError(
            "UMBEL_STATE_URL is not the address of a Redis: redis://host:port/db, rediss:// or unix://path?db=0."
        ) from error


def unavailable(error: RedisError, prefix: str = "") -> StateUnavailable:
    """What the engine raises for an error of redis-py."""
    text = str(error)
    if isinstance(error, OutOfMemoryError) or text.startswith("MISCONF"):  # maxmemory; the append-only file
        return StateFull(f"{prefix}the state store takes nothing more: {text}")
    return StateUnavailable(f"{prefix}the state store failed: {text}")


class Wire:
    """Runs scripts on the connections of one Redis client.

    It speaks to the connection itself: redis-py's `execute_command` costs a worker four times the CPU of the call
    (100 against 26 us, redis-py 8.1), and a run needs about ten calls.

    Args:
        client: its connections are used.
        timeout: seconds after which a call is not tried again.
    """

    def __init__(self, client: redis.Redis, timeout: float = 5.0) -> None:
        self._pool = client.connection_pool
        self._timeout = timeout

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
            raise unavailable(error, f"{verb}: ") from error
        return Code(_text(reply[0])), [_DECODE[kind](value) for kind, value in zip(kinds, reply[1:], strict=False)]

    def _send(self, *words: str | int) -> Any:
        """One command and its answer; sent again after a lost connection, which a request id makes safe (U-10)."""
        return self.persist(lambda: self._once(words))

    def persist(self, call: Callable[[], T]) -> T:
        """The call's answer; tried again a few times, about a second, if the connection breaks.

        All tries share one deadline: a store that does not answer at all has been waited for once, and that is enough.
        """
        deadline = time.monotonic() + self._timeout
        for pause in PAUSES:
            try:
                return call()
            except (RedisConnectionError, RedisTimeoutError):
                if time.monotonic() + pause >= deadline:
                    raise
                time.sleep(pause)
        return call()

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
