"""The verbs about a run as a whole, as the reference engine does them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from umbel.engine.calls import Cancel, Decide, Launch, Pause, Resume
from umbel.engine.engine import request_id
from umbel.engine.portions import Kept, KeptMap, portions
from umbel.engine.reference_create import create, hold, let_go, new_run, put, set_deadline
from umbel.engine.reference_reader import ReferenceReader
from umbel.engine.reference_run import UNDER_WAY, OpenRun, find
from umbel.engine.reference_state import How, Items, Member, Partition, Portion, Run
from umbel.machine import Code, EventType, RunState, TaskState
from umbel.plan.model import Plan


@dataclass(frozen=True)
class Wanted:
    """What a restored run shall be."""

    run: str
    plan: Plan
    payload: str
    epoch: int
    seq: int
    state: str
    parent: Member | None
    size: int
    maps: Sequence[KeptMap]
    info: Mapping[str, Any]
    request: str


class Control(ReferenceReader):
    """What people and servers do to runs."""

    def launch(self, run: str, plan: Plan, payload: str, *, by: str, request: str | None = None) -> Launch:
        """Create the run unless it exists."""
        partition, request = self._of(run), request or request_id()
        if known := partition.runs.get(run):
            again = known.answer if known.request == request else Launch(Code.EXISTS)
            return again if isinstance(again, Launch) else Launch(Code.EXISTS)
        if not put(partition, plan):
            return Launch(Code.NO_PLAN)
        here = create(partition, self.now, run, plan.hash, payload, by)
        here.run.request = request
        answer = here.run.answer = Launch(Code.OK, tuple(here.released))
        return answer

    def cancel(self, run: str, *, info: Mapping[str, Any] | None = None, request: str | None = None) -> Cancel:
        """End the run; what has not finished counts as canceled."""
        here, request = self._find(run), request or request_id()
        if here is None:
            return Cancel(Code.NO_RUN)
        if here.run.cancel_request == request:
            return Cancel(Code.OK)
        if here.run.stopped or here.run.left == 0:
            return Cancel(Code.FINISHED)
        here.run.cancel_request = request
        if here.run.state in UNDER_WAY:
            here.run.state = RunState.CANCELED
            here.emit(EventType.RUN_CANCELED, data=info)
        else:
            here.emit(EventType.RUN_STOPPED, data=info)
        here.stop()
        here.close()
        return Cancel(Code.OK)

    def pause(self, run: str, *, info: Mapping[str, Any] | None = None) -> Pause:
        """Let nothing new of the run begin."""
        here = self._find(run)
        if here is None:
            return Pause(Code.NO_RUN)
        if here.run.stopped or here.run.left == 0:
            return Pause(Code.FINISHED)
        if not here.run.paused:
            here.run.paused = True
            here.emit(EventType.RUN_PAUSED, data=info)
        return Pause(Code.OK)

    def resume(self, run: str, *, info: Mapping[str, Any] | None = None) -> Resume:
        """Let the run go on; `advance` gives the tasks to publish."""
        here = self._find(run)
        if here is None:
            return Resume(Code.NO_RUN)
        if here.run.stopped or here.run.left == 0:
            return Resume(Code.FINISHED)
        if here.run.paused:
            here.run.paused = False
            if here.run.parked:
                here.partition.cursors[run] = self.now
            here.emit(EventType.RUN_RESUMED, data=info)
        return Resume(Code.OK)

    def decide(
        self, run: str, task: int, *, approved: bool, info: Mapping[str, Any], by: str, request: str | None = None
    ) -> Decide:
        """Approve or reject what waits for a person."""
        here, request = self._find(run), request or request_id()
        if here is None:
            return Decide(Code.NO_RUN)
        one = here.peek(task)
        if one.request == request and isinstance(one.answer, Decide):
            return one.answer
        if here.run.stopped:
            return Decide(Code.CANCELED)
        if one.state is not TaskState.AWAITING_INPUT:
            return Decide(Code.NOT_ASKED)
        here.partition.timers.pop(Member(run, task), None)
        text = json.dumps(info)
        if approved:
            here.done(task, TaskState.SUCCESS, text, by)
            here.emit(EventType.TASK_SUCCEEDED, task, one.attempt, here.outcome, text)
        else:
            here.failed(task, one.attempt, info, text, by)
        here.close(by)
        return here.remember(task, request, Decide(Code.OK, tuple(here.released)))

    # --- a new epoch

    def restore(
        self,
        run: str,
        plan: Plan,
        payload: str,
        *,
        epoch: int,
        seq: int,
        state: str,
        tasks: Iterable[Kept],
        maps: Sequence[KeptMap] = (),
        size: int | None = None,
        parent: str = "",
        info: Mapping[str, Any] | None = None,
        request: str | None = None,
    ) -> Code:
        """Begin epoch `epoch` of a run, which must be settled or unknown here."""
        starter, _, index = parent.rpartition(":")
        wanted = Wanted(
            run,
            plan,
            payload,
            epoch,
            seq,
            state,
            Member(starter, int(index)) if parent else None,
            max(size or 0, len(plan.nodes)),
            maps,
            info or {},
            request or request_id(),
        )
        code = Code.OK
        for part, (some, last) in enumerate(portions(tasks)):
            code = self.restore_portion(wanted, part, [Kept(*each) for each in json.loads(some)], last)
            if code is not Code.OK:
                break
        return code

    def restore_portion(self, wanted: Wanted, part: int, tasks: Sequence[Kept], last: bool) -> Code:
        """One call of it: until the last, nobody sees the run."""
        partition, known = self._of(wanted.run), self._of(wanted.run).runs.get(wanted.run)
        if known:
            same = (known.restore_request, known.epoch) == (wanted.request, wanted.epoch)
            if same and part <= (known.restore_part or 0):
                return Code.OK
            if known.epoch > wanted.epoch or (known.epoch == wanted.epoch and not known.restoring):
                return Code.EXISTS
        if part == 0:
            if known and not known.restoring and not known.settled:
                return Code.LIVE
            if not put(partition, wanted.plan):
                return Code.NO_PLAN
            if known is None or known.forgotten:
                hold(partition, wanted.plan.hash)
            known = self._begin_epoch(wanted, known)
        elif (
            known is None
            or not known.restoring
            or known.restore_request != wanted.request
            or part != (known.restore_part or 0) + 1
        ):
            return Code.STALE
        known.restore_part = part
        for task in tasks:
            self._keep(partition, known, task)
        if last:
            known.restoring, known.state = False, RunState(wanted.state)
            known.work.append(Portion(-1, 0, How.GOOD))
            set_deadline(partition, known, self.now)
            partition.cursors[known.id] = self.now
            told = {"epoch": wanted.epoch, **wanted.info}
            OpenRun(partition, known, self.now).emit(EventType.RUN_RESTORED, data=told)
        return Code.OK

    def _begin_epoch(self, wanted: Wanted, before: Run | None) -> Run:
        partition = self._of(wanted.run)
        partition.cursors.pop(wanted.run, None)
        run = new_run(partition, wanted.run, wanted.plan.hash, wanted.payload, wanted.parent)
        run.epoch, run.seq = wanted.epoch, max(wanted.seq, before.seq if before else 0)
        run.restoring, run.restore_request, run.size = True, wanted.request, wanted.size
        if before:
            run.subs = before.subs
        for each in wanted.maps:
            run.maps.append(Items(each.node, each.base, each.size))
            OpenRun(partition, run, self.now).task(each.node).kept = each.kept
        partition.runs[wanted.run] = run
        return run

    def _keep(self, partition: Partition, run: Run, kept: Kept) -> None:
        """How one task stands when the new epoch begins."""
        task = OpenRun(partition, run, self.now).task(kept.task)
        if kept.attempt:
            task.attempt = kept.attempt
        own = kept.task < run.tasks_total
        if kept.state == "" or (kept.state == TaskState.EXPANDED and not own):
            return
        if kept.state == TaskState.QUEUED:
            run.hooks += 1
            run.work.append(Portion(kept.task, 0, How.HOOK))
            return
        task.state = TaskState(kept.state)
        if task.state is TaskState.EXPANDED:
            task.child = kept.result
            if kept.child_state:
                task.child_state, task.child_result = kept.child_state, kept.child_result
                partition.timers[Member(run.id, kept.task)] = self.now
                return
            run.subs[kept.result] = self.now
            child = find(partition, kept.result, self.now)
            if child and child.run.settled:
                child.tell_parent()
            return
        if kept.result:
            (run.errors if task.state is TaskState.ERROR else run.results)[kept.task] = kept.result
        if own:
            run.left -= 1
            good = task.state in (TaskState.SUCCESS, TaskState.SKIPPED)
            run.work.append(Portion(kept.task, 0, How.GOOD if good else How.BAD))

    # --- the end

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
            run.parked.clear()
            run.subs.clear()
            self._of(id).cursors.pop(id, None)
            let_go(self._of(id), run.plan)
        return total

    def drop(self, run: str, epoch: int, seq: int) -> Code:
        """Take out a run that has not come as far as the history."""
        partition = self._of(run)
        known = partition.runs.get(run)
        if known is None:
            return Code.NO_RUN
        if (known.epoch, known.seq) >= (epoch, seq):
            return Code.EXISTS
        del partition.runs[run]
        partition.cursors.pop(run, None)
        partition.deadlines.pop(run, None)
        for worker in partition.workers:
            held = partition.held.get(worker, {})
            for member in [each for each in held if each.run == run]:
                del held[member]
        if not known.forgotten:
            let_go(partition, known.plan)
        return Code.OK
