"""Starts the parts, watches them, starts again what dies, and leaves nothing behind."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from umbel.errors import StackError
from umbel.stack.guard import Guard
from umbel.stack.log import PartLog
from umbel.stack.process import Part, Process
from umbel.stack.roster import Watch

MAX_DEATHS = 5
WINDOW = 60.0  # seconds within which MAX_DEATHS deaths mean that starting again does not help
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds before a part is started again; doubles with each death


class _State(Enum):
    DOWN = auto()  # not started, or stopped on request: stays down
    STARTING = auto()  # someone waits for it to be ready, and handles its death
    UP = auto()  # kept alive


@dataclass
class _Slot:
    part: Part
    log: PartLog
    restart: bool
    state: _State = _State.DOWN
    process: Process | None = None
    mourned: Process | None = None  # the life whose death was seen to
    deaths: list[float] = field(default_factory=list)


class Supervisor:
    """Runs parts. Methods may be called from any thread.

    `failure` is set when a vital part kept dying; the supervisor has then stopped, or is stopping, all parts.
    """

    def __init__(
        self, parts: Sequence[Part], log_dir: Path, say: Callable[[str], None], watch: Watch | None = None
    ) -> None:
        """
        Args:
            parts: in the order of starting; they are stopped in the opposite order.
            log_dir: where each part's output goes, as `<part>.log`.
            say: gets one line for a person whenever something happens.
            watch: is told of each life of a part, and knows whose death was wanted.

        Raises:
            StackError: the logs cannot be written.
        """
        self.failure: StackError | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self._slots = {part.name: _Slot(part, PartLog(log_dir, part.name), part.restart) for part in parts}
        self._watch = watch
        self._guard = Guard()
        self._lock = threading.RLock()  # the slots, and starting processes
        self._stop_lock = threading.Lock()
        self._stopping = threading.Event()
        self._say_lock = threading.Lock()
        self._say_line = say

    # -- the whole stack

    def start(self) -> None:
        """Start every part and return when all are ready.

        Raises:
            StackError: a part died or was not ready in time. The others are left running: call `stop`.
        """
        ready: set[str] = set()
        for name, slot in self._slots.items():
            for needed in slot.part.after:
                if needed in self._slots and needed not in ready:
                    self._await(needed)
                    ready.add(needed)
            self._begin(name)
        for name in self._slots:
            if name not in ready:
                self._await(name)

    def stop(self) -> None:
        """Stop all parts, the last started first. Returns when no process is left; may be called again."""
        self._stopping.set()
        with self._stop_lock:
            for slot in reversed(self._slots.values()):
                self._end(slot)
            self._guard.close()

    def kill_all(self) -> None:
        """End everything at once, without asking."""
        self._stopping.set()
        for slot in self._slots.values():
            if slot.process:
                slot.process.kill_group()

    def wait(self, timeout: float | None = None) -> bool:
        """Block until the stack ends (True) or `timeout` seconds have passed (False)."""
        return self._stopping.wait(timeout)

    @property
    def stopping(self) -> bool:
        """The stack is being stopped, or has been."""
        return self._stopping.is_set()

    # -- one part

    @property
    def names(self) -> list[str]:
        """The parts, in the order of starting."""
        return list(self._slots)

    def pid(self, name: str) -> int | None:
        """Process id of a part, None while it is down."""
        process = self._slots[name].process
        return process.pid if process and not process.exited.is_set() else None

    @property
    def guard_pid(self) -> int | None:
        """Process id of the guard."""
        return self._guard.pid

    def log_path(self, name: str) -> Path:
        """Where a part's output goes."""
        return self._slots[name].log.path

    def set_restart(self, name: str, restart: bool) -> None:
        """Whether a part that dies is started again."""
        self._slots[name].restart = restart

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a part's own process. If it dies, it is restarted unless `set_restart` says no.

        Raises:
            StackError: the part is down.
        """
        process = self._slots[name].process
        if process is None or process.exited.is_set():
            raise StackError(f"{name} is not running")
        process.signal(number)
        if number == signal.SIGKILL:
            process.exited.wait(5)  # nobody survives it: the caller may start the part again at once

    def stop_part(self, name: str) -> None:
        """Stop one part, and leave it down until `start_part`."""
        self._end(self._slots[name])

    def start_part(self, name: str) -> None:
        """Start a part that is down and return when it is ready. Does nothing if it is up.

        Raises:
            StackError: it died or was not ready in time; it is then down.
        """
        slot = self._slots[name]
        with self._lock:
            if slot.state is _State.UP and slot.process and not slot.process.exited.is_set():
                return
            slot.deaths.clear()
            self._begin(name)
        try:
            self._await(name)
        except StackError:
            self._end(slot)
            raise

    # -- inside

    def _begin(self, name: str) -> None:
        slot = self._slots[name]
        with self._lock:
            slot.state = _State.STARTING
            self._spawn(slot)

    def _spawn(self, slot: _Slot) -> None:
        if self.stopping:
            raise StackError("the stack is being stopped")
        slot.process = Process(slot.part, slot.log, self._guard, lambda process: self._revive(slot, process))
        if self._watch:
            self._watch.born(slot.part.name, slot.process.pid)

    def _await(self, name: str) -> None:
        slot = self._slots[name]
        process = slot.process
        assert process is not None
        try:
            process.wait_ready()
        except StackError:
            self._say_last_words(process)
            raise
        with self._lock:
            if slot.process is process and slot.state is _State.STARTING:
                slot.state = _State.UP
        if process.exited.is_set():  # it died just after it was ready: nobody else has looked yet
            self._revive(slot, process)

    def _end(self, slot: _Slot) -> None:
        with self._lock:
            slot.state = _State.DOWN
            process = slot.process
        if process and not process.exited.is_set():
            process.end()

    def _revive(self, slot: _Slot, process: Process) -> None:
        """Start a part again after its death, unless it is meant to be down or dies too often."""
        now = time.monotonic()
        wanted = self._watch is not None and self._watch.excuses(process.pid)
        with self._lock:
            if slot.mourned is process or not self._is_missed(slot, process):
                return
            slot.mourned = process
            slot.deaths = [at for at in slot.deaths if now - at < WINDOW] + ([] if wanted else [now])
            deaths = len(slot.deaths)
            if not slot.restart or deaths >= MAX_DEATHS:
                slot.state = _State.DOWN
        name = slot.part.name
        if not slot.restart:
            self._say(f"{name} {process.ending}; left down")
            return
        if deaths >= MAX_DEATHS:
            self._say_last_words(process)
            self._give_up(slot, f"{name} died {MAX_DEATHS} times in {WINDOW:g} s; the last time it {process.ending}")
            return
        self._stopping.wait(min(_FIRST_PAUSE * 2 ** max(deaths - 1, 0), _LONGEST_PAUSE))
        try:
            with self._lock:
                if not self._is_missed(slot, process):
                    return
                self._spawn(slot)
        except StackError as error:
            if not self.stopping:
                self._give_up(slot, str(error))
            return
        counted = "in the failure lab" if wanted else f"{deaths} of {MAX_DEATHS} in {WINDOW:g} s"
        self._say(f"{name} {process.ending}; restarted ({counted})")

    def _is_missed(self, slot: _Slot, process: Process) -> bool:
        return slot.process is process and slot.state is _State.UP and not self.stopping

    def _give_up(self, slot: _Slot, sentence: str) -> None:
        if not slot.part.vital:
            self._say(f"{sentence}; it stays down until a file changes")
            return
        self._say(f"{sentence}; stopping")
        self.failure = StackError(sentence, hint=f"Its output is in {slot.log.path}.")
        self._stopping.set()
        self.on_failure()
        self.stop()

    def _say_last_words(self, process: Process) -> None:
        for line in process.last_words():
            self._say(f"{process.part.name} | {line}")

    def _say(self, line: str) -> None:
        with self._say_lock:
            self._say_line(line)
