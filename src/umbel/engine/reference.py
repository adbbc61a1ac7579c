"""The engine in memory: the same verbs, replies and events as the Lua scripts, written again from the rules.

It is what the scripts are tested against, step by step and key by key, and what tests and simulations can use instead
of a store. Its clock is `now`, which only its user moves. One thread at a time.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from umbel.engine import reference_loops as loops
from umbel.engine.calls import Cancel, Claim, Fail, Launch, Lose, Renew, Retry, Skip, Succeed
from umbel.engine.engine import GoneWorker, LostAttempt, Token, request_id
from umbel.engine.keys import partition_of
from umbel.engine.reference_run import OpenRun
from umbel.engine.reference_state import About, Member, Partition, Run, StoredPlan
from umbel.engine.snapshot import Snapshot
from umbel.engine.wire import Item
from umbel.events import EventRecord
from umbel.machine import Code, EventType, RunState, TaskState
from umbel.plan.model import Node, Plan
from umbel.settings import Settings

MAX_INPUTS = 500
"""A wider join reads its inputs in pieces, after the claim."""


class Reference:
    """Has the methods of `engine.Engine`, which say what each is for.

    Args:
        settings: lease, max_lost, redispatch_after and partitions are used.
        now: its clock, ms; move it by setting `now`.
    """

    def __init__(self, settings: Settings, now: int = 0) -> None:
        self.settings = settings
        self.now = now
        self._partitions = [Partition() for _ in range(settings.partitions)]
        self._lease = round(settings.lease * 1000)

    @classmethod
    def open(cls, settings: Settings) -> "Reference":
        """An empty engine."""
        return cls(settings)

    def close(self) -> None:
        """Nothing to give back."""

    def ping(self) -> None:
        """It is always there."""

    def partition(self, run: str) -> int:
        """Where the run lives."""
        return partition_of(run, self.settings.partitions)

    @property
    def partitions(self) -> range:
        """All partitions."""
        return range(self.settings.partitions)

    def snapshot(self, partition: int = 0) -> Snapshot:
        """Everything in a partition, as `engine.snapshot.snapshot` reads it from Redis."""
        return self._partitions[partition].snapshot()

    def copy(self) -> "Reference":
        """An independent engine in the same state: for a search through what may happen next."""
        other = Reference(self.settings, self.now)
        other._partitions = [partition.copy() for partition in self._partitions]
        return other

    def expire(self) -> None:
        """Let everything go that has a TTL."""
        for partition in self._partitions:
            for run in [run for run in partition.runs.values() if run.forgotten]:
                self.vanish(run.id)
            partition.plans = {hash: plan for hash, plan in partition.plans.items() if not plan.expires}
            partition.about = {worker: about for worker, about in partition.about.items() if about.beat is None}

    def vanish(self, run: str) -> None:
        """Lose a run's keys, as a store without persistence may."""
        self._of(run).runs.pop(run, None)

    def _of(self, run: str) -> Partition:
        return self._partitions[self.partition(run)]

    def _find(self, run: str) -> OpenRun | None:
        known = self._of(run).runs.get(run)
        return OpenRun(self._of(run), known, self.now) if known else None

    # --- starting and ending a run

    def launch(self, run: str, plan: Plan, payload: str, *, by: str, request: str | None = None) -> Launch:
        """Create the run unless it exists."""
        partition, request = self._of(run), request or request_id()
        if known := partition.runs.get(run):
            again = known.answer if known.request == request else Launch(Code.EXISTS)
            return again if isinstance(again, Launch) else Launch(Code.EXISTS)
        stored = partition.plans.setdefault(plan.hash, StoredPlan.of(plan))
        stored.runs, stored.expires = (stored.runs or 0) + 1, False
        partition.runs[run] = Run(run, plan.hash, payload, left=plan.tasks, tasks_total=plan.tasks, request=request)
        here = OpenRun(partition, partition.runs[run], self.now)
        here.tell_dependents(-1, by, good=True)
        here.emit(EventType.RUN_LAUNCHED, data={"plan": plan.hash, "n": plan.tasks, **here.outcome})
        here.close(by)
        answer = here.run.answer = Launch(Code.OK, tuple(here.released))
        return answer

    def cancel(self, run: str, *, info: Mapping[str, Any] | None = None, request: str | None = None) -> Cancel:
        """End the run; what has not finished counts as canceled."""
        here, request = self._find(run), request or request_id()
        if here is None:
            return Cancel(Code.NO_RUN)
        if here.run.cancel_request == request:
            return Cancel(Code.OK)
        if here.run.state not in (RunState.PENDING, RunState.RUNNING):
            return Cancel(Code.FINISHED)
        here.run.state, here.run.cancel_request = RunState.CANCELED, request
        here.run.work.clear()
        here.partition.cursors.pop(run, None)
        here.emit(EventType.RUN_CANCELED, data=info)
        here.close()
        return Cancel(Code.OK)

    def forget(self, runs: Iterable[str]) -> int:
        """Let the keys of settled runs expire; how many that were."""
        total = 0
        for id in runs:
            run = self._of(id).runs.get(id)
            if run is None or not run.settled or run.forgotten:
                continue
            total += 1
            run.forgotten = True
            run.work.clear()
            self._of(id).cursors.pop(id, None)
            plan = self._of(id).plans[run.plan]
            plan.runs = (plan.runs or 0) - 1
            plan.expires = plan.runs <= 0
        return total

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
        if here.run.state is RunState.CANCELED:
            waiting.pop(member, None)
            return Claim(Code.CANCELED)
        if here.run.epoch != epoch:
            return Claim(Code.STALE)
        one = here.peek(task)
        if one.state is not TaskState.RUNNING or one.request != request:
            if one.state is not TaskState.QUEUED:
                return Claim(Code.NOT_QUEUED)
            one.state, one.attempt = TaskState.RUNNING, (one.attempt or 0) + 1
            one.worker, one.pid, one.request, one.answer = worker, pid, request, None
            waiting.pop(member, None)
            marks = here.partition.queues[here.queue(task)]
            marks.claimed = self.now
            if in_turn:
                marks.passed = max(marks.passed, one.ready or 0)
            here.partition.leases[member] = self.now + self._lease
            here.partition.held.setdefault(worker, {})[member] = (pid, epoch, one.attempt)
            here.run.live += 1
            if here.run.state is RunState.PENDING:
                here.run.state = RunState.RUNNING
            told = {"worker": worker, "pid": pid, "queued_at": one.ready, "retries": one.retries or 0, "epoch": epoch}
            here.emit(EventType.TASK_STARTED, task, one.attempt, told)
        needs = here.needs(task)
        inputs = "" if len(needs) > MAX_INPUTS else f"[{','.join(self._results(here.run, needs))}]"
        about = (here.run.plan, here.run.payload, inputs, one.args or "")
        return Claim(Code.OK, one.attempt or 0, one.retries or 0, *about)

    def inputs(self, run: str, task: int, plan: str, *, portion: int = 500) -> list[str]:
        """The results (JSON) that a task waits for, in definition order."""
        stored, known = self._of(run).plans.get(plan), self._of(run).runs.get(run)
        needs = stored.plan.nodes[task].needs if stored else ()
        return self._results(known, needs)

    def _results(self, run: Run | None, needs: Sequence[int]) -> list[str]:
        return [run.results.get(need, "null") if run else "null" for need in needs]

    def succeed(self, token: Token, result: str, *, by: str, request: str | None = None) -> Succeed:
        """Record the result (JSON) and release what waited for it."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Succeed(Code.NO_RUN)
        if refusal := here.refused(token, request, "success", Succeed):
            return refusal
        here.done(token.task, TaskState.SUCCESS, result, by)
        here.emit(EventType.TASK_SUCCEEDED, token.task, token.attempt, here.outcome, result)
        here.close(by)
        return here.remember(token.task, request, Succeed(Code.OK, tuple(here.released)))

    def skip(self, token: Token, *, by: str, request: str | None = None) -> Skip:
        """Record that the task's condition was false."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Skip(Code.NO_RUN)
        if refusal := here.refused(token, request, "skipped", Skip):
            return refusal
        here.done(token.task, TaskState.SKIPPED, "null", by)
        here.emit(EventType.TASK_SKIPPED, token.task, token.attempt, here.outcome)
        here.close(by)
        return here.remember(token.task, request, Skip(Code.OK, tuple(here.released)))

    def fail(self, token: Token, info: Mapping[str, Any], *, by: str, request: str | None = None) -> Fail:
        """Record the final error."""
        here, request = self._find(token.run), request or request_id()
        if here is None:
            return Fail(Code.NO_RUN)
        if refusal := here.refused(token, request, "error", Fail):
            return refusal
        here.let_go(token.task)
        here.failed(token.task, token.attempt, info, by)
        here.close()
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
        if due > self.now:
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
        if here.run.state is RunState.CANCELED:
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
        requeued = task.losses < self.settings.max_lost
        told = {"worker": task.worker, "pid": task.pid, "why": why, "losses": task.losses, "requeued": requeued}
        here.let_go(token.task)
        here.emit(EventType.TASK_LOST, token.task, token.attempt, told)
        if requeued:
            here.release(token.task, by)
        else:
            text = f"The worker process died under this task {task.losses} times; last: {why}"
            info = {"exception": text, "type": "TaskPoisoned", "reason": "lost"}
            here.failed(token.task, token.attempt, info, by)
        here.close()
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
        here.about[worker] = About(json.dumps(info), self.now)

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

    # --- reading

    def held(self, worker: str) -> list[tuple[int, Token]]:
        """What a worker holds now: (pid, token) each."""
        return [
            (pid, Token(member.run, member.task, epoch, attempt))
            for partition in self._partitions
            for member, (pid, epoch, attempt) in partition.held.get(worker, {}).items()
        ]

    def workers(self) -> list[dict[str, Any]]:
        """What the workers that are alive said of themselves, with `worker`, `beat` (ms) and `alive_until` (ms)."""
        here = self._partitions[0]
        rows: list[dict[str, Any]] = []
        for until, worker in sorted((until, worker) for worker, until in here.workers.items()):
            about = here.about.get(worker, About())
            said = json.loads(about.info or "{}")
            rows.append({**said, "worker": worker, "beat": about.beat or 0, "alive_until": until})
        return rows

    def node(self, partition: int, plan: str, index: int) -> Node:
        """A node (without its `needs`) of a plan that a live run uses.

        Raises:
            KeyError: the plan is not there.
        """
        nodes = self._partitions[partition].plans[plan].plan.nodes
        if not 0 <= index < len(nodes):
            raise KeyError(f"plan {plan} has no node {index}")
        return replace(nodes[index], needs=())

    def knows(self, runs: Sequence[str]) -> list[bool]:
        """For each run, whether it is there."""
        return [run in self._of(run).runs for run in runs]

    def item(self, token: Token, index: int) -> Item:
        """What a dispatcher needs to publish task `index` of the token's run."""
        run = self._of(token.run).runs.get(token.run)
        return Item(token.run, index, token.epoch, run.plan if run else "")

    # --- the event stream

    def read_events(self, partition: int, after: str, count: int, block_ms: int) -> list[tuple[str, EventRecord]]:
        """Up to `count` events after id `after` ("0-0": all); never waits."""
        here = self._partitions[partition]
        start = max(0, int(after.partition("-")[0]) - here.trimmed)
        some = here.events[start : start + count]
        return [(f"{here.trimmed + start + place + 1}-0", event) for place, event in enumerate(some)]

    def trim_events(self, partition: int, upto: str) -> None:
        """Drop the events before id `upto`."""
        here = self._partitions[partition]
        drop = max(0, int(upto.partition("-")[0]) - 1 - here.trimmed)
        del here.events[:drop]
        here.trimmed += drop
