"""The keys of a run's tasks: those of its plan, and `KEY[i]` for the items of its maps."""

import re
from collections.abc import Sequence
from typing import Final

from umbel.plan.model import Node, Plan
from umbel.store import MapRow
from umbel.store.fold import key_of, map_of

_ITEM: Final = re.compile(r"(.+)\[(\d{1,9})\]", re.DOTALL)


class Names:
    """From index to key and back.

    Args:
        plan: the run's.
        maps: those that have been expanded.
    """

    def __init__(self, plan: Plan, maps: Sequence[MapRow]) -> None:
        self.plan = plan
        self.maps = maps
        self._keys = tuple(node.key for node in plan.nodes) if maps else None

    def knows(self, index: int) -> bool:
        """Whether there is such a task, as far as is known."""
        return 0 <= index < len(self.plan.nodes) or map_of(index, self.maps) is not None

    def key(self, index: int) -> str:
        """The key of a task; a number in brackets if there is none."""
        if 0 <= index < len(self.plan.nodes):
            return self.plan.nodes[index].key
        return (key_of(index, self._keys, self.maps) if self._keys else None) or f"[{index}]"

    def node(self, index: int) -> Node:
        """The node behind a task; that of the map behind an item."""
        entry = map_of(index, self.maps) if index >= len(self.plan.nodes) else None
        return self.plan.nodes[entry.node if entry else index]

    def find(self, key: str) -> int | None:
        """The index of the task with this key; None if there is none."""
        node = self.plan.by_key(key)
        if node is not None:
            return node.index
        match = _ITEM.fullmatch(key)
        parent = self.plan.by_key(match[1]) if match else None
        entry = self.items(parent.index) if parent else None
        place = int(match[2]) if match else 0
        return entry.base + place if entry is not None and place < entry.size else None

    def items(self, index: int) -> MapRow | None:
        """Where the items of a map stand now; None if it has not been expanded, or is none."""
        return next((entry for entry in self.maps if entry.live and entry.node == index), None)
