"""What a plan may have at most: enough for real work, little enough for one server."""

from typing import Final

from umbel.definition import MAX_EDGES as MAX_EDGES

MAX_TASKS: Final = 100_000
MAX_DEPTH: Final = 100
"""Chains and groups within each other."""
