"""What must be true of any history of events, whatever was called to make it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from umbel.engine.reference_state import Run, StoredPlan
from umbel.events import EventRecord
from umbel.machine import TERMINAL_EVENTS, EventType, RunState, TaskState

OUTCOMES = frozenset({EventType.TASK_SUCCEEDED, EventType.TASK_FAILED, EventType.TASK_SKIPPED})
GOOD = frozenset({EventType.TASK_SUCCEEDED, EventType.TASK_SKIPPED})
CALLS = {"success": EventType.RUN_SUCCEEDED, "failure": EventType.RUN_FAILED}
ENDED = frozenset({TaskState.SUCCESS, TaskState.ERROR, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED})


def check(events: Sequence[EventRecord], runs: Mapping[str, Run], plans: Mapping[str, StoredPlan]) -> None:
    """Raise AssertionError if a promise was broken: [U-2], [U-4], [U-5], [U-9]."""
    by_run: dict[str, list[EventRecord]] = defaultdict(list)
    for event in events:
        by_run[event.run].append(event)
    for id, some in by_run.items():
        if id in runs and runs[id].plan in plans:
            _check_run(some, runs[id], plans[runs[id].plan])


def _check_run(events: Sequence[EventRecord], run: Run, plan: StoredPlan) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    outcome: dict[int, str] = {}
    held: dict[int, int] = {}
    terminal: str | None = None
    settled = False
    for event in events:
        kind, task = event.type, event.task
        if kind in TERMINAL_EVENTS:
            assert terminal is None, "a second terminal event"
            terminal = kind
        if kind == EventType.RUN_SETTLED:
            assert not settled
            settled = True
        if task is None:
            continue
        if kind == EventType.TASK_STARTED:
            node = plan.plan.nodes[task]
            needs = node.needs
            assert node.hook is None or terminal == CALLS[node.hook], "a hook without its reason"
            assert all(outcome.get(need) in GOOD for need in needs), "started before what it needs"
            assert terminal != EventType.RUN_CANCELED, "started after the cancel"
            assert task not in outcome, "started after its outcome"
            assert task not in held, "two attempts at once"
            held[task] = event.attempt or 0
        elif kind in OUTCOMES:
            assert task not in outcome, "a second outcome"
            outcome[task] = kind
            last = held.pop(task, event.attempt)  # after its last loss, the attempt is over already
            assert last == event.attempt, "the outcome of another attempt"
        elif kind in (EventType.TASK_RETRYING, EventType.TASK_LOST):
            assert held.pop(task) == event.attempt
        if settled and kind not in (EventType.TASK_FENCED, EventType.TASK_LOG):
            raise AssertionError(f"{kind} after the run was settled")
    if settled:
        left = {index for index, state in run.tasks.items() if state.state is TaskState.RUNNING}
        assert not left
        if run.state is not RunState.CANCELED:
            called = [node for node in plan.plan.nodes if node.hook is None or CALLS[node.hook] == terminal]
            assert all(run.tasks[node.index].state in ENDED for node in called), "settled too early"
