"""Whose a key is: Celery's queues, unacknowledged messages, results and chords, and Umbel's own kinds.

Sources: `kombu/transport/redis.py` (`unacked_key`, `keyprefix_queue`, `_q_for_pri`), `celery/backends/base.py`
(`task_keyprefix`, `group_keyprefix`), `celery/backends/redis.py` (`on_chord_part_return`), `umbel.engine.keys`.
"""

import re
from dataclasses import dataclass
from typing import Final

from umbel.engine.keys import KINDS
from umbel.service.models.trace import Lane

QUEUE: Final = "queue"
CHORD: Final = frozenset({"group", "chord results", "chord extra", "chord size", "chord members", "chord claim"})
"""The keys of a chord's barrier."""

_UMBEL: Final = re.compile(r"umbel:\{\d+\}:(\w+)")
_KINDS: Final = {kind.name: kind for kind in KINDS}
_CHORD: Final = re.compile(r"celery-taskset-meta-([0-9a-f-]{36})\.([a-z])$")
_PARTS: Final = {
    "j": ("chord results", "the results of the chord's members so far; how many there are is the counter"),
    "t": ("chord extra", "how much the chord's size has to be corrected by, for members that became groups"),
    "s": ("chord size", "how many members the chord waits for"),
    "d": ("chord members", "which members have been counted, so that none counts twice"),
    "c": ("chord claim", "which worker may send the chord's body; `done` once it was sent"),
}
_NAMES: Final = {
    "unacked": ("unacknowledged messages", "a copy of each message that a worker has taken and not acknowledged"),
    "unacked_index": ("delivery times", "when each of those messages was taken: the visibility timeout's clock"),
    "unacked_mutex": ("restore lock", "who looks for messages that were taken too long ago"),
}
_SEPARATOR: Final = "\x06\x16"
"""Stands between a queue and its priority, and in bindings (`kombu/transport/redis.py`, `sep`)."""


@dataclass(frozen=True, slots=True)
class Whose:
    """What a key is (`name`), what stands in it, and on whose side of the picture."""

    name: str
    holds: str
    lane: Lane


def whose(key: str) -> Whose:
    """What is known of a key by its name. What has no other name is a queue: kombu names lists as the queues."""
    if match := _UMBEL.match(key):
        kind = _KINDS.get(match[1])
        return Whose(match[1], kind.holds if kind else "", "state")
    if match := _CHORD.match(key):
        name, holds = _PARTS.get(match[2], ("chord", ""))
        return Whose(name, holds, "state")
    if key.startswith("celery-taskset-meta-"):
        return Whose("group", "the ids of a group's tasks, if it was saved", "state")
    if key.startswith("celery-task-meta-"):
        return Whose("task result", "state and result of a task, as its result backend keeps them", "state")
    if key in _NAMES:
        name, holds = _NAMES[key]
        return Whose(name, holds, "broker")
    if key.startswith("_kombu.binding"):
        return Whose("bindings", "which queues an exchange feeds", "broker")
    return Whose(QUEUE, "messages that wait for a worker, the newest on the left", "broker")


def shown(key: str) -> str:
    """A key for a sentence: a queue of a priority other than 0 has that behind an unprintable separator."""
    name, _, priority = key.partition(_SEPARATOR)
    return f"{name} (priority {priority})" if priority.isdigit() else key.replace(_SEPARATOR, "|")
