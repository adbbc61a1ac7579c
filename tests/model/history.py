"""What must be true of any history of events, whatever was called to make it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from umbel.engine.reference_state import Run, StoredPlan
from umbel.events import EventRecord
from umbel.machine import TERMINAL_EVENTS, EventType, TaskState
from umbel.plan.model import Plan

GOOD = frozenset({EventType.TASK_SUCCEEDED, EventType.TASK_SKIPPED})
OUTCOMES = GOOD | {EventType.TASK_FAILED}
PARTED = frozenset(
    {
        EventType.TASK_RETRYING,
        EventType.TASK_LOST,
        EventType.TASK_EXPANDED,
        EventType.TASK_SPAWNED,
        EventType.TASK_ASKED,
    }
)
"""The attempt is over, and its task is not."""
LATE = frozenset({EventType.TASK_FENCED, EventType.TASK_LOG})
STOPS = frozenset({EventType.RUN_CANCELED, EventType.RUN_STOPPED})
CALLS = {"success": EventType.RUN_SUCCEEDED, "failure": EventType.RUN_FAILED}
ENDED = frozenset({TaskState.SUCCESS, TaskState.ERROR, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED})


def check(events: Sequence[EventRecord], runs: Mapping[str, Run], plans: Mapping[str, StoredPlan]) -> None:
    """Raise AssertionError if a promise was broken: [U-2], [U-4], [U-5], [U-9]."""
    by_run: dict[str, list[EventRecord]] = defaultdict(list)
    for event in events:
        by_run[event.run].append(event)
    for id, some in by_run.items():
        if id in runs and runs[id].plan in plans:
            story = Story(plans[runs[id].plan].plan)
            assert [event.seq for event in some] == list(range(1, len(some) + 1))
            for event in some:
                story.hear(event)
            story.end(runs[id])


class Story:
    """One run, as its events tell it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.native = plan.engine == "canvas"
        self.begin({})
        self.maps: dict[int, tuple[int, range]] = {}
        """Items -> their map's node and all of them, of every epoch."""

    def begin(self, kept: Mapping[int, bool]) -> None:
        """An epoch, in which these have ended already, well or badly."""
        self.ended: dict[int, bool] = dict(kept)
        self.held: dict[int, int] = {}
        self.alive: dict[int, set[int]] = {}
        self.terminal: str | None = None
        self.stopped = self.settled = self.paused = False

    def hear(self, event: EventRecord) -> None:
        """The next event."""
        kind, task = event.type, event.task
        if kind == EventType.RUN_RESTORED:
            assert self.settled, "restored while something was alive"
            self.begin({int(index): good for index, good in event.data["kept"].items()})
            return
        assert not self.settled or kind in LATE, f"{kind} after the run was settled"
        if kind in TERMINAL_EVENTS:
            assert self.terminal is None, "a second terminal event"
            self.terminal = kind
        self.stopped |= kind in STOPS
        self.settled |= kind == EventType.RUN_SETTLED
        self.paused = kind == EventType.RUN_PAUSED or (self.paused and kind != EventType.RUN_RESUMED)
        if task is not None:
            self._hear_of(task, event)
        for index in event.data.get("skipped", ()):
            self._end(index, True)
        for index in event.data.get("blocked", ()):
            self._end(index, False)
        self._count_items(event)

    def _hear_of(self, task: int, event: EventRecord) -> None:
        if event.type == EventType.TASK_STARTED:
            self._start(task, event.attempt or 0)
        elif event.type in OUTCOMES:
            self._end(task, event.type in GOOD)
            last = self.held.pop(task, event.attempt)  # after a loss, a wait or a sub-run the attempt is over already
            assert last == event.attempt, "the outcome of another attempt"
        elif event.type in PARTED:
            assert self.held.pop(task) == event.attempt

    def _start(self, task: int, attempt: int) -> None:
        node = self.plan.nodes[self.maps[task][0] if task in self.maps else task]
        assert task not in self.ended, "started after its outcome"
        assert task not in self.held, "two attempts at once"
        self.held[task] = attempt
        if node.hook:
            assert self.terminal == CALLS[node.hook], "a hook without its reason"
            return
        assert not self.stopped, "started after the stop"
        if self.native:
            return
        assert not self.paused, "started while the run was paused"
        ends = [self.ended.get(need) for need in node.needs]
        assert None not in ends, "started before what it needs"
        if node.run_if == "all_ok":
            assert all(ends), "started though a need had failed"
        elif ends and node.run_if != "all_done":
            assert any(good is (node.run_if == "one_ok") for good in ends), "started without its reason"
        if task in self.alive:
            assert not self.alive[task], "gathered before its items had ended"
            assert all(item in self.ended for item, (map, all_) in self.maps.items() if map == task and item in all_)

    def _end(self, task: int, good: bool) -> None:
        assert task not in self.ended, "a second outcome"
        self.ended[task] = good
        if task in self.maps:
            self.alive[self.maps[task][0]].discard(task)

    def _count_items(self, event: EventRecord) -> None:
        """[U-4] Never more items of a map under way than its author allows."""
        if event.type == EventType.TASK_EXPANDED and event.task is not None:
            items = range(event.data["base"], event.data["base"] + event.data["count"])
            self.maps = {item: about for item, about in self.maps.items() if about[0] != event.task}
            self.maps |= dict.fromkeys(items, (event.task, items))
            self.alive[event.task] = set()
        for item in event.data.get("released", ()):
            if item in self.maps:
                self.alive[self.maps[item][0]].add(item)
        for map, alive in self.alive.items():
            most = self.plan.nodes[map].max_parallel if map < len(self.plan.nodes) else None
            assert len(alive) <= (most or 500), "more items at once than allowed"

    def end(self, run: Run) -> None:
        """How the run stands after all of them."""
        if run.restoring:
            return
        assert (self.settled, self.stopped) == (run.settled, run.stopped)
        if not self.settled:
            return
        assert not [index for index, task in run.tasks.items() if task.state is TaskState.RUNNING]
        if not self.stopped:
            called = [node for node in self.plan.nodes if node.hook is None or CALLS[node.hook] == self.terminal]
            assert all(run.tasks[node.index].state in ENDED for node in called), "settled too early"
