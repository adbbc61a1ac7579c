"""What the failure lab's use cases need of the stack: its hands, which `umbel.stack.lab` are.

A Protocol, so that the service does not depend on the stack that runs it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Headers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ours:
    """A process that the lab may touch. `identity` says more than `pid`, which is given away again."""

    part: str
    pid: int
    identity: str
    main: bool
    frozen: bool


class Lab(Protocol):
    """The hands. Every method raises Forbidden where nothing may be touched, LabMissed where nothing is there."""

    @property
    def has_broker(self) -> bool:
        """Whether the broker may be touched."""

    @property
    def has_model(self) -> bool:
        """Whether there is a model service that may be touched."""

    def processes(self) -> list[Ours]:
        """All processes that may be touched."""

    def kill(self, process: Ours) -> None:
        """SIGKILL."""

    def freeze(self, processes: Sequence[Ours], seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds, whatever becomes of this server."""

    def thaw(self) -> list[int]:
        """SIGCONT for everything that stands still; the process ids."""

    def pause_broker(self, seconds: float) -> None:
        """The broker answers nobody for so many seconds."""

    def catch(
        self, queues: Sequence[str], wanted: Callable[[Headers], bool], *, copies: int, within: float
    ) -> Headers | None:
        """Take the first message that is wanted, and leave it there `copies` times; its headers, None if none came."""

    def trouble_model(self, *, delay: float, fail: int, seconds: float) -> None:
        """The model service is slow, or fails, for so many seconds."""

    def restart_server(self) -> None:
        """End this server in a moment; it is started again."""

    def note(self, act: Mapping[str, Any]) -> None:
        """Keep what was done beyond the end of this server."""

    def notes(self) -> list[dict[str, Any]]:
        """What was noted, oldest first."""
