"""The rules for one run, as the reference engine keeps them: release, tell, refuse, end."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast

from umbel.engine.engine import Token
from umbel.engine.keys import CHUNK, MAX_ENDS
from umbel.engine.reference_state import How, Items, Marks, Member, Partition, Portion, Run, Task
from umbel.engine.wire import Item
from umbel.events import EventRecord
from umbel.machine import Code, EventType, RunState, TaskState
from umbel.plan.model import Node, Plan

Answer = TypeVar("Answer")

MAX_ITEMS: Final = 500
"""Dependents that one call may touch."""

UNDER_WAY: Final = (RunState.PENDING, RunState.RUNNING)


class Place(NamedTuple):
    """The node of the plan behind a task, and which item of which, if it is one of a map."""

    node: int
    items: Items | None = None
    place: int = 0


def find(partition: Partition, run: str, now: int) -> "OpenRun | None":
    """The run, unless nobody knows it, or all of it."""
    known = partition.runs.get(run)
    return OpenRun(partition, known, now) if known and not known.restoring else None


class OpenRun:
    """A run while one verb works on it: what the verb releases, schedules, blocks and skips is gathered here."""

    def __init__(self, partition: Partition, run: Run, now: int) -> None:
        self.partition = partition
        self.run = run
        self.now = now
        self.released: list[int] = []
        self.scheduled: list[list[int]] = []
        self.blocked: list[int] = []
        self.skipped: list[int] = []
        self.budget = MAX_ITEMS
        stored = partition.plans.get(run.plan)
        self.plan: Plan | None = stored.plan if stored else None

    # --- what its tasks are

    def task(self, index: int) -> Task:
        """The task, which comes into being when something is first said of it."""
        return self.run.tasks.setdefault(index, Task())

    def peek(self, index: int) -> Task:
        """The task, to look at only."""
        return self.run.tasks.get(index) or Task()

    def place(self, index: int) -> Place:
        """What stands behind the task in the plan."""
        if index >= self.run.nodes:
            for items in self.run.maps:
                if items.base <= index < items.base + items.size:
                    return Place(items.node, items, index - items.base)
        return Place(index)

    def node(self, index: int) -> Node | None:
        """The same; None: nothing."""
        node = self.place(index).node
        return self.plan.nodes[node] if self.plan and 0 <= node < len(self.plan.nodes) else None

    def queue(self, index: int) -> str:
        """Where the task's messages go; empty: the default queue."""
        node = self.node(index)
        return (node.queue or "") if node else ""

    def needs(self, index: int) -> tuple[int, ...]:
        """Which tasks it waits for."""
        node = self.node(index)
        return node.needs if node else ()

    def is_hook(self, index: int) -> bool:
        """It is called when the run has succeeded or failed, and counted apart."""
        return self.run.tasks_total <= index < self.run.nodes

    def is_stopped(self, index: int) -> bool:
        """Nobody may begin or end this task any more. Hooks run all the same: they tell people of it."""
        return self.run.stopped and not self.is_hook(index)

    def is_native(self, index: int) -> bool:
        """Celery's own canvas decides when it runs."""
        return self.run.native and index < self.run.tasks_total

    # --- telling

    def emit(
        self,
        event: EventType,
        task: int | None = None,
        attempt: int | None = None,
        data: Mapping[str, Any] | None = None,
        value: str | None = None,
    ) -> None:
        """Append an event of the run."""
        self.run.seq += 1
        record = EventRecord(self.run.id, self.run.seq, event.value, self.now, task, attempt, dict(data or {}), value)
        self.partition.events.append(record)

    @property
    def outcome(self) -> dict[str, Any]:
        """What became of other tasks, as an event says it."""
        every = {name: list(getattr(self, name)) for name in ("released", "scheduled", "blocked", "skipped")}
        return {name: tasks for name, tasks in every.items() if tasks}

    @property
    def items(self) -> list[Item]:
        """What was released, as a dispatcher wants it."""
        return [self.item(index) for index in self.released]

    def item(self, index: int) -> Item:
        """A task as a dispatcher wants it."""
        return Item(self.run.id, index, self.run.epoch, self.run.plan)

    # --- releasing

    def release(self, index: int, by: str) -> None:
        """The task may be claimed, now or when its author wants it; `by` publishes its message."""
        task, due = self.task(index), self._due(index)
        if due > self.now:
            task.state, task.ready = TaskState.SCHEDULED, self.now
            self.partition.timers[Member(self.run.id, index)] = due
            self.scheduled.append([index, due])
            return
        queue = self.queue(index)
        task.state, task.ready, task.by, task.copies = TaskState.QUEUED, self.now, by, 0
        self.partition.ready.setdefault(queue, {})[Member(self.run.id, index)] = self.now
        marks = self.partition.queues.setdefault(queue, Marks())
        marks.passed = marks.passed or 0
        self.released.append(index)

    def _due(self, index: int) -> int:
        """When it is due: later than now only if it is released for the first time."""
        node = self.node(index)
        if node is None or self.peek(index).ready is not None:
            return self.now
        if node.at is not None:
            return node.at
        return self.now + round(node.countdown * 1000) if node.countdown else self.now

    def release_items(self, map: int, wanted: int, by: str) -> None:
        """Release so many more items of an expanded map, leaving out those that had ended in an earlier epoch."""
        about = self.peek(map)
        if about.phase is None:
            return
        base, count = (int(part) for part in about.phase.split(":"))
        place = about.next or 0
        while wanted and place < count and self.budget > 0:
            self.budget -= 1
            if self.peek(base + place).state is TaskState.WAITING:
                self.release(base + place, by)
                wanted -= 1
            place += 1
        about.next = place
        if wanted and place < count:
            self._later([Portion(map, wanted, How.ITEMS)])

    def _later(self, portions: Sequence[Portion]) -> None:
        self.run.work.extend(portions)
        self.partition.cursors[self.run.id] = self.now

    @property
    def may_go_on(self) -> bool:
        """This call may touch another chunk of dependents."""
        return self.budget >= CHUNK

    def tell_dependents(self, index: int, by: str, *, good: bool) -> None:
        """The task (-1: the start of the run) is done, or has failed: its dependents hear of it."""
        self.spread([Portion(index, 0, How.GOOD if good else How.BAD)], by)

    def spread(self, portions: Sequence[Portion], by: str) -> None:
        """Do as many as one call may; the rest waits in the run's work list."""
        todo = deque(portions)
        while todo and self.may_go_on:
            todo.extend(self._do(todo.popleft(), by))
        rest = [each for each in todo if each.how in (How.ITEMS, How.HOOK) or self._dependents(each)]
        if rest:
            self._later(rest)

    def _dependents(self, portion: Portion) -> Sequence[int]:
        if self.plan is None or portion.how > How.GOOD or portion.source >= len(self.plan.nodes):
            return ()
        everyone = self.plan.roots if portion.source < 0 else self.plan.dependents[portion.source]
        start = portion.chunk * CHUNK
        return everyone[start : start + CHUNK]

    def _do(self, portion: Portion, by: str) -> list[Portion]:
        members = self._dependents(portion)
        if not members:
            self.budget -= 1
        if portion.how is How.ITEMS:
            self.release_items(portion.source, portion.chunk, by)
            return []
        if portion.how is How.HOOK:
            self.release(portion.source, by)
            return []
        if not members or (self.run.native and portion.how is How.GOOD):
            return []
        due: list[Portion] = []
        for index in members:
            self.budget -= 1
            due += self._hear(index, portion.how is How.GOOD, by)
        return [*due, portion._replace(chunk=portion.chunk + 1)]

    def _hear(self, index: int, good: bool, by: str) -> list[Portion]:
        """One of the task's needs has ended. Which news follow from that."""
        task, node = self.task(index), self.node(index)
        if good:
            task.done = (task.done or 0) + 1
        else:
            task.bad = (task.bad or 0) + 1
        if task.state is not TaskState.WAITING or node is None:
            return []
        done, bad, missing = task.done or 0, task.bad or 0, max(1, len(node.needs)) - (task.done or 0) - (task.bad or 0)
        if node.run_if == "all_ok" and bad:
            return [self._block(index)]
        if missing > 0:
            return []
        if node.run_if == "any_failed" and not bad:
            return [self._pass_over(index)]
        if node.run_if == "one_ok" and not done:
            return [self._block(index)]
        self.release(index, by)
        return []

    def _block(self, index: int) -> Portion:
        self.task(index).state = TaskState.UPSTREAM_FAILED
        self.run.left -= 1
        self.blocked.append(index)
        return Portion(index, 0, How.BAD)

    def _pass_over(self, index: int) -> Portion:
        self.task(index).state = TaskState.SKIPPED
        self.run.results[index] = "null"
        self.run.left -= 1
        self.skipped.append(index)
        return Portion(index, 0, How.GOOD)

    # --- an attempt

    def refused(self, token: Token, request: str, outcome: str, reply: Callable[[Code], Answer]) -> Answer | None:
        """The answer to who may not say how the task ended, or who only asks again; None: it may.

        A refused outcome is told once as task.fenced, except a loss that comes too late.
        """
        index, epoch, attempt = token.task, token.epoch, token.attempt
        run, task = self.run, self.peek(index)
        if task.request == request and task.answer is not None:
            return cast("Answer", task.answer)
        mine = task.state is TaskState.RUNNING and task.attempt == attempt and run.epoch == epoch
        stopped = self.is_stopped(index)
        if mine and not stopped:
            return None
        if mine:
            self.emit(EventType.TASK_FENCED, index, attempt, {"outcome": outcome, "epoch": epoch})
            task.state = TaskState.CANCELED
            self.let_go(index)
            self.close()
            return self.remember(index, request, reply(Code.CANCELED))
        if outcome != "lost" and task.fenced != request:
            self.emit(EventType.TASK_FENCED, index, attempt, {"outcome": outcome, "epoch": epoch})
            self.task(index).fenced = request
        return reply(Code.CANCELED if stopped else Code.STALE)

    def remember(self, index: int, request: str, answer: Answer) -> Answer:
        """Keep the answer for the case that the same request comes again."""
        task = self.task(index)
        task.request, task.answer = request, answer
        return answer

    def let_go(self, index: int) -> None:
        """The attempt is over: nobody holds the task any more."""
        member = Member(self.run.id, index)
        self.partition.leases.pop(member, None)
        self.partition.held.get(self.task(index).worker or "", {}).pop(member, None)
        self.run.live -= 1

    # --- ends

    def done(self, index: int, state: TaskState, result: str, by: str) -> None:
        """The task is done; what waited for it may be due."""
        self.task(index).state = state
        self.run.results[index] = result
        self._ended(index, by)
        self.tell_dependents(index, by, good=True)

    def failed(self, index: int, attempt: int | None, info: Mapping[str, Any], text: str, by: str) -> None:
        """The task has failed for good, so the run is an error; branches that do not need it go on.

        A task that is quiet fails for itself. `text` is `info` as JSON.
        """
        self.task(index).state = TaskState.ERROR
        self.run.errors[index] = text
        self._ended(index, by)
        self.tell_dependents(index, by, good=False)
        self.emit(EventType.TASK_FAILED, index, attempt, {**info, **self.outcome})
        node = self.node(index)
        if self.run.state in UNDER_WAY and not (node and node.quiet):
            self.run.state = RunState.ERROR
            self.emit(EventType.RUN_FAILED, data={"task": index, **self.call_hook("failure", by)})

    def _ended(self, index: int, by: str) -> None:
        """A task has ended for good. After its last item a map gathers; after any other, the next one has room."""
        if self.is_hook(index):
            self.run.hooks -= 1
            return
        self.run.left -= 1
        place = self.place(index)
        if place.items is None:
            return
        map = self.task(place.node)
        map.open = (map.open or 0) - 1
        if map.open == 0:
            self.release(place.node, by)
        else:
            self.release_items(place.node, 1, by)

    def call_hook(self, name: str, by: str) -> dict[str, list[int]]:
        """Release the hook of this name; what the event says of it."""
        hooks = [node.index for node in self.plan.nodes if node.hook == name] if self.plan else []
        for index in hooks:
            self.run.hooks += 1
            self.release(index, by)
        return {"released": hooks} if hooks else {}

    def close(self, by: str = "") -> None:
        """End the run if nothing is left to do; settle it if nothing is alive. `by` publishes a hook."""
        run = self.run
        if run.left == 0 and run.state in UNDER_WAY:
            run.state = RunState.SUCCESS
            self.emit(EventType.RUN_SUCCEEDED, data=self.call_hook("success", by))
        over = not run.subs if run.stopped else run.left == 0
        if over and run.live == 0 and run.hooks == 0 and not run.settled:
            run.settled, run.paused = True, False
            self.partition.deadlines.pop(run.id, None)
            self.emit(EventType.RUN_SETTLED)
            if run.parent:
                self.tell_parent()

    # --- runs that start runs

    def tell_parent(self) -> None:
        """The task that has started this run shall end as it has: at its next turn."""
        run = self.run
        parent = self.partition.runs.get(run.parent.run) if run.parent else None
        if parent is None or run.parent is None:
            return
        parent.subs.pop(run.id, None)
        task = parent.tasks.get(run.parent.task) or Task()
        if parent.stopped or task.state is not TaskState.EXPANDED or task.child != run.id:
            return
        task.child_state, task.child_result = run.state.value, self._result()
        self.partition.timers[run.parent] = self.now

    def _result(self) -> str:
        ends = self.plan.ends if self.plan else ()
        results = [self.run.results.get(index, "null") for index in ends]
        if not results or len(results) > MAX_ENDS:
            return "null"
        return results[0] if len(results) == 1 else f"[{','.join(results)}]"

    def stop(self, whole: "OpenRun | None" = None) -> None:
        """Nothing of the run may go on, nor of the runs that it has started. The work is charged to `whole`."""
        run = self.run
        run.stopped = True
        run.work.clear()
        run.parked.clear()
        self.partition.cursors.pop(run.id, None)
        self.stop_subs(whole or self)

    def stop_subs(self, whole: "OpenRun") -> None:
        """Stop the runs that it has started, the oldest first, as many as one call may; `advance` goes on."""
        run = self.run
        while run.subs and whole.budget >= STOP_COST:
            sub = min(run.subs, key=lambda each: (run.subs[each], each))
            del run.subs[sub]
            whole.budget -= STOP_COST
            child = find(self.partition, sub, self.now)
            if child is None or child.run.stopped or child.run.settled:
                continue
            told = {"by": f"run {run.id}"}
            if child.run.state in UNDER_WAY:
                child.run.state = RunState.CANCELED
                child.emit(EventType.RUN_CANCELED, data=told)
            else:
                child.emit(EventType.RUN_STOPPED, data=told)
            child.stop(whole)
            child.close()
        if run.subs:
            self.partition.cursors[run.id] = self.now


STOP_COST: Final = 4
"""What it costs of a call's budget to stop one run."""
