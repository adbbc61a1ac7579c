"""Addresses of brokers: whether one is, and how it is shown."""

from kombu.connection import Connection

from umbel.errors import SettingsError


def check_broker(url: str) -> None:
    """Refuse an address that kombu has no transport for. Connects to nothing.

    Raises:
        SettingsError: no transport goes by its scheme, the transport's package is not installed, or its port is none.
    """
    try:
        Connection(url).get_transport_cls()
    except (KeyError, ImportError, ValueError) as error:
        raise SettingsError(f"UMBEL_BROKER_URL: {error.args[0]}") from error


def shown(url: str) -> str:
    """An address of a broker in one way of writing it, without its password."""
    return str(Connection(url).as_uri()).replace("localhost", "127.0.0.1")
