"""Failpoints around each verb, `before-VERB` and `after-VERB`; where failpoints are off, calls cost no more."""

from collections.abc import Sequence
from typing import Any

from umbel import failpoints
from umbel.engine.wire import Wire
from umbel.errors import StateUnavailable
from umbel.machine import Code, Verb


class Breaking(Wire):
    """The same connections; every call passes two failpoints."""

    def __init__(self, wire: Wire) -> None:
        self.__dict__.update(wire.__dict__)

    def call(
        self, verb: Verb, partition: int, arguments: Sequence[str | int], kinds: Sequence[str]
    ) -> tuple[Code, list[Any]]:
        """See `Wire.call`."""
        failpoints.failpoint(f"before-{verb}", StateUnavailable)
        answer = super().call(verb, partition, arguments, kinds)
        failpoints.failpoint(f"after-{verb}", StateUnavailable)
        return answer


def breakable(wire: Wire) -> Wire:
    """The wire, with failpoints if they are on."""
    return Breaking(wire) if failpoints.on() else wire
