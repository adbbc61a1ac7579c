"""Events for readers: task keys instead of numbers, and the state that each event leads to."""

from typing import Final

from umbel.machine import EventType, RunState, TaskState
from umbel.plan.model import Plan
from umbel.service.models import Event, instant
from umbel.store import AppliedEvent

_STATES: Final[dict[str, str]] = {
    EventType.RUN_LAUNCHED: RunState.PENDING,
    EventType.RUN_SUCCEEDED: RunState.SUCCESS,
    EventType.RUN_FAILED: RunState.ERROR,
    EventType.RUN_CANCELED: RunState.CANCELED,
    EventType.TASK_STARTED: TaskState.RUNNING,
    EventType.TASK_SUCCEEDED: TaskState.SUCCESS,
    EventType.TASK_FAILED: TaskState.ERROR,
    EventType.TASK_RETRYING: TaskState.RETRYING,
    EventType.TASK_QUEUED: TaskState.QUEUED,
    EventType.TASK_SKIPPED: TaskState.SKIPPED,
}


def event_name(kind: str) -> str:
    """Which of the four names an event goes by on the wire: `run.state` and `task.state` if a state changed (of the
    run, or of the task it names), `task.log` for output, `task.attempt` for what only concerns an attempt."""
    if kind == EventType.TASK_LOG:
        return "task.log"
    if kind == EventType.TASK_FENCED:
        return "task.attempt"
    return "run.state" if kind.startswith("run.") else "task.state"


def view(plan: Plan, event: AppliedEvent, number: int) -> Event:
    """The event as readers see it. `plan` is its run's; `number` is its number in the feed it stands in."""
    nodes = plan.nodes
    data = dict(event.data)
    for name in ("released", "blocked"):
        if isinstance(data.get(name), list):
            data[name] = [nodes[index].key for index in data[name]]
    if isinstance(data.get("task"), int):
        data["task"] = nodes[data["task"]].key
    state = _STATES.get(event.type)
    if event.type == EventType.TASK_LOST and data.get("requeued", True):
        state = TaskState.QUEUED
    return Event(
        id=number,
        run_id=event.run_id,
        type=event.type,
        at=instant(event.at),
        task=None if event.idx is None else nodes[event.idx].key,
        attempt=event.attempt,
        state=state,
        data=data,
    )
