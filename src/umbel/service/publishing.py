"""Publishing, and since when the broker takes nothing: what a diagnosis says of tasks that wait for it."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from umbel.engine.wire import Item
from umbel.errors import BrokerUnavailable

Publish = Callable[[Sequence[Item]], None]


class Trouble(NamedTuple):
    """Since when (ms UTC) nothing could be published, and what was said last."""

    since: int
    why: str


class Publishing:
    """Calls `publish`, and remembers whether the broker took the last message. Thread safe."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self.trouble: Trouble | None = None

    def __call__(self, items: Sequence[Item]) -> None:
        """Publish these. Raises what `publish` raises."""
        try:
            self._publish(items)
        except BrokerUnavailable as error:
            before = self.trouble
            self.trouble = Trouble(before.since if before else time.time_ns() // 1_000_000, str(error))
            raise
        if items:
            self.trouble = None

    def ago(self) -> int:
        """For how many ms nothing could be published."""
        return time.time_ns() // 1_000_000 - self.trouble.since if self.trouble else 0
