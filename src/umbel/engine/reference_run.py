"""The rules for one run, as the reference engine keeps them: release, block, refuse, end."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from umbel.engine.engine import Token
from umbel.engine.keys import CHUNK
from umbel.engine.reference_state import Marks, Member, Partition, Portion, Run, Task
from umbel.engine.wire import Item
from umbel.events import EventRecord
from umbel.machine import Code, EventType, RunState, TaskState
from umbel.plan.model import Plan

Answer = TypeVar("Answer")

MAX_ITEMS: Final = 500
"""Dependents that one call may touch."""


class OpenRun:
    """A run while one verb works on it: what the verb releases and blocks is gathered here."""

    def __init__(self, partition: Partition, run: Run, now: int) -> None:
        self.partition = partition
        self.run = run
        self.now = now
        self.released: list[int] = []
        self.blocked: list[int] = []
        self._budget = MAX_ITEMS
        stored = partition.plans.get(run.plan)
        self.plan: Plan | None = stored.plan if stored else None

    def task(self, index: int) -> Task:
        """The task, which comes into being when something is first said of it."""
        return self.run.tasks.setdefault(index, Task())

    def peek(self, index: int) -> Task:
        """The task, to look at only."""
        return self.run.tasks.get(index) or Task()

    def queue(self, index: int) -> str:
        """Where the task's messages go; empty: the default queue."""
        known = self.plan is not None and 0 <= index < len(self.plan.nodes)
        return (self.plan.nodes[index].queue or "") if self.plan and known else ""

    def needs(self, index: int) -> tuple[int, ...]:
        """Which tasks it waits for."""
        return self.plan.nodes[index].needs if self.plan else ()

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
    def outcome(self) -> dict[str, list[int]]:
        """What was released and blocked, as an event says it."""
        both = {"released": self.released, "blocked": self.blocked}
        return {name: list(tasks) for name, tasks in both.items() if tasks}

    @property
    def items(self) -> list[Item]:
        """What was released, as a dispatcher wants it."""
        return [self.item(index) for index in self.released]

    def item(self, index: int) -> Item:
        """A task as a dispatcher wants it."""
        return Item(self.run.id, index, self.run.epoch, self.run.plan)

    # --- releasing

    def release(self, index: int, by: str) -> None:
        """The task may be claimed; `by` publishes its message."""
        queue, task = self.queue(index), self.task(index)
        task.state, task.ready, task.by, task.copies = TaskState.QUEUED, self.now, by, 0
        self.partition.ready.setdefault(queue, {})[Member(self.run.id, index)] = self.now
        self.partition.queues.setdefault(queue, Marks())
        self.released.append(index)

    @property
    def may_go_on(self) -> bool:
        """This call may touch another chunk of dependents."""
        return self._budget >= CHUNK

    def tell_dependents(self, index: int, by: str, *, good: bool) -> None:
        """The task (-1: the start of the run) is done, or has failed: its dependents hear of it."""
        self.spread([Portion(index, 0, good)], by)

    def spread(self, portions: Sequence[Portion], by: str) -> None:
        """Tell as many as one call may; the rest waits in the run's work list."""
        todo = deque(portions)
        while todo and self.may_go_on:
            todo.extend(self._tell(todo.popleft(), by))
        rest = [portion for portion in todo if self._dependents(portion)]
        if rest:
            self.run.work.extend(rest)
            self.partition.cursors[self.run.id] = self.now

    def _dependents(self, portion: Portion) -> Sequence[int]:
        if self.plan is None:
            return ()
        everyone = self.plan.roots if portion.source < 0 else self.plan.dependents[portion.source]
        start = portion.chunk * CHUNK
        return everyone[start : start + CHUNK]

    def _tell(self, portion: Portion, by: str) -> list[Portion]:
        members = self._dependents(portion)
        due: list[Portion] = []
        for index in members:
            self._budget -= 1
            task = self.task(index)
            if portion.good:
                task.done = (task.done or 0) + 1
                if task.done == max(1, len(self.needs(index))):
                    self.release(index, by)
            elif task.state is TaskState.WAITING:
                task.state = TaskState.UPSTREAM_FAILED
                self.run.left -= 1
                self.blocked.append(index)
                due.append(Portion(index, 0, False))
        if members:
            due.append(portion._replace(chunk=portion.chunk + 1))
        return due

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
        canceled = run.state is RunState.CANCELED
        if mine and not canceled:
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
        return reply(Code.CANCELED if canceled else Code.STALE)

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

    def done(self, index: int, state: TaskState, result: str, by: str) -> None:
        """The task is done; what waited for it may be due."""
        self.task(index).state = state
        self.run.results[index] = result
        self.let_go(index)
        self._ended(index)
        self.tell_dependents(index, by, good=True)

    def failed(self, index: int, attempt: int, info: Mapping[str, Any], by: str) -> None:
        """The task has failed for good, so the run is an error; branches that do not need it go on."""
        self.task(index).state = TaskState.ERROR
        self._ended(index)
        self.tell_dependents(index, by, good=False)
        self.emit(EventType.TASK_FAILED, index, attempt, {**info, **self.outcome})
        if self.run.state in (RunState.PENDING, RunState.RUNNING):
            self.run.state = RunState.ERROR
            self.emit(EventType.RUN_FAILED, data={"task": index, **self._call_hook("failure", by)})

    def _ended(self, index: int) -> None:
        """A task has ended for good; hooks are counted apart."""
        if index >= self.run.tasks_total:
            self.run.hooks -= 1
        else:
            self.run.left -= 1

    def _call_hook(self, name: str, by: str) -> dict[str, list[int]]:
        """Release the hook of this name; what the event says of it."""
        hooks = [node.index for node in self.plan.nodes if node.hook == name] if self.plan else []
        for index in hooks:
            self.run.hooks += 1
            self.release(index, by)
        return {"released": hooks} if hooks else {}

    def close(self, by: str = "") -> None:
        """End the run if nothing is left to do; settle it if nothing is alive. `by` publishes a hook."""
        run = self.run
        if run.left == 0 and run.state in (RunState.PENDING, RunState.RUNNING):
            run.state = RunState.SUCCESS
            self.emit(EventType.RUN_SUCCEEDED, data=self._call_hook("success", by))
        over = run.left == 0 or run.state is RunState.CANCELED
        if over and run.live == 0 and run.hooks == 0 and not run.settled:
            run.settled = True
            self.emit(EventType.RUN_SETTLED)
