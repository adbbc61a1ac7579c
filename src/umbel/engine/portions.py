"""What a restored run keeps, cut into portions that one script call can take."""

import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

MAX_TASKS: Final = 500
MAX_BYTES: Final = 1_000_000


class Kept(NamedTuple):
    """A task of a restored run. `state` is a final one, or empty: it runs again, and its attempts go on counting.

    Two more for a run that was lost while it was under way: `queued` is a hook that had been called and has not ended,
    `expanded` a task (not an item of a map) that waits for the run `result`, which goes on, is restored itself, or has
    ended as `child_state` with `child_result`.
    """

    task: int
    state: str
    attempt: int
    result: str = ""
    """JSON: what it gave, or of an error, what `fail` was told."""
    child_state: str = ""
    child_result: str = ""
    """JSON."""

    @property
    def size(self) -> int:
        """Characters of what it brings."""
        return len(self.result) + len(self.child_result)


class KeptMap(NamedTuple):
    """A map of which some items keep what they gave: its node, where its items begin, how many, how many are kept."""

    node: int
    base: int
    size: int
    kept: int

    def __str__(self) -> str:
        return f"{self.node}:{self.base}:{self.size}:{self.kept}"


def portions(tasks: Iterable[Kept]) -> Iterator[tuple[str, bool]]:
    """JSON lists of tasks, none too large for one call, each with whether it is the last; at least one."""
    some: list[Kept] = []
    size = 0
    for task in tasks:
        if some and (len(some) >= MAX_TASKS or size + task.size > MAX_BYTES):
            yield json.dumps(some), False
            some, size = [], 0
        some.append(task)
        size += task.size
    yield json.dumps(some), True
