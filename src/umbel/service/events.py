"""Events for readers: task keys instead of numbers, and the state that each event leads to."""

from collections.abc import Iterator
from typing import Final

from umbel.machine import EventType, RunState, TaskState
from umbel.service.models import Event, instant
from umbel.service.names import Names
from umbel.store import AppliedEvent
from umbel.store.fold import LISTS

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
    EventType.TASK_EXPANDED: TaskState.EXPANDED,
    EventType.TASK_SPAWNED: TaskState.EXPANDED,
    EventType.TASK_ASKED: TaskState.AWAITING_INPUT,
}


def event_name(kind: str) -> str:
    """Which of the four names an event goes by on the wire: `run.state` and `task.state` if a state changed (of the
    run, or of the task it names), `task.log` for output, `task.attempt` for what only concerns an attempt."""
    if kind == EventType.TASK_LOG:
        return "task.log"
    if kind == EventType.TASK_FENCED:
        return "task.attempt"
    return "run.state" if kind.startswith("run.") else "task.state"


def indices_of(event: AppliedEvent) -> Iterator[int]:
    """The tasks that an event speaks of."""
    if event.idx is not None:
        yield event.idx
    for name in LISTS:
        listed = event.data.get(name)
        for each in listed if isinstance(listed, list) else ():
            yield each[0] if isinstance(each, list) else each
    if isinstance(event.data.get("task"), int):
        yield event.data["task"]


def view(names: Names, event: AppliedEvent, number: int) -> Event:
    """The event as readers see it. `names` are its run's; `number` is its number in the feed it stands in."""
    data = dict(event.data)
    for name in LISTS:
        if isinstance(data.get(name), list):
            data[name] = [names.key(each[0] if isinstance(each, list) else each) for each in data[name]]
    if event.type == EventType.RUN_RESTORED:
        data["reset"] = [names.key(index) for index in data.get("reset") or ()]
        data["again"] = [names.key(index) for index in data.get("again") or ()]
        data["maps"] = [names.key(entry[0]) for entry in data.get("maps") or ()]
    if isinstance(data.get("task"), int):
        data["task"] = names.key(data["task"])
    state = _STATES.get(event.type)
    if event.type == EventType.TASK_LOST and data.get("requeued", True):
        state = TaskState.QUEUED
    if event.type == EventType.RUN_RESTORED:
        state = str(event.data.get("state") or RunState.PENDING)
    return Event(
        id=number,
        run_id=event.run_id,
        type=event.type,
        at=instant(event.at),
        task=None if event.idx is None else names.key(event.idx),
        attempt=event.attempt,
        state=state,
        data=data,
    )
