"""Is a part ready? Small questions that the supervisor asks until the answer is yes."""

import http.client
import re
import socket
from collections.abc import Callable

from umbel.engine.engine import Engine
from umbel.errors import StateUnavailable
from umbel.settings import load_settings
from umbel.stack.process import Process

Probe = Callable[[Process], bool]
_TIMEOUT = 1.0  # seconds for one question


def http_ok(port: int, path: str) -> Probe:
    """Ready when `GET path` on 127.0.0.1 answers 200. Asks directly, whatever http_proxy says."""

    def probe(process: Process) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return probe


def redis_ping(port: int) -> Probe:
    """Ready when PING is answered with PONG; a server that still loads its data answers `-LOADING`."""

    def probe(process: Process) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    return probe


def log_line(pattern: str) -> Probe:
    """Ready when this life of the part has written a text that the regular expression finds."""
    compiled = re.compile(pattern)
    return lambda process: compiled.search(process.log.text(process.since)) is not None


def worker_beats(state_url: str) -> Probe:
    """Ready when the worker has given its first sign of life; it then waits for tasks, whatever its log level."""

    def probe(process: Process) -> bool:
        engine = Engine.open(load_settings(state_url=state_url))
        try:
            return any(worker.get("pid") == process.pid for worker in engine.workers())
        except StateUnavailable:
            return False
        finally:
            engine.close()

    return probe
