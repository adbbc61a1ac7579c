"""The engine's events, said in sentences."""

from dataclasses import dataclass, field
from typing import Any, Final

from umbel.machine import EventType

LAUNCHED: Final = EventType.RUN_LAUNCHED
ENDS: Final = frozenset((EventType.RUN_SUCCEEDED, EventType.RUN_FAILED, EventType.RUN_CANCELED))

_SAYS: Final[dict[str, str]] = {
    EventType.RUN_LAUNCHED: "The run is launched.",
    EventType.RUN_ADVANCED: "More tasks of the run are released.",
    EventType.RUN_SUCCEEDED: "The run succeeds.",
    EventType.RUN_FAILED: "The run fails.",
    EventType.RUN_CANCELED: "The run is canceled.",
    EventType.RUN_STOPPED: "The run stops.",
    EventType.RUN_PAUSED: "The run is paused.",
    EventType.RUN_RESUMED: "The run goes on.",
    EventType.RUN_RESTORED: "A new epoch of the run begins.",
    EventType.RUN_SETTLED: "Nothing of the run is under way any more.",
    EventType.TASK_STARTED: "{task} begins, attempt {attempt}.",
    EventType.TASK_SUCCEEDED: "{task} succeeds.",
    EventType.TASK_FAILED: "{task} fails.",
    EventType.TASK_RETRYING: "{task} failed and will be tried again.",
    EventType.TASK_QUEUED: "{task} is released.",
    EventType.TASK_LOST: "{task} is lost: its worker, or the process that ran it, is gone.",
    EventType.TASK_SKIPPED: "{task} is skipped.",
    EventType.TASK_EXPANDED: "{task} becomes as many tasks as it has items.",
    EventType.TASK_SPAWNED: "{task} starts a run of its own.",
    EventType.TASK_ASKED: "{task} waits for a person's decision.",
    EventType.TASK_FENCED: "A late outcome of {task} is refused.",
    EventType.TASK_LOG: "{task} has written to its log.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a run; `at` is ms UTC, `index` its task's."""

    seq: int
    type: str
    at: int
    index: int | None = None
    attempt: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


def says(told: Told, task: str | None) -> str:
    """The event as a sentence."""
    text = _SAYS.get(told.type, f"{{task}}: {told.type}." if task else f"{told.type}.")
    return text.format(task=task or "A task", attempt=told.attempt)
