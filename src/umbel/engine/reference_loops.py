"""The verbs that look at a whole partition, as the reference engine does them: promote, advance, sweep, redispatch."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from umbel.engine.engine import Token
from umbel.engine.reference_run import MAX_ITEMS, UNDER_WAY, OpenRun, find
from umbel.engine.reference_state import About, Marks, Member, Partition
from umbel.engine.wire import Item
from umbel.machine import EventType, RunState, TaskState

FRONT: Final = 10
"""Tasks of an idle queue that are sent again at a time."""

MOST_PAUSES: Final = 3
"""After so many copies of a message the pause before the next one does not double any more."""

Found = tuple[Token, bool, bool, str]
"""An attempt without an owner: token, sure, counts, why."""


def as_json(info: Mapping[str, str]) -> str:
    """As the scripts write it."""
    return json.dumps(info, separators=(",", ":"))


def oldest(scores: Mapping[Member, int]) -> list[Member]:
    """In the order of a sorted set: by score, then by text."""
    return sorted(scores, key=lambda member: (scores[member], str(member)))


def promote(partition: Partition, now: int, limit: int, by: str) -> tuple[tuple[Item, ...], int]:
    """Do what is due; also when the next is (0: nothing waits)."""
    items: list[Item] = []
    spent = 0
    for member in [each for each in oldest(partition.timers) if partition.timers[each] <= now][:limit]:
        if spent >= MAX_ITEMS:
            break
        del partition.timers[member]
        run = find(partition, member.run, now)
        if run is None and member.run in partition.runs:
            partition.timers[member] = now + 1000  # it is being restored
        if run is None or run.is_stopped(member.task):
            continue
        _wake(run, member.task, by)
        run.close(by)
        items += run.items
        spent += MAX_ITEMS - run.budget
    late = sorted((due, run_id) for run_id, due in partition.deadlines.items() if due <= now)
    for _, run_id in late[:limit]:
        if spent >= MAX_ITEMS:
            break
        partition.deadlines.pop(run_id, None)  # gone if the run that started it was late too
        run = find(partition, run_id, now)
        if run and not run.run.stopped and not run.run.settled:
            _end_late(run, by)
            items += run.items
            spent += MAX_ITEMS - run.budget
    return tuple(items), min([*partition.timers.values(), *partition.deadlines.values()], default=0)


def _wake(run: OpenRun, index: int, by: str) -> None:
    """What the task has waited for has come, or will not."""
    task = run.peek(index)
    if task.state in (TaskState.RETRYING, TaskState.SCHEDULED):
        run.release(index, by)
        run.emit(EventType.TASK_QUEUED, index, data={"why": "due"})
    elif task.state is TaskState.AWAITING_INPUT:
        info = {"exception": "Nobody decided in time.", "type": "ApprovalTimeout", "reason": "timeout"}
        run.failed(index, task.attempt, info, as_json(info), by)
    elif task.state is TaskState.EXPANDED and task.child_state == RunState.SUCCESS:
        result = task.child_result or "null"
        run.done(index, TaskState.SUCCESS, result, by)
        run.emit(EventType.TASK_SUCCEEDED, index, task.attempt, run.outcome, result)
    elif task.state is TaskState.EXPANDED and task.child_state:
        text = f"The run {task.child} that it started ended as {task.child_state}."
        info = {"exception": text, "type": "RunFailed", "reason": "run", "run": task.child or ""}
        run.failed(index, task.attempt, info, as_json(info), by)


def _end_late(run: OpenRun, by: str) -> None:
    """Its deadline has come."""
    if run.run.state in UNDER_WAY:
        run.run.state = RunState.ERROR
        run.emit(EventType.RUN_FAILED, data={"reason": "deadline", **run.call_hook("failure", by)})
    run.emit(EventType.RUN_STOPPED, data={"reason": "deadline"})
    run.stop()
    run.close(by)


def advance(partition: Partition, now: int, run_id: str, by: str) -> tuple[tuple[Item, ...], int]:
    """Take the next portion of what is left of wide releases, pauses and stops; also how much is left."""
    if not run_id:
        if not partition.cursors:
            return (), 0
        run_id = min(partition.cursors, key=lambda each: (partition.cursors[each], each))
    here = find(partition, run_id, now)
    if here is None:
        partition.cursors.pop(run_id, None)
        return (), 0
    run = here.run
    if run.stopped:
        here.stop_subs(here)
    while run.work and here.may_go_on:
        here.spread([run.work.pop(0)], by)
    while run.parked and not run.paused and here.may_go_on:
        index = min(run.parked, key=lambda each: (run.parked[each], str(each)))
        del run.parked[index]
        here.budget -= 1
        if here.peek(index).state is TaskState.QUEUED:
            here.release(index, by)
    if here.outcome:
        here.emit(EventType.RUN_ADVANCED, data=here.outcome)
    here.close(by)
    left = len(run.work) + (0 if run.paused else len(run.parked)) + (len(run.subs) if run.stopped else 0)
    if left:
        partition.cursors[run_id] = now
    else:
        partition.cursors.pop(run_id, None)
    return tuple(here.items), left


def sweep(partition: Partition, now: int, limit: int) -> tuple[list[Found], list[tuple[str, About]]]:
    """Attempts without an owner; workers that are gone and hold nothing any more, which are forgotten."""
    found: list[Found] = []
    gone: list[tuple[str, About]] = []
    silent = sorted((until, worker) for worker, until in partition.workers.items() if until < now)
    dead = [worker for _, worker in silent[:limit]]
    for worker in dead:
        held = partition.held.get(worker, {})
        about = partition.about.setdefault(worker, About())
        if about.held is None:
            about.held = len(held)
        for member, (_, epoch, attempt) in list(held.items()):
            token = Token(member.run, member.task, epoch, attempt)
            if not _is_present(partition, token):
                del held[member]
            elif len(found) < limit:
                found.append((token, True, about.held == 1, f"no sign of life from worker {worker}"))
        if not held:
            gone.append((worker, about))
            del partition.workers[worker], partition.about[worker]
    ended = [member for member in oldest(partition.leases) if partition.leases[member] < now]
    for member in ended[:limit]:
        run = find(partition, member.run, now)
        task = run.peek(member.task) if run else None
        if run is None or task is None or task.state is not TaskState.RUNNING:
            del partition.leases[member]
        elif task.worker not in dead and len(found) < limit:
            worker = task.worker or ""
            counts = _lives(partition, worker, now) or len(partition.held.get(worker, {})) == 1
            token = Token(member.run, member.task, run.run.epoch, task.attempt or 0)
            found.append((token, False, counts, "no sign of life from the process that ran it"))
    return found, gone


def _is_present(partition: Partition, token: Token) -> bool:
    run = partition.runs.get(token.run)
    task = run.tasks.get(token.task) if run else None
    return (
        run is not None
        and task is not None
        and task.state is TaskState.RUNNING
        and (run.epoch, task.attempt) == (token.epoch, token.attempt)
    )


def _lives(partition: Partition, worker: str, now: int) -> bool:
    """Its last sign of life is less than half a lease ago."""
    about = partition.about.get(worker, About())
    beat = about.beat or 0
    return now - beat <= (partition.workers.get(worker, 0) - beat) / 2


class Redispatch:
    """One look for released tasks whose message is probably lost."""

    def __init__(self, partition: Partition, now: int, limit: int) -> None:
        self._partition = partition
        self._now = now
        self._limit = limit
        self.items: list[Item] = []

    def overdue(self, after: int) -> tuple[Item, ...]:
        """What has waited for `after` ms, twice as long per copy, where the queue has passed it or stands."""
        for queue, marks in self._queues():
            scores = self._partition.ready.get(queue, {})
            idle = self._now - (marks.claimed or 0) >= after and self._now - (marks.front or 0) >= after
            sent = 0
            old = [member for member in oldest(scores) if scores[member] <= self._now - after]
            for member in old[: self._limit]:
                pause = after * 2 ** min(self._copies(member), MOST_PAUSES)
                in_front = idle and sent < FRONT
                if self._full or self._now - scores[member] < pause:
                    continue
                if (scores[member] < (marks.passed or 0) or in_front) and self._again(queue, member):
                    sent += 1
                    if in_front:
                        marks.front = self._now
        return tuple(self.items)

    def of_the_dead(self, by: str, since: int, heads: Mapping[str, int]) -> tuple[Item, ...]:
        """The first of each queue in `heads`, then what `by` or a process of it has released since."""
        for queue, _ in self._queues():
            scores = self._partition.ready.get(queue, {})
            order = oldest(scores)
            late = [member for member in order if scores[member] >= since][: self._limit]
            taken = order[: max(0, heads.get(queue, 0))]
            owned = [member for member in late if self._released_by(member, by)]
            for member in dict.fromkeys([*taken, *owned]):
                if not self._full:
                    self._again(queue, member)
        return tuple(self.items)

    @property
    def _full(self) -> bool:
        return len(self.items) >= self._limit

    def _queues(self) -> Iterator[tuple[str, Marks]]:
        for queue, marks in sorted(self._partition.queues.items()):
            if marks.passed is not None:  # of a native run's queue it is only known when the last claim was
                yield queue, marks

    def _again(self, queue: str, member: Member) -> bool:
        """Send a copy, and put the task behind the others, where its copy is; False: nobody is to run it any more."""
        scores = self._partition.ready[queue]
        run = find(self._partition, member.run, self._now)
        task = run.peek(member.task) if run else None
        if not run or not task or run.is_stopped(member.task) or task.state is not TaskState.QUEUED:
            del scores[member]
            return False
        task.copies = (task.copies or 0) + 1
        scores[member] = self._now
        self.items.append(run.item(member.task))
        return True

    def _copies(self, member: Member) -> int:
        run = find(self._partition, member.run, self._now)
        return (run.peek(member.task).copies or 0) if run else 0

    def _released_by(self, member: Member, by: str) -> bool:
        run = find(self._partition, member.run, self._now)
        owner = (run.peek(member.task).by or "") if run else ""
        return owner == by or owner.startswith(f"{by}/")
