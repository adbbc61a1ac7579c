"""What the parts of `Client` have in common."""

from typing import TypeVar

from umbel.service import operations as ops
from umbel.service.models import Resource

Answer = TypeVar("Answer", bound=Resource)


class Part:
    """Some of the methods of `Client`, which does the operations."""

    def call(self, operation: ops.Operation[Answer], *, patience: float = 0.0) -> Answer:
        """Do an operation; `Client` does."""
        raise NotImplementedError
