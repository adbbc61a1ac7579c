"""The thread that listens to MONITOR, and writes what belongs to runs into their trails."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from umbel.engine.trail import Trail
from umbel.settings import load_settings
from umbel.stack.monitor.attribution import Attribution
from umbel.stack.monitor.lines import Line, parse
from umbel.stack.monitor.sockets import Processes

log = logging.getLogger(__name__)

AGAIN: Final = 0.1
"""Seconds until the next try to reach a Valkey that is not up."""
_OWN: Final = b':trace"', b":trace:", b':traces"'
"""In the keys of the trails themselves, which are not recorded: that would never end."""
_BEGIN: Final = rb"\"begin\""


@contextmanager
def watching(port: int, state_url: str) -> Iterator[None]:
    """Record the commands of the Valkey on this port, while the block runs. It may come and go meanwhile.

    Args:
        state_url: where the trails are kept.
    """
    recorder = Recorder(port, Trail(load_settings(state_url=state_url)))
    recorder.start()
    try:
        yield
    finally:
        recorder.stop()


class Recorder(threading.Thread):
    """Listens until it is stopped; a lost connection is opened anew."""

    def __init__(self, port: int, trail: Trail) -> None:
        super().__init__(name="monitor", daemon=True)
        self._port = port
        self._trail = trail
        self._attribution = Attribution()
        self._processes = Processes()
        self._ending = threading.Event()
        self._socket: socket.socket | None = None

    def stop(self) -> None:
        """End, having written what was heard."""
        self._ending.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self.join(2)
        self._trail.close()

    def run(self) -> None:
        """Listen."""
        while not self._ending.is_set():
            try:
                self._listen()
            except OSError:
                pass
            except Exception:
                log.exception("the X-ray's monitor begins anew")
            self._attribution.forget_state()
            self._ending.wait(AGAIN)

    def _listen(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
            self._socket = connection
            connection.sendall(b"MONITOR\r\n")
            connection.settimeout(None)
            with connection.makefile("rb", buffering=1 << 18) as lines:
                for line in lines:
                    if self._ending.is_set():
                        return
                    self._take(line)

    def _take(self, line: bytes) -> None:
        start = line[:200]
        if any(each in start for each in _OWN) and _BEGIN not in line[:400]:
            return
        command = parse(line)
        if command is None:
            return
        if command.name in ("HELLO", "AUTH"):
            self._processes.forget(command.client)
        for run, record in self._attribution.take(command):
            self._note(run, record, command)

    def _note(self, run: str, record: dict[str, Any], line: Line) -> None:
        self._trail.note(run, {**record, "w": self._processes.name(record.pop("caller", record["cl"]))})
