"""What the stack has started, written down for the failure lab: the lab touches nothing that does not stand here."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from umbel.errors import StackError
from umbel.stack.identity import identity


class Watch(Protocol):
    """Who is told of each life of a part."""

    def born(self, name: str, pid: int) -> None:
        """The part has been started as this process."""

    def excuses(self, pid: int) -> bool:
        """Whether the death of this process was wanted, and says nothing against the part."""


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the roster. Processes are `PID:STARTED`."""

    stack: str
    parts: Mapping[str, str] = field(default_factory=dict)
    broker: str = ""
    """URL of the broker, if it is the embedded Valkey."""
    model: str = ""
    """URL of the model service, if the stack runs one."""


class Roster:
    """The supervisor's side: writes `parts.json`, and reads `wanted`, where the lab notes whom it is about to end.

    Args:
        folder: is made; of an earlier stack nothing stays in it.

    Raises:
        StackError: the folder cannot be written.
    """

    def __init__(self, folder: Path, *, broker: str = "", model: str = "") -> None:
        self._folder = folder
        self._parts: dict[str, str] = {}
        self._about = {"stack": identity(os.getpid()), "broker": broker, "model": model}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for old in ("wanted", "acts.jsonl"):
                (folder / old).unlink(missing_ok=True)
            self._write()
        except OSError as error:
            raise StackError(f"cannot write to {folder}: {error.strerror}") from error

    def born(self, name: str, pid: int) -> None:
        """Write down a life of a part."""
        self._parts[name] = identity(pid)
        with contextlib.suppress(OSError):  # a full disk: the lab refuses then, and the stack goes on
            self._write()

    def excuses(self, pid: int) -> bool:
        """Whether the lab has ended this process."""
        found = next((each for each in self._parts.values() if each.startswith(f"{pid}:")), None)
        try:
            return found in (self._folder / "wanted").read_text(encoding="ascii").split()
        except OSError:
            return False

    def _write(self) -> None:
        fresh = self._folder / "parts.json.new"
        fresh.write_text(json.dumps({**self._about, "parts": self._parts}), encoding="utf-8")
        os.replace(fresh, self._folder / "parts.json")


def read(folder: Path) -> Written | None:
    """What stands in the roster of this folder; None if there is none."""
    try:
        return Written(**json.loads((folder / "parts.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def want(folder: Path, identity: str) -> None:
    """Note that the lab is about to end this process. Raises OSError."""
    with (folder / "wanted").open("a", encoding="ascii") as file:
        file.write(f"{identity}\n")
