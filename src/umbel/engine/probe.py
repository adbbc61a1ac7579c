"""Looking at a Redis or Valkey from outside: what it is, how it keeps data, how quick it is. For `umbel doctor`."""

import time
import uuid
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, cast

from redis.exceptions import RedisError, ResponseError

from umbel.engine.incarnation import CONFIRMED
from umbel.engine.keys import prefix
from umbel.engine.wire import connect
from umbel.errors import StateUnavailable

PINGS: Final = 20
_MARK_MS: Final = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What a store says of itself. Times are ms."""

    name: str = "Redis"
    version: str = "7.0.0"
    aof: bool = True
    fsync: str | None = "everysec"
    """`appendfsync`; None if it may not be asked."""
    snapshots: str | None = ""
    policy: str = "noeviction"
    maxmemory: int = 0
    used: int = 0
    timeout: int | None = 0
    """Seconds after which it closes idle connections; 0 never."""
    confirmed: bool = True
    """A server has compared this start of it with the history, or there was nothing to compare."""
    refuses: str = ""
    """What it says to a write, if it takes none."""
    offset: float = 0.0
    """By how much its clock is ahead of this machine's."""
    latency: float = 0.0
    replicas: int = 0


def look(url: str, *, timeout: float) -> StoreFacts:
    """The facts of the store at `url`; every answer is waited for `timeout` seconds.

    Raises:
        StateUnavailable: it does not answer.
        SettingsError: the URL is none.
    """
    client = connect(url, timeout=timeout, if_confirmed=False)
    try:
        info: dict[str, Any] = client.info()
        latency, offset = _clock(client)
        confirmed = cast("bytes | None", client.get(CONFIRMED))
        return StoreFacts(
            name="Valkey" if "valkey_version" in info else "Redis",
            version=str(info.get("valkey_version") or info.get("redis_version", "")),
            aof=bool(int(info.get("aof_enabled", 0))),
            fsync=_setting(client, "appendfsync"),
            snapshots=_setting(client, "save"),
            policy=str(info.get("maxmemory_policy", "noeviction")),
            maxmemory=int(info.get("maxmemory", 0)),
            used=int(info.get("used_memory", 0)),
            timeout=int(found) if (found := _setting(client, "timeout")) is not None else None,
            confirmed=confirmed is None or confirmed.decode() == str(info.get("run_id", "")),
            refuses=_refusal(client),
            offset=offset,
            latency=latency,
            replicas=int(info.get("connected_slaves", 0)),
        )
    except RedisError as error:
        raise StateUnavailable(f"it does not answer: {error}") from error
    finally:
        client.close()


def mark(url: str, *, timeout: float) -> str:
    """Put a short-lived key into the store, by which it is known again through another address. Its name."""
    client = connect(url, timeout=timeout, if_confirmed=False)
    try:
        name = f"{prefix(0)}doctor:{uuid.uuid4().hex}"
        client.set(name, 1, px=_MARK_MS)
        return name
    except RedisError as error:
        raise StateUnavailable(f"it does not answer: {error}") from error
    finally:
        client.close()


def _clock(client: Any) -> tuple[float, float]:
    """Median of the round trips, and how far its clock is ahead, both in ms."""
    trips, offsets = [], []
    for _ in range(PINGS):
        before = time.time()
        seconds, micros = client.time()
        after = time.time()
        trips.append((after - before) * 1000)
        offsets.append((seconds + micros / 1e6 - (before + after) / 2) * 1000)
    return median(trips), median(offsets)


def _setting(client: Any, name: str) -> str | None:
    try:
        return str(client.config_get(name).get(name, ""))
    except ResponseError:  # a managed one may forbid CONFIG
        return None


def _refusal(client: Any) -> str:
    try:
        client.set(f"{prefix(0)}doctor:{uuid.uuid4().hex}", 1, px=1000)
    except ResponseError as error:
        return str(error)
    return ""
