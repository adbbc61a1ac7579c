"""Which life of the state store this is: whether it may have gone back in time, and what it then still holds.

A Redis that starts again has lost what its persistence had not written yet, perhaps only the last moment, perhaps
everything since an old backup; so has a replica that takes over. Runs in it may then be behind what the history knows
of them, and whoever went on with them would do again what is done. So the store carries the `run_id` of the Redis
process (INFO, section server: a random value, new at each start) that a server has last compared with the history.
Where the two differ, the store is closed: every new connection is refused until the comparison is made
(`umbel.keeper.confirm`). Asking at connection time is enough, since no connection outlives a Redis process; it costs
running calls nothing. A store that carries no `run_id` is open: it is new, or was emptied, and cannot be behind.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from umbel.engine.keys import prefix

if TYPE_CHECKING:
    import redis
    from redis.connection import AbstractConnection

    Guard = Callable[[Callable[[], Any]], Any]

CONFIRMED: Final = f"{prefix(0)}confirmed"
_CONFIRM: Final = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], ARGV[1])"
"""Also when the store is full: only what is let in can make room."""
PORTION: Final = 500
"""Runs looked at in one call."""


class StoreClosed(RedisConnectionError):
    """The store was restarted, and no server has compared it with the history yet."""


class Life(NamedTuple):
    """The `run_id` of the Redis that answers, and that of the one which was compared last."""

    present: str
    confirmed: str | None


def only_if_confirmed(connection: "AbstractConnection") -> None:
    """For redis-py's `redis_connect_func`: what a new connection does first.

    Raises:
        StoreClosed: the store may be behind the history.
    """
    connection.on_connect()  # type: ignore[no-untyped-call]
    connection.send_command("GET", CONFIRMED)  # type: ignore[no-untyped-call]
    confirmed = connection.read_response()
    if confirmed is None:
        return
    connection.send_command("INFO", "server")  # type: ignore[no-untyped-call]
    if _run_id(connection.read_response()) != _text(confirmed):
        raise StoreClosed("it was started again, and is closed until a server has compared it with the history.")


def _run_id(info: Any) -> str:
    for line in _text(info).splitlines():
        name, _, value = line.partition(":")
        if name == "run_id":
            return value.strip()
    return ""


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class Incarnation:
    """The looks that a server takes at a store which may be closed to everybody else.

    Every method raises StateUnavailable if the store does not answer.
    """

    def __init__(self, client: "redis.Redis", guard: "Guard") -> None:
        self._client = client
        self._guard = guard

    def life(self) -> Life:
        """Which Redis answers now, and which was compared last."""

        def read() -> Life:
            confirmed = cast("bytes | None", self._client.get(CONFIRMED))
            present = self._client.info("server").get("run_id", "")
            return Life(str(present), confirmed.decode() if confirmed is not None else None)

        return cast("Life", self._guard(read))

    def confirm(self, run_id: str) -> None:
        """Open the store: this Redis has been compared with the history."""
        self._guard(lambda: self._client.eval(_CONFIRM, 1, CONFIRMED, run_id))

    def progress(self, partition: int) -> Iterator[dict[str, tuple[int, int]]]:
        """How far each run that the store holds has come: epoch and number of its newest event, in portions."""
        base = f"{prefix(partition)}run:"
        cursor = 0
        while True:
            cursor, some = self._guard(partial(self._scan, base, cursor))
            if some:
                yield some
            if not cursor:
                return

    def _scan(self, base: str, cursor: int) -> tuple[int, dict[str, tuple[int, int]]]:
        cursor, names = cast("tuple[int, list[bytes]]", self._client.scan(cursor, match=f"{base}*", count=PORTION))
        if not names:
            return cursor, {}
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.hmget(name, ["epoch", "seq"])
        found = zip(names, pipeline.execute(), strict=True)
        return cursor, {
            name.decode().removeprefix(base): (int(epoch), int(seq)) for name, (epoch, seq) in found if seq is not None
        }

    def keep_ahead(self, partition: int, position: str) -> None:
        """Let the next event's id follow `position`, up to which the history has read.

        Ids are made from the store's clock. Where that is behind (a replica took over, the events are gone), events
        would stand before the position, and nobody would ever read them.
        """
        name = f"{prefix(partition)}events"

        def raise_id() -> None:
            try:
                last = self._client.xinfo_stream(name)["last-generated-id"]
            except ResponseError:  # there is no stream
                last = b"0-0"
            if _order(_text(last)) >= _order(position):
                return
            pipeline = self._client.pipeline(transaction=True)
            pipeline.xadd(name, {"e": "nothing"}, id=position)
            pipeline.xdel(name, position)
            try:
                pipeline.execute()
            except ResponseError:  # somebody else has done it meanwhile
                return

        self._guard(raise_id)


def _order(stream_id: str) -> tuple[int, int]:
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number or 0)
