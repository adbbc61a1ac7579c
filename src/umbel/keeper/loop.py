"""What all loops of the server are made of: a named thread that waits, works, and survives its errors."""

import logging
import threading
from abc import ABC, abstractmethod
from typing import Final, Protocol

from umbel.errors import UmbelError

log = logging.getLogger(__name__)

FIRST_BACKOFF: Final = 0.1
MAX_BACKOFF: Final = 2.0
"""Seconds to wait after a first error, and at most; it doubles from error to error."""


class Loop(Protocol):
    """Something that runs beside the server until it is stopped."""

    def start(self) -> None:
        """Begins; returns at once."""

    def stop(self, timeout: float = 5.0) -> None:
        """Ends, waiting up to `timeout` seconds for the present turn."""


class ThreadLoop(ABC):
    """A loop in a thread of its own. Subclasses say what one turn does.

    An exception ends the turn, never the loop: it is logged and counted, and the next turn comes after a growing pause.

    Args:
        name: the thread's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.errors = 0
        """Turns that failed so far."""
        self.stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def turn(self) -> float:
        """Does what there is to do and returns the seconds until the next turn."""

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Lets the present turn be the last; returns at once."""
        self.stopping.set()
        self._woken.set()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends, waiting up to `timeout` seconds for the present turn."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def wake(self) -> None:
        """Lets the next turn begin at once."""
        self._woken.set()

    def _run(self) -> None:
        backoff = FIRST_BACKOFF
        while not self.stopping.is_set():
            try:
                pause = self.turn()
                backoff = FIRST_BACKOFF
            except Exception as error:
                self.errors += 1
                pause = backoff
                backoff = min(backoff * 2, MAX_BACKOFF)
                if isinstance(error, UmbelError):
                    log.warning("%s: %s (again in %.1f s)", self.name, error, pause)
                else:
                    log.exception("%s failed (again in %.1f s)", self.name, pause)
            if pause > 0:
                self._woken.wait(pause)
            self._woken.clear()
