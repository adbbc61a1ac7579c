"""What the broker itself says: Redis and Valkey tell how they forget. Reads only."""

from typing import Any, Final

from celery import Celery

from umbel.celery.survival.record import ServerFacts
from umbel.errors import SettingsError

_PATIENCE: Final = 3.0
"""Seconds to wait for the broker."""


def ask(app: Celery, transport: str) -> ServerFacts:
    """INFO of the broker, and its setting `save` where that may be read.

    Raises:
        SettingsError: the broker is no Redis, or does not answer.
    """
    if transport != "redis":
        raise SettingsError(f"Only Redis and Valkey can be asked, not a broker of the kind {transport}.")
    connection = app.connection_for_read()
    connection.transport_options = {
        **(connection.transport_options or {}),
        "socket_timeout": _PATIENCE,
        "socket_connect_timeout": _PATIENCE,
    }
    try:
        with connection:
            return told(connection.default_channel.client)
    except Exception as error:
        raise SettingsError(f"The broker {connection.as_uri()} does not answer: {error}") from error


def told(client: Any) -> ServerFacts:
    """What a client's server says of itself."""
    info: dict[str, Any] = client.info()
    try:
        snapshots = str(client.config_get("save").get("save", ""))
    except Exception:  # a managed one may forbid CONFIG
        snapshots = None
    return ServerFacts(
        version=str(info.get("valkey_version") or info.get("redis_version", "")),
        policy=str(info.get("maxmemory_policy", "noeviction")),
        maxmemory=int(info.get("maxmemory", 0)),
        aof=bool(int(info.get("aof_enabled", 0))),
        snapshots=snapshots,
        replicas=int(info.get("connected_slaves", 0)),
    )
