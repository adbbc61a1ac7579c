"""What a plan may have at most: enough for real work, little enough for one server."""

from typing import Final

MAX_TASKS: Final = 100_000
MAX_EDGES: Final = 100_000
"""Pairs of a task and one that it waits for."""
MAX_DEPTH: Final = 100
"""Chains and groups within each other."""
