"""The engine in memory: the same verbs, replies and events as the Lua scripts, written again from the rules.

It is what the scripts are tested against, step by step and key by key, and what tests and simulations can use instead
of a store. Its clock is `now`, which only its user moves. One thread at a time.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from umbel.engine import reference_loops as loops
from umbel.engine.calls import Ask, Claim, Expand, Fail, Lose, Renew, Retry, Skip, Spawn, Succeed
from umbel.engine.engine import MAX_WINDOW, GoneWorker, LostAttempt, Token, request_id
from umbel.engine.reference_control import Control
from umbel.engine.reference_create import create, plans_of
from umbel.engine.reference_run import OpenRun
from umbel.engine.reference_state import About, Items, Marks, Member
from umbel.engine.wire import Item
from umbel.machine import Code, EventType, RunState, TaskState
from umbel.settings import Settings

MAX_INPUTS = 500
"""A wider join reads its inputs in pieces, after the claim."""


class Reference(Control):
    """Has the methods of `engine.Engine`, which say what each is for. See `ReferenceReader` for its arguments."""

    @classmethod
    def open(cls, settings: Settings) -> "Reference":
        """An empty engine."""
        return cls(settings)

    def copy(self) -> "Reference":
        """An independent engine in the same state: for a search through what may happen next."""
        other = Reference(self.settings, self.now)
        other._partitions = [partition.copy() for partition in self._partitions]
        return other

    # --- an attempt, by the worker that runs it

    def claim(
        self,
        run: str,
        task: int,
        epoch: int,
        *,
        worker: str,
        pid: int,
        in_turn: bool = True,
        request: str | None = None,
    ) -> Claim:
        """Take a queued task as a new attempt."""
        here, request = self._find(run), request or request_id()
        if here is None:
            return Claim(Code.NO_RUN)
        waiting = here.partition.ready.get(here.queue(task), {})
        member = Member(run, task)
        if here.is_stopped(task):
            waiting.pop(member, None)
            return Claim(Code.CANCELED)
        if here.run.epoch != epoch:
            return Claim(Code.STALE)
        one, again = here.peek(task), False
        if one.state is TaskState.RUNNING and one.request == request:
            again = True
        elif not self._is_free(here, task):
            return Claim(Code.NOT_QUEUED)
        elif here.run.paused and not here.is_native(task) and not here.is_hook(task):
            waiting.pop(member, None)
            here.run.parked.setdefault(task, self.now)
            return Claim(Code.PAUSED)
        if not again:
            self._start(here, task, worker, pid, in_turn, request)
        return self._handed_over(here, task)

    def _is_free(self, here: OpenRun, task: int) -> bool:
        state = here.peek(task).state
        if here.is_native(task):
            # Celery decides there, and what it delivers again ends the attempt before.
            return state in (TaskState.WAITING, TaskState.QUEUED, TaskState.RETRYING, TaskState.RUNNING)
        return state is TaskState.QUEUED

    def _start(self, here: OpenRun, task: int, worker: str, pid: int, in_turn: bool, request: str) -> None:
        one, member, native = here.task(task), Member(here.run.id, task), here.is_native(task)
        if one.state is TaskState.RUNNING:
            told = {"worker": one.worker, "pid": one.pid, "why": "its message was delivered again", "requeued": True}
            here.emit(EventType.TASK_LOST, task, one.attempt, told)
            here.let_go(task)
        queued_at = here.now if native and one.ready is None else one.ready or 0
        one.state, one.attempt = TaskState.RUNNING, (one.attempt or 0) + 1
        one.worker, one.pid, one.request, one.answer = worker, pid, request, None
        one.since = self.now if one.since is None else one.since
        queue = here.queue(task)
        here.partition.ready.get(queue, {}).pop(member, None)
        marks = here.partition.queues.setdefault(queue, Marks(passed=None))
        marks.claimed = self.now
        if in_turn and not native:
            marks.passed = max(marks.passed or 0, queued_at)
        here.partition.leases[member] = self.now + self._lease
        here.partition.held.setdefault(worker, {})[member] = (pid, here.run.epoch, one.attempt)
        here.run.live += 1
        if here.run.state is RunState.PENDING:
            here.run.state = RunState.RUNNING
        told = {"worker": worker, "pid": pid, "queued_at": queued_at, "retries": one.retries or 0}
        here.emit(EventType.TASK_STARTED, task, one.attempt, {**told, "epoch": here.run.epoch})

    def _handed_over(self, here: OpenRun, task: int) -> Claim:
        one, place, needs = here.peek(task), here.place(task), here.needs(task)
        item, inputs = "", "" if len(needs) > MAX_INPUTS else f"[{','.join(self._results(here.run, needs))}]"
        payload = here.run.payload
        if place.items:
            item, inputs, payload = here.run.items.get((place.node, place.place), "null"), "", ""
        return Claim(
            Code.OK,
            one.attempt or 0,
            one.retries or 0,
            here.run.plan,
            payload,
            inputs,
            one.args or "",
            place.node,
            item,
            one.phase or "",
            self.now - (one.ready if one.ready is not None else self.now),
            self.now - (one.since or 0),
        )

    def succeed(self, token: Token, result: str, *, by: str, request: str | None = None) -> Succeed:
        """Record the result (JSON) and release what waited for it."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Succeed(Code.NO_RUN)
        if refusal := here.refused(token, request, "success", Succeed):
            return refusal
        here.let_go(token.task)
        here.done(token.task, TaskState.SUCCESS, result, by)
        here.emit(EventType.TASK_SUCCEEDED, token.task, token.attempt, here.outcome, result)
        here.close(by)
        return here.remember(token.task, request, Succeed(Code.OK, tuple(here.released)))

    def skip(self, token: Token, *, why: str = "", by: str, request: str | None = None) -> Skip:
        """Record that the task's condition was false."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Skip(Code.NO_RUN)
        if refusal := here.refused(token, request, "skipped", Skip):
            return refusal
        here.let_go(token.task)
        here.done(token.task, TaskState.SKIPPED, "null", by)
        told = {"why": why} if why else {}
        here.emit(EventType.TASK_SKIPPED, token.task, token.attempt, {**told, **here.outcome})
        here.close(by)
        return here.remember(token.task, request, Skip(Code.OK, tuple(here.released)))

    def expand(
        self, token: Token, items: Sequence[str], *, window: int = MAX_WINDOW, by: str, request: str | None = None
    ) -> Expand:
        """Give each item (JSON; at least one) of a map a task of its own; at most `window` are released at a time."""
        if not items:
            return Expand(Code.OK)
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Expand(Code.NO_RUN)
        if refusal := here.refused(token, request, "expanded", Expand):
            return refusal
        run, map = here.run, here.task(token.task)
        if token.task >= run.tasks_total or map.phase is not None:
            return Expand(Code.STALE)
        run.items.update({(token.task, place): item for place, item in enumerate(items)})
        count, kept = len(items), 0
        same = [each for each in run.maps if (each.node, each.size) == (token.task, count)]
        if same:  # a restored run has kept what they gave
            base, kept = same[-1].base, map.kept or 0
        else:
            base = run.nodes if run.size is None else run.size
            run.maps.append(Items(token.task, base, count))
            run.size = base + count
        here.let_go(token.task)
        run.left += count - kept
        map.state, map.phase, map.next, map.open = TaskState.EXPANDED, f"{base}:{count}", 0, count - kept
        if map.open:
            here.release_items(token.task, min(window, MAX_WINDOW), by)
        else:
            here.release(token.task, by)
        here.emit(EventType.TASK_EXPANDED, token.task, token.attempt, {"base": base, "count": count, **here.outcome})
        here.close(by)
        return here.remember(token.task, request, Expand(Code.OK, tuple(here.released)))

    def spawn(
        self,
        token: Token,
        child: str,
        plan: str,
        payload: str,
        definition: str,
        *,
        by: str,
        request: str | None = None,
    ) -> Spawn:
        """Start the run `child` (of the same partition), which ends the task as it ends itself."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Spawn(Code.NO_RUN)
        if refusal := here.refused(token, request, "spawned", Spawn):
            return refusal
        if any(each not in here.partition.plans for each in plans_of(here.partition, plan)):
            return Spawn(Code.NO_PLAN)
        task = here.task(token.task)
        here.let_go(token.task)
        task.state, task.child = TaskState.EXPANDED, child
        here.run.subs[child] = self.now
        here.emit(EventType.TASK_SPAWNED, token.task, token.attempt, {"run": child, "definition": definition})
        here.close(by)
        about = {"definition": definition, "parent": {"run": token.run, "task": token.task}}
        parent = Member(token.run, token.task)
        started = create(here.partition, self.now, child, plan, payload, by, parent=parent, about=about)
        return here.remember(token.task, request, Spawn(Code.OK, tuple(started.items)))

    def ask(
        self, token: Token, info: Mapping[str, Any], *, timeout: float | None = None, request: str | None = None
    ) -> Ask:
        """Let the task wait for a person's decision, for `timeout` seconds at most."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Ask(Code.NO_RUN)
        if refusal := here.refused(token, request, "asked", Ask):
            return refusal
        here.let_go(token.task)
        here.task(token.task).state = TaskState.AWAITING_INPUT
        here.partition.timers.pop(Member(token.run, token.task), None)
        told = dict(info)
        if timeout:
            told["due"] = here.partition.timers[Member(token.run, token.task)] = self.now + round(timeout * 1000)
        here.emit(EventType.TASK_ASKED, token.task, token.attempt, told)
        here.close()
        return here.remember(token.task, request, Ask(Code.OK))

    def fail(self, token: Token, info: Mapping[str, Any], *, by: str, request: str | None = None) -> Fail:
        """Record the final error."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Fail(Code.NO_RUN)
        if refusal := here.refused(token, request, "error", Fail):
            return refusal
        here.let_go(token.task)
        here.failed(token.task, token.attempt, info, json.dumps(info), by)
        here.close(by)
        return here.remember(token.task, request, Fail(Code.OK, tuple(here.released)))

    def retry(
        self,
        token: Token,
        delay: float,
        info: Mapping[str, Any],
        *,
        by: str,
        args: str = "",
        request: str | None = None,
    ) -> Retry:
        """Record that the attempt failed and is due again in `delay` seconds."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Retry(Code.NO_RUN)
        if refusal := here.refused(token, request, "retry", Retry):
            return refusal
        due = self.now + max(0, round(delay * 1000))
        task = here.task(token.task)
        here.let_go(token.task)
        task.retries = (task.retries or 0) + 1
        task.args = args or task.args
        if here.is_native(token.task):
            task.state = TaskState.RETRYING
        elif due > self.now:
            task.state = TaskState.RETRYING
            here.partition.timers[Member(token.run, token.task)] = due
        else:
            here.release(token.task, by)
        told = {**info, "due": due, "retries": task.retries, **here.outcome}
        here.emit(EventType.TASK_RETRYING, token.task, token.attempt, told)
        here.close()
        return here.remember(token.task, request, Retry(Code.OK, due, tuple(here.released)))

    def renew(self, token: Token) -> Renew:
        """Prolong the attempt's lease."""
        here = self._find(token.run)
        if here is None:
            return Renew(Code.NO_RUN)
        if here.is_stopped(token.task):
            return Renew(Code.CANCELED)
        task = here.peek(token.task)
        present = (here.run.epoch, task.state, task.attempt)
        if present != (token.epoch, TaskState.RUNNING, token.attempt):
            return Renew(Code.STALE)
        here.partition.leases[Member(token.run, token.task)] = self.now + self._lease
        return Renew(Code.OK)

    def log(self, token: Token, lines: Sequence[tuple[int, str, str]], *, request: str | None = None) -> None:
        """Append captured output."""
        here, request = self._find(token.run), request or request_id()
        if here and here.peek(token.task).logged != request:
            here.task(token.task).logged = request
            here.emit(EventType.TASK_LOG, token.task, token.attempt, {"lines": [list(line) for line in lines]})

    def lose(self, token: Token, *, sure: bool, counts: bool, why: str, by: str, request: str | None = None) -> Lose:
        """Take the task from an owner that is gone."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Lose(Code.NO_RUN)
        if not sure and here.partition.leases.get(Member(token.run, token.task), -1) >= self.now:
            return Lose(Code.ALIVE)
        if refusal := here.refused(token, request, "lost", Lose):
            return refusal
        task = here.task(token.task)
        task.losses = (task.losses or 0) + counts
        native = here.is_native(token.task)
        requeued = task.losses < self.settings.max_lost or native
        told = {"worker": task.worker, "pid": task.pid, "why": why, "losses": task.losses, "requeued": requeued}
        here.let_go(token.task)
        here.emit(EventType.TASK_LOST, token.task, token.attempt, told)
        if native:
            task.state = TaskState.QUEUED
        elif requeued:
            here.release(token.task, by)
        else:
            text = f"The worker process died under this task {task.losses} times; last: {why}"
            info = {"exception": text, "type": "TaskPoisoned", "reason": "lost"}
            here.failed(token.task, token.attempt, info, json.dumps(info, separators=(",", ":")), by)
        here.close(by)
        return here.remember(token.task, request, Lose(Code.OK, tuple(here.released)))

    # --- loops: one partition at a time

    def promote(self, partition: int, *, by: str, limit: int = 100) -> tuple[tuple[Item, ...], int]:
        """Queue what is due; also when the next one is due, in ms (0: nothing waits)."""
        return loops.promote(self._partitions[partition], self.now, limit, by)

    def advance(self, partition: int, *, by: str, run: str = "") -> tuple[tuple[Item, ...], int]:
        """Go on with a wide release; also how many portions are left."""
        return loops.advance(self._partitions[partition], self.now, run, by)

    def beat(self, partition: int, worker: str, info: Mapping[str, Any], *, leaving: bool = False) -> None:
        """A worker's sign of life."""
        here = self._partitions[partition]
        here.workers[worker] = self.now - 1 if leaving else self.now + self._lease
        said = here.about.get(worker)
        here.about[worker] = About(json.dumps(info) if info else said.info if said else None, self.now)

    def sweep(self, partition: int, *, limit: int = 100) -> tuple[list[LostAttempt], list[GoneWorker]]:
        """Attempts without an owner, and workers that are gone."""
        found, gone = loops.sweep(self._partitions[partition], self.now, limit)
        attempts = [LostAttempt(*each) for each in found]
        return attempts, [GoneWorker(name, json.loads(about.info or "{}"), about.beat or 0) for name, about in gone]

    def redispatch(self, partition: int, *, limit: int = 100) -> tuple[Item, ...]:
        """Released tasks that have waited too long for their message."""
        after = round(self.settings.redispatch_after * 1000)
        return loops.Redispatch(self._partitions[partition], self.now, limit).overdue(after)

    def redispatch_of(
        self,
        partition: int,
        by: str,
        *,
        since: int = 0,
        heads: Mapping[str, int] | None = None,
        limit: int = 500,
    ) -> tuple[Item, ...]:
        """What a dead worker (or pool process) released since `since` (ms) or may have fetched from `heads`."""
        look = loops.Redispatch(self._partitions[partition], self.now, limit)
        return look.of_the_dead(by, since, heads or {})
