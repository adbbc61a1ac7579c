"""The log file of one part: written by the part itself, so that it outlives the supervisor."""

import os
from pathlib import Path
from typing import BinaryIO

from umbel.errors import StackError

_TAIL_BYTES = 64 * 1024


class PartLog:
    """`DIR/NAME.log`; the log of the previous start is kept as `NAME.log.1`."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin a new log.

        Raises:
            StackError: the folder cannot be written.
        """
        self.path = folder / f"{name}.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                os.replace(self.path, f"{self.path}.1")
            self.path.touch()
        except OSError as error:
            raise StackError(f"cannot write {self.path}: {error.strerror}") from error

    def open(self) -> BinaryIO:
        """The file for appending: what a part's standard output and error become."""
        return self.path.open("ab")

    def size(self) -> int:
        """Bytes written so far; a place to read from later."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:  # someone cleaned up; a part still writes to its open file
            return 0

    def text(self, since: int = 0) -> str:
        """What was written after `since` (bytes), at most its last 64 kB."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(since, self.size() - _TAIL_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def tail(self, count: int, since: int = 0) -> list[str]:
        """The last `count` lines that are not blank, written after `since` (bytes)."""
        return [line for line in self.text(since).splitlines() if line.strip()][-count:]
