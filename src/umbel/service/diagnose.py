"""Why a run failed, or why it waits: computed from the history and the state store, never guessed."""

from collections.abc import Iterator
from typing import Any

from umbel.machine import RunState, TaskState
from umbel.service.blame import file_line
from umbel.service.fit import fit
from umbel.service.models import AttemptNote, Diagnosis, RootCause, SuggestedAction
from umbel.service.phrases import first_line, listed, seconds, tasks
from umbel.service.reading import is_there, require
from umbel.service.umbel import Umbel
from umbel.service.why import Why
from umbel.store import AttemptRow, RunRow, TaskRow


def diagnose(umbel: Umbel, run_id: str) -> Diagnosis:
    """The diagnosis of a run, whatever its state.

    Raises:
        RunNotFound: there is no such run.
        HistoryUnavailable: the database does not answer.
    """
    run = require(umbel, run_id)
    case = _case(umbel, run)
    match run.state:
        case RunState.ERROR:
            full = case.failed()
        case RunState.SUCCESS:
            full = case.succeeded()
        case RunState.CANCELED:
            full = case.canceled()
        case _:
            full = case.live()
    return fit(full)


def _case(umbel: Umbel, run: RunRow) -> "Case":
    names = umbel.names(run.plan_hash, run.maps)
    own = len(names.plan.nodes)
    failed = names.find(run.failed_task) if run.failed_task else None
    rows = {row.idx: row for row in umbel.store.tasks(run.id, below=own)} if run.last_seq else {}
    attempts = umbel.store.attempts(run.id, below=own) if run.last_seq else []
    if failed is not None and failed >= own:  # an item of a map
        rows |= {row.idx: row for row in umbel.store.tasks(run.id, first=failed, below=failed + 1)}
        attempts += umbel.store.attempts(run.id, failed)
    return Case(umbel, run, names, rows, attempts)


class Case(Why):
    """Everything that is known of one run, and what is to be said of it."""

    def failed(self) -> Diagnosis:
        """An error, and all that it kept from running."""
        row = self._culprit()
        if row is None:
            error = first_line(self.run.error) if self.run.error else "no reason was recorded"
            return self._diagnosis(
                f"The run failed: {error}.",
                waiting=[each.note for each in self.all()],
                suggested_actions=self._again(),
            )
        tries = [each for each in self.attempts if each.idx == row.idx]
        count = f" on attempt {len(tries)}" if len(tries) > 1 else ""
        kind = f"{row.error_type}: " if row.error_type else ""
        blocked = sum(state is TaskState.UPSTREAM_FAILED for state in self.states)
        never = f"; {tasks(blocked)} never ran" if blocked else ""
        cause, sub = self._cause(row), _is_sub(row)
        return self._diagnosis(
            f"{row.key} failed{count}: {kind}{first_line(row.exception)}{never}.",
            root_cause=cause,
            attempts=[self._note(each) for each in tries],
            chain=list(self._chain()),
            waiting=[each.note for each in self.all()],
            suggested_actions=[
                *([_action("diagnose_run", "why the run that it started failed", run_id=row.child)] if sub else []),
                _action(
                    "get_task_logs",
                    "what it wrote before it failed",
                    run_id=cause.run_id or self.run.id,
                    key=cause.task,
                ),
                *self._again(),
            ],
        )

    def _culprit(self) -> TaskRow | None:
        index = self.names.find(self.run.failed_task or "")
        return self.rows.get(index) if index is not None else None

    def _cause(self, row: TaskRow) -> RootCause:
        """Of a task that failed because the run that it has started did: the cause that is found there."""
        child = self.umbel.store.run(row.child) if _is_sub(row) and row.child else None
        inner = _case(self.umbel, child) if child is not None else None
        culprit = inner._culprit() if inner is not None else None
        if inner is not None and culprit is not None:
            cause = inner._cause(culprit)
            return cause if cause.run_id else cause.model_copy(update={"run_id": inner.run.id})
        tries = [each.attempt for each in self.attempts if each.idx == row.idx]
        return RootCause(
            task=row.key,
            attempt=tries[-1] if tries else None,
            type=row.error_type or None,
            message=row.exception or "",
            file_line=file_line(row.traceback, self.umbel.settings.home),
        )

    def _again(self) -> list[SuggestedAction]:
        """How to go on once the cause is mended: in the same run if that can be done."""
        if self.plan.engine == "canvas" or self.run.parent_run is not None:
            again = self.run.root_run or self.run.id
            return [_action("relaunch_run", "same payload again, once the cause is mended", run_id=again)]
        return [
            _action("retry_run", "see what would run again, to go on in this run", run_id=self.run.id, preview=True),
            _action("relaunch_run", "same payload again, once the cause is mended", run_id=self.run.id),
        ]

    def succeeded(self) -> Diagnosis:
        """Nothing to explain, but what it took."""
        retries = f" after {self.run.retries} {'retry' if self.run.retries == 1 else 'retries'}" * bool(
            self.run.retries
        )
        total = self.run.tasks_total
        done = "its task is done" if total == 1 else f"all {tasks(total)} are done"
        tries = [each for each in self.attempts if each.outcome in ("retrying", "lost", "fenced", "error")]
        return self._diagnosis(
            f"Succeeded in {self._lasted()}{retries}: {done}.",
            attempts=[self._note(each) for each in tries],
        )

    def canceled(self) -> Diagnosis:
        """Who was stopped."""
        done = f"{self.run.tasks_done} of {tasks(self.run.tasks_total)} had finished"
        return self._diagnosis(
            f"Canceled after {self._lasted()}; {done}.",
            chain=[
                f"{node.key} did not finish: the run was canceled"
                for node, state in zip(self.plan.nodes, self.states, strict=True)
                if state is TaskState.CANCELED and is_there(node, self.rows)
            ],
            suggested_actions=[_action("relaunch_run", "start it again with the same payload", run_id=self.run.id)],
        )

    def live(self) -> Diagnosis:
        """What it waits for."""
        if (not_begun := self.not_begun()) is not None:
            actions = [self._wait()]
            if self.run.held:
                live = {"definition": self.run.definition, "status": ["running"]}
                actions.append(_action("list_runs", "see which are live", **live))
            return self._diagnosis(f"{not_begun}.", suggested_actions=actions)
        waiting = sorted(self.all(), key=lambda each: each.rank)
        verdict = f"{waiting[0].task}: {waiting[0].reason.text}" if waiting else "Its last task has just ended"
        actions = [self._wait()]
        for each in waiting:
            if each.reason.kind == "asked":
                decide = _action("approve_task", "if a person says so", run_id=self.run.id, key=each.task)
                actions.insert(0, decide)
        paused = ""
        if self.run.paused:
            paused = "Paused: nothing new begins. "
            actions.insert(0, _action("resume_run", "let it go on", run_id=self.run.id))
        if any(each.reason.kind == "no worker" for each in waiting):
            actions.insert(0, _action("list_workers", "start one that listens on the queue"))
        in_question = {each.task for each in waiting if each.reason.kind != "needs"}
        done = f"{self.run.tasks_done} of {tasks(self.run.tasks_total)} done"
        return self._diagnosis(
            f"{paused}Runs for {self._lasted()}, {done}. {verdict}.",
            waiting=[each.note for each in waiting],
            attempts=[
                self._note(each)
                for each in self.attempts
                if each.outcome != "running" and self.names.key(each.idx) in in_question
            ],
            suggested_actions=actions,
        )

    def _diagnosis(self, verdict: str, **parts: Any) -> Diagnosis:
        return Diagnosis(run_id=self.run.id, state=self.run.state, verdict=verdict, **parts)

    def _wait(self) -> SuggestedAction:
        return _action("wait_for_run", "see how it ends", run_id=self.run.id, timeout=30)

    def _lasted(self) -> str:
        return seconds((self.run.finished_at or self.now) - (self.run.started_at or self.run.created_at))

    def _note(self, row: AttemptRow) -> AttemptNote:
        ran = (row.finished_at - row.started_at) / 1000 if row.started_at and row.finished_at else None
        return AttemptNote(
            task=self.names.key(row.idx),
            attempt=row.attempt,
            outcome=row.outcome,  # type: ignore[arg-type]
            ran=None if ran is None else round(ran, 1),
            wait=None if row.countdown is None else round(row.countdown, 1),
            error=first_line(row.exception) if row.exception else None,
        )

    def _chain(self) -> Iterator[str]:
        """Each task that can never run, with the nearest reasons."""
        for node, state in zip(self.plan.nodes, self.states, strict=True):
            if state is TaskState.UPSTREAM_FAILED:
                failed = [
                    self.plan.nodes[need].key
                    for need in node.needs
                    if self.states[need] in (TaskState.ERROR, TaskState.UPSTREAM_FAILED)
                ]
                yield f"{node.key} never ran: needs {listed(failed)}"


def _is_sub(row: TaskRow) -> bool:
    """Whether the task failed because the run that it has started did."""
    return row.child is not None and row.error_type == "RunFailed"


def _action(tool: str, why: str, **arguments: Any) -> SuggestedAction:
    return SuggestedAction(tool=tool, arguments=arguments, why=why)
