"""One part of the stack: what it is, and one life of it as a process with a log."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from umbel.errors import StackError
from umbel.stack.guard import ANNOUNCED, Guard
from umbel.stack.log import PartLog

POLL = 0.05  # seconds between two looks at a part that is starting; its death is noticed at once


@dataclass(frozen=True)
class Part:
    """A program that the supervisor runs.

    Times are seconds. `env` comes on top of our own environment. `ready` is asked until it says yes; `after`
    names the parts that must be ready before this one starts. A part that is not `vital` may stay down when
    it keeps dying (`umbel dev`: until a file changes); a vital one then ends the stack. `pass_fds` are open
    files it keeps.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready: "Callable[[Process], bool]" = lambda process: True
    after: tuple[str, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 5.0
    start_timeout: float = 30.0
    restart: bool = True
    vital: bool = True
    pass_fds: tuple[int, ...] = ()


class Process:
    """One life of a part, in a session of its own: a Ctrl-C at the terminal reaches only the supervisor."""

    def __init__(self, part: Part, log: PartLog, guard: Guard, on_exit: "Callable[[Process], None]") -> None:
        """Start it.

        Raises:
            StackError: the operating system refused to start a process.
        """
        self.part = part
        self.log = log
        self.since = log.size()
        self.exited = threading.Event()
        self._guard = guard
        self._on_exit = on_exit
        try:
            with log.open() as output:
                self._popen = subprocess.Popen(
                    [*ANNOUNCED, *part.argv],
                    stdin=guard.pipe(),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=part.cwd,
                    env={**os.environ, **part.env},
                    start_new_session=True,
                    pass_fds=part.pass_fds,
                )
        except OSError as error:
            raise StackError(f"{part.name} could not be started: {error.strerror}: {error.filename}") from error
        self.pid = self._popen.pid
        guard.add(self.pid)
        threading.Thread(target=self._reap, name=f"watch-{part.name}", daemon=True).start()

    def _reap(self) -> None:
        self._popen.wait()
        self.kill_group()  # children that outlived their parent, such as a Celery pool
        self._guard.forget(self.pid)
        self.exited.set()
        self._on_exit(self)

    @property
    def ending(self) -> str:
        """How it ended, as words: `exited with status 3`, `exited with signal 9`."""
        code = self._popen.returncode
        return f"exited with signal {-code}" if code is not None and code < 0 else f"exited with status {code}"

    def last_words(self, count: int = 15) -> list[str]:
        """The last `count` lines that this life wrote."""
        return self.log.tail(count, self.since)

    def wait_ready(self) -> None:
        """Return once the part is ready.

        Raises:
            StackError: it died before, or was not ready in time.
        """
        deadline = time.monotonic() + self.part.start_timeout
        hint = f"Its output is in {self.log.path}."
        while not self.exited.is_set():
            if self.part.ready(self):
                return
            if time.monotonic() > deadline:
                raise StackError(f"{self.part.name} was not ready after {self.part.start_timeout:g} s", hint=hint)
            self.exited.wait(POLL)
        said, told = "", [line.strip() for line in self.last_words() if line.strip()]
        if told and told[-1].startswith("hint:"):  # one of our own commands, which ends with a sentence and a hint
            hint = f"{told.pop().removeprefix('hint:').strip()} {hint}"
        if told:
            said = f": {told[-1]}"
        raise StackError(f"{self.part.name} {self.ending} before it was ready{said}", hint=hint)

    def signal(self, number: int) -> None:
        """Send a signal to the process itself, not to its children."""
        self._popen.send_signal(number)

    def kill_group(self) -> None:
        """End it and all its children at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM when only a zombie is left
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Ask it to stop, wait its grace, then kill it with all its children."""
        self.signal(self.part.stop_signal)
        if not self.exited.wait(self.part.grace):
            self.kill_group()
            self.exited.wait()
