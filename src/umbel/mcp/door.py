"""Where an agent's calls go: through the server's own use cases, or by HTTP to a server elsewhere."""

from typing import Any, Protocol, TypeVar

from umbel.service.models import Resource
from umbel.service.operations import Operation, Scope

Answer = TypeVar("Answer", bound=Resource)


class Door(Protocol):
    """Does operations for one agent."""

    async def scope(self) -> Scope:
        """What the agent may do."""
        ...

    async def call(self, asked: Operation[Any]) -> Resource:
        """Do it.

        Raises:
            UmbelError: it cannot be done.
        """
        ...
