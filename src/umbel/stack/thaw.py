"""The thaw: a small process that lets frozen processes go on after some seconds, whoever else is gone by then.

The server starts it before it freezes anything. It ends as soon as nobody is left to thaw, so that it does not outlive
the stack: whoever kills a frozen process ends its wait.

Usage: thaw.py SECONDS PID:STARTED...
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence


def after(seconds: float, identities: Sequence[str]) -> None:
    """Start it, and return when it holds the processes: they may be frozen now.

    Args:
        identities: `PID:STARTED` of each.

    Raises:
        OSError: it could not be started.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, repr(seconds), *identities],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd="/",
        start_new_session=True,  # the server's end kills the server's group
    )
    assert process.stdout is not None
    with process.stdout as ready:
        if not ready.readline():
            process.wait()
            raise ChildProcessError("the process that thaws did not start")
    threading.Thread(target=process.wait, name="thaw", daemon=True).start()


def _started(pid: int) -> str:
    with open(f"/proc/{pid}/stat", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()[19]


def main() -> None:
    """The process: hold, wait, thaw."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # only time, or the end of the frozen, ends it
    until = time.monotonic() + float(sys.argv[1])
    poll, open_ = select.poll(), set()
    for wanted in sys.argv[2:]:
        pid, _, started = wanted.partition(":")
        with contextlib.suppress(OSError):
            fd = os.pidfd_open(int(pid))
            if _started(int(pid)) == started:
                open_.add(fd)
                poll.register(fd, select.POLLIN)  # readable when the process has ended
    os.write(1, b"ready\n")
    os.close(1)
    while open_ and (left := until - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            poll.unregister(fd)
            open_.discard(fd)
    for fd in open_:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(fd, signal.SIGCONT)


if __name__ == "__main__":
    main()
