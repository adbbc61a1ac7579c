"""Who a process is, beyond its number: Linux gives the number of a dead process to another one.

A process is its pid and the moment it started (`/proc/PID/stat`, field 22, in clock ticks since boot; man 5
proc_pid_stat). A signal goes through a pidfd (man 2 pidfd_open), which stays with the process it was opened for.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_DEAD: Final = frozenset("ZXx")
_STOPPED: Final = frozenset("Tt")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the kernel says of a process."""

    pid: int
    started: int
    parent: int
    stopped: bool

    @property
    def identity(self) -> str:
        """`PID:STARTED`, which no other process has until the machine starts again."""
        return f"{self.pid}:{self.started}"


def available() -> bool:
    """Whether this machine can tell processes apart and signal them surely: Linux 5.3 or newer."""
    return hasattr(signal, "pidfd_send_signal") and hasattr(os, "pidfd_open") and facts(os.getpid()) is not None


def facts(pid: int) -> Facts | None:
    """What is known of a process; None if there is none, or only what its parent has not collected yet."""
    try:
        # The name, in brackets, may hold anything, brackets and blanks too.
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        state, parent, started = fields[0], int(fields[1]), int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
    return None if state in _DEAD else Facts(pid, started, parent, state in _STOPPED)


def identity(pid: int) -> str:
    """`PID:STARTED` of a process; empty if there is none."""
    found = facts(pid)
    return found.identity if found else ""


def children(pid: int) -> list[Facts]:
    """The processes whose parent this one is, oldest first."""
    pids = [int(each.name) for each in PROC.iterdir() if each.name.isdigit()]
    found = [each for each in map(facts, pids) if each is not None and each.parent == pid]
    return sorted(found, key=lambda each: (each.started, each.pid))


@contextmanager
def held(wanted: str) -> Iterator[int]:
    """A pidfd of the process with this identity.

    Raises:
        ProcessLookupError: it is gone; its number may belong to another one now.
    """
    pid = int(wanted.partition(":")[0])
    fd = os.pidfd_open(pid)
    try:
        # Read after opening: if this is still the one that is meant, then the descriptor is its.
        if identity(pid) != wanted:
            raise ProcessLookupError(f"process {wanted} is gone")
        yield fd
    finally:
        os.close(fd)


def send(wanted: str, number: int) -> None:
    """Send a signal to the process with this identity, and never to another one. Raises ProcessLookupError."""
    with held(wanted) as fd:
        signal.pidfd_send_signal(fd, number)
