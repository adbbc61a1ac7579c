"""Reading the ledger that the tasks append to, while they do."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Key(NamedTuple):
    """One attempt of one task."""

    run: str
    task: int
    attempt: int


@dataclass(slots=True)
class Body:
    """One execution of a task's body. Times are seconds of the monotonic clock; `word` is how it ended, if it did."""

    key: Key
    pid: int
    began: float
    takes: float
    word: str = ""
    ended: float = 0.0


class Ledger:
    """What the bodies have said so far. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self.bodies: list[Body] = []
        self.unread: list[str] = []
        """Lines that say nothing of use; there should be none."""
        self._path = path
        self._at = 0
        self._lock = threading.Lock()
        self._open: dict[tuple[Key, int], Body] = {}

    def read(self) -> None:
        """Take up what is new."""
        with self._lock:
            if not self._path.exists():
                return
            with self._path.open("rb") as file:
                file.seek(self._at)
                text = file.read()
            text = text[: text.rfind(b"\n") + 1]
            self._at += len(text)
            for line in text.decode().splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        word, run, task, attempt, pid, at, takes = line.split(" ")
        key, who, when = Key(run, int(task), int(attempt)), int(pid), int(at) / 1e9
        if word == "start":
            body = Body(key, who, when, int(takes) / 1000)
            self.bodies.append(body)
            self._open[key, who] = body
        elif (begun := self._open.pop((key, who), None)) is not None:
            begun.word, begun.ended = word, when
        else:
            self.unread.append(line)

    def running(self) -> list[Body]:
        """Bodies that have begun and not ended; some of them may be dead."""
        self.read()
        with self._lock:
            return list(self._open.values())

    def of_task(self, run: str, task: int) -> list[Body]:
        """Every body of one task, in the order of their starts."""
        self.read()
        with self._lock:
            return [body for body in self.bodies if body.key[:2] == (run, task)]

    def ended(self, since: float, until: float) -> int:
        """How many bodies ended in this time."""
        self.read()
        with self._lock:
            return sum(bool(body.word) and since <= body.ended < until for body in self.bodies)
