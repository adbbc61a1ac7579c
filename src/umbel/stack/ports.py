"""Ports on 127.0.0.1: is one free, and which one is."""

import errno
import random
import socket
from contextlib import ExitStack

from umbel.errors import StackError

# Below the range from which Linux (32768 on) and macOS (49152 on) take ports for outgoing connections. In
# that range a client that tries to reach a server which is down can be given the server's own port, and then
# the server cannot come back.
_FREE = range(20_000, 32_000)


def require_free(port: int, flag: str) -> None:
    """Check that a server can listen on `port`.

    Args:
        flag: the command's flag that sets this port, named in the message.

    Raises:
        StackError: the port is taken, or may not be used.
    """
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError as error:
            reason = (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used: {error.strerror}"
            )
            raise StackError(
                f"port {port} {reason}", hint=f"Choose another with {flag} N, or {flag} 0 for any free one."
            ) from error


def free_ports(count: int) -> list[int]:
    """`count` different ports on which nothing listens now."""
    ports: list[int] = []
    with ExitStack() as held:
        for port in random.sample(_FREE, len(_FREE)):
            if len(ports) == count:
                break
            server = held.enter_context(socket.socket())
            try:
                server.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    if len(ports) < count:
        raise StackError(f"no free port between {_FREE.start} and {_FREE.stop}")
    return ports
