"""Which process is at the other end of a connection to the embedded Valkey? Linux tells, in `/proc`."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")


class Processes:
    """Names the processes behind addresses, such as `server 4711`. Remembers them: they may be gone when asked again.

    Where there is no `/proc`, every address stays an address.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._pids: dict[int, None] = {}

    def forget(self, address: str) -> None:
        """A new connection has come from there."""
        self._names.pop(address, None)

    def name(self, address: str) -> str:
        """Who is there; the address itself if that cannot be known."""
        if (known := self._names.get(address)) is not None:
            return known
        pid = self._pid(address)
        if pid is None:
            return f"client {address}"
        found = f"{_role(pid)} {pid}"
        if len(self._names) > 10_000:
            self._names.clear()
        self._names[address] = found
        return found

    def _pid(self, address: str) -> int | None:
        inode = _inode(address)
        if inode is None:
            return None
        known = list(self._pids)
        for pid in known:
            if inode in _sockets(pid):
                return pid
        for each in _PROC.glob("[0-9]*"):
            pid = int(each.name)
            if pid not in self._pids and inode in _sockets(pid):
                self._pids[pid] = None
                return pid
        return None


def _inode(address: str) -> str | None:
    host, _, port = address.rpartition(":")
    if host != "127.0.0.1" or not port.isdigit():
        return None
    local = f"0100007F:{int(port):04X}"
    try:
        with (_PROC / "net" / "tcp").open() as table:
            for line in table:
                words = line.split()
                if words[1] == local:
                    return words[9]
    except OSError:
        pass
    return None


def _sockets(pid: int) -> set[str]:
    found: set[str] = set()
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:  # it is somebody else's, or gone
        return found
    for name in names:
        with suppress(OSError):  # closed meanwhile
            if match := _SOCKET.match(os.readlink(f"/proc/{pid}/fd/{name}")):
                found.add(match[1])
    return found


def _role(pid: int) -> str:
    """From its command line: `umbel server`, `umbel worker`, `celery … worker`; what a worker forks is in its pool."""
    word = _word(pid)
    if word == "worker" and _word(_parent(pid)) == "worker":
        return "pool child"
    return word or "producer"


def _word(pid: int) -> str:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    for word in words:
        for part in (word,) if b"/" in word else word.split(b"."):  # `-m package.worker`
            if part in (b"server", b"worker"):
                return part.decode()
    return ""


def _parent(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
