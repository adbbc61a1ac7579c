"""The server process."""

import logging
import socket
import sys

import uvicorn

from umbel.api.app import create_app
from umbel.api.wire import Wire
from umbel.celery import xray
from umbel.celery.address import check_broker
from umbel.errors import SettingsError
from umbel.observe import logs
from umbel.service.lab import Lab
from umbel.service.umbel import Umbel
from umbel.settings import Settings

log = logging.getLogger(__name__)

GRACE = 5
"""Seconds that open requests have to end when the server is told to stop."""


class Server(uvicorn.Server):
    """uvicorn, which waits for open connections before it ends the application: so the feeds must end first."""

    def __init__(self, config: uvicorn.Config, umbel: Umbel) -> None:
        super().__init__(config)
        self._umbel = umbel

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the feeds and waits, then what uvicorn ends."""
        self._umbel.feed.close()
        await super().shutdown(sockets)


def serve(settings: Settings, lab: Lab | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Prints `server: URL` once the port is bound.

    Args:
        lab: the failure lab's hands, if this server has one.

    Raises:
        SettingsError: the address cannot be bound, or that of a store or of the broker is none.
        HistoryUnavailable: the database is not there, or (other than SQLite, which is migrated here) not migrated.
    """
    # A request passes through four threads (event loop, use case, launch, projector), none of which computes for long:
    # Python's 5 ms before a waiting thread may ask for its turn would be most of the answer's time.
    sys.setswitchinterval(0.0005)
    logs.setup(settings.log_format)
    check_broker(settings.broker_url)
    bound = bind(settings.host, settings.port)
    xray.install(settings, "server")
    umbel = Umbel.open(settings, lab)
    umbel.prepare()
    if settings.auth != "none" and not umbel.store.users():
        log.warning("nobody has an account yet: `umbel user add NAME` makes one")
    config = uvicorn.Config(
        create_app(umbel),
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        http=Wire,
        ws="none",
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=GRACE,
    )
    host, port = bound.getsockname()[:2]
    print(f"server: http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    Server(config, umbel).run(sockets=[bound])


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 picks a free one.

    Raises:
        SettingsError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise SettingsError(
            f"The server cannot listen on {host}:{port}: {error.strerror}.",
            hint="UMBEL_HOST and UMBEL_PORT say where; port 0 picks a free one.",
        ) from error
    return found
