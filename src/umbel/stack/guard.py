"""The guard: a small process that ends every part when the supervisor is gone, however it went.

It reads lines from a pipe whose only lasting writer is the supervisor: `+PID` when a part starts, `-PID` when
it has ended. When the supervisor ends, even by `kill -9`, the pipe closes and the guard kills the process
groups that are left. A pipe works alike on Linux and macOS, needs no code between fork and exec, and ends a
part's children too; PR_SET_PDEATHSIG does none of the three.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

# A part starts as a shell whose standard input is the guard's pipe: it announces itself before it becomes the
# part, so that there is no moment in which it runs unguarded. `exec` keeps the process id, and drops the
# pipe.
ANNOUNCED = ("/bin/sh", "-c", 'echo "+$$" >&0; exec "$@" </dev/null', "sh")


class Guard:
    """The supervisor's end of the guard. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writer = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: set[int] = set()

    @property
    def pid(self) -> int | None:
        """The guard's own process id, None while it does not run."""
        return self._process.pid if self._process else None

    def pipe(self) -> int:
        """What a part gets as its standard input. Starts the guard, again if someone killed it."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._begin()
            return self._writer

    def add(self, pid: int) -> None:
        """Remember a part, in case the guard has to be started again (the part has announced itself)."""
        with self._lock:
            self._pids.add(pid)

    def forget(self, pid: int) -> None:
        """The part and its process group have ended."""
        with self._lock:
            self._pids.discard(pid)
            with contextlib.suppress(OSError):  # the guard may be dead; the next part starts another
                os.write(self._writer, b"-%d\n" % pid)

    def close(self) -> None:
        """Let the guard kill what is left, and wait for it."""
        with self._lock:
            if self._process:
                os.close(self._writer)
                self._writer = -1
                self._process.wait()
                self._process = None

    def _begin(self) -> None:
        if self._process:
            os.close(self._writer)
        reader, self._writer = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        os.close(reader)
        for pid in self._pids:
            os.write(self._writer, b"+%d\n" % pid)


def main() -> None:
    """The guard process: read until the supervisor is gone, then kill what is left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # only the end of the supervisor ends the guard
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
