"""The data folder: made, checked, and held by one stack at a time."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from umbel.errors import StackError

_LEAST_FREE = 32 * 1024 * 1024  # bytes; with less, Valkey and SQLite would stop in the middle of work
_DYING = 5.0  # seconds that the parts of a killed stack are given to be gone


@contextmanager
def hold(folder: Path) -> Iterator[int]:
    """Make the folder and hold it: a lock file names the holder, the kernel frees the lock when it ends.

    Yields the open lock file. Hand it on to the process that writes the data, so that the folder stays held
    until that one is gone as well.

    Raises:
        StackError: the folder cannot be written, the disk is full, or another stack holds it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the database, logs and keys are in it
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StackError(
            f"cannot write to the data folder {folder}: {error.strerror}",
            hint="Choose another with --data DIR.",
        ) from error
    try:
        _take(lock, folder)
        free = shutil.disk_usage(folder).free
        if free < _LEAST_FREE:
            raise StackError(f"the disk of the data folder {folder} is full: {free // 2**20} MB free, 32 MB needed")
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        yield lock
    finally:
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    deadline = time.monotonic() + _DYING
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).strip().decode()
            # A holder that is dead was killed, and its Valkey is about to be gone too.
            if _alive(holder) or time.monotonic() > deadline:
                raise StackError(
                    f"the data folder {folder} is in use by process {holder or '?'}",
                    hint="End that one, or choose another folder with --data DIR.",
                ) from None
            time.sleep(0.05)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
