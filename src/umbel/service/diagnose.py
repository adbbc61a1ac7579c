"""Why a run failed, or why it waits: computed from the history and the state store, never guessed."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from umbel.errors import StateUnavailable
from umbel.machine import TASK_TERMINAL, RunState, TaskState
from umbel.plan.model import Node
from umbel.service.blame import file_line
from umbel.service.models import (
    AttemptNote,
    Diagnosis,
    RootCause,
    SuggestedAction,
    WaitingNote,
    WorkerView,
    instant,
    utc,
)
from umbel.service.names import Names
from umbel.service.reading import by_celery, counts_of, is_there, require, state_of
from umbel.service.umbel import Umbel, now_ms
from umbel.service.workers import list_workers
from umbel.store import AttemptRow, RunRow, TaskRow

MAX_BYTES: Final = 1500
_LIMITS: Final = ((300, 12), (200, 8), (120, 5), (80, 3), (50, 2), (30, 1))
"""Bytes of each text, entries of each list: the first pair with which the whole fits is taken."""


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


class Case:
    """Everything that is known of one run."""

    def __init__(
        self, umbel: Umbel, run: RunRow, names: Names, rows: dict[int, TaskRow], attempts: Sequence[AttemptRow]
    ) -> None:
        self.umbel = umbel
        self.run = run
        self.names = names
        self.plan = plan = names.plan
        self.rows = rows
        self.attempts = attempts
        self.now = now_ms()
        self.states = [state_of(run, rows.get(node.index)) for node in plan.nodes]

    def failed(self) -> Diagnosis:
        """An error, and all that it kept from running."""
        row = self._culprit()
        if row is None:
            error = _first_line(self.run.error) if self.run.error else "no reason was recorded"
            return self._diagnosis(
                f"The run failed: {error}.",
                waiting=list(self._unfinished(())),
                suggested_actions=self._again(),
            )
        tries = [each for each in self.attempts if each.idx == row.idx]
        count = f" on attempt {len(tries)}" if len(tries) > 1 else ""
        kind = f"{row.error_type}: " if row.error_type else ""
        blocked = sum(state is TaskState.UPSTREAM_FAILED for state in self.states)
        never = f"; {_tasks(blocked)} never ran" if blocked else ""
        cause, sub = self._cause(row), _is_sub(row)
        return self._diagnosis(
            f"{row.key} failed{count}: {kind}{_first_line(row.exception)}{never}.",
            root_cause=cause,
            attempts=[self._note(each) for each in tries],
            chain=list(self._chain()),
            waiting=list(self._unfinished(())),
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
        tries = [each for each in self.attempts if each.outcome in ("retrying", "lost", "fenced", "error")]
        return self._diagnosis(
            f"Succeeded in {self._lasted()}{retries}: all {_tasks(self.run.tasks_total)} are done.",
            attempts=[self._note(each) for each in tries],
        )

    def canceled(self) -> Diagnosis:
        """Who was stopped."""
        done = f"{self.run.tasks_done} of {_tasks(self.run.tasks_total)} had finished"
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
        if self.run.held:
            waited = _seconds(self.now - self.run.created_at)
            verdict = f"Accepted {waited} ago; it waits for other runs of {self.run.definition} to end:"
            limit = f"{self.run.limit_runs} may be live at a time"
            runs = _action("list_runs", "see which are live", definition=self.run.definition, status=["running"])
            return self._diagnosis(f"{verdict} {limit}.", suggested_actions=[self._wait(), runs])
        if self.run.last_seq == 0:
            waited = _seconds(self.now - self.run.created_at)
            verdict = f"Accepted {waited} ago and not launched yet: {self._why_not_launched()}."
            return self._diagnosis(verdict, suggested_actions=[self._wait()])
        if self._lost():
            verdict = "The state store has lost this run; within seconds it goes on from what the history has."
            return self._diagnosis(verdict, suggested_actions=[self._wait()])
        workers = self._workers()
        waiting = sorted(self._unfinished(workers), key=_urgency)
        verdict = f"{waiting[0].task}: {waiting[0].reason}" if waiting else "Its last task has just ended"
        actions = [self._wait()]
        for note in waiting:
            if _ASKED in note.reason:
                decide = _action("approve_task", "if a person says so", run_id=self.run.id, key=note.task)
                actions.insert(0, decide)
        paused = ""
        if self.run.paused:
            paused = "Paused: nothing new begins. "
            actions.insert(0, _action("resume_run", "let it go on", run_id=self.run.id))
        if any("no worker" in each.reason for each in waiting):
            actions.insert(0, _action("list_workers", "start one that listens on the queue"))
        in_question = {each.task for each in waiting if not each.reason.startswith("needs")}
        done = f"{self.run.tasks_done} of {_tasks(self.run.tasks_total)} done"
        return self._diagnosis(
            f"{paused}Runs for {self._lasted()}, {done}. {verdict}.",
            waiting=waiting,
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
        return _seconds((self.run.finished_at or self.now) - (self.run.started_at or self.run.created_at))

    def _why_not_launched(self) -> str:
        try:
            self.umbel.engine.ping()
        except StateUnavailable:
            return "the state store does not answer; it is launched when that is back"
        return "it is launched within seconds"

    def _lost(self) -> bool:
        try:
            return not self.umbel.engine.knows([self.run.id])[0]
        except StateUnavailable:
            return False

    def _workers(self) -> Sequence[WorkerView] | None:
        try:
            return [each for each in list_workers(self.umbel).items if each.alive]
        except StateUnavailable:
            return None

    def _note(self, row: AttemptRow) -> AttemptNote:
        ran = (row.finished_at - row.started_at) / 1000 if row.started_at and row.finished_at else None
        return AttemptNote(
            task=self.names.key(row.idx),
            attempt=row.attempt,
            outcome=row.outcome,  # type: ignore[arg-type]
            ran=None if ran is None else round(ran, 1),
            wait=None if row.countdown is None else round(row.countdown, 1),
            error=_first_line(row.exception) if row.exception else None,
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
                yield f"{node.key} never ran: needs {_listed(failed)}"

    def _unfinished(self, workers: Sequence[WorkerView] | None) -> Iterator[WaitingNote]:
        for node, state in zip(self.plan.nodes, self.states, strict=True):
            if state not in TASK_TERMINAL and is_there(node, self.rows):
                yield WaitingNote(task=node.key, reason=self._reason(node.index, state, workers))

    def _reason(self, index: int, state: TaskState, workers: Sequence[WorkerView] | None) -> str:
        node, row = self.plan.nodes[index], self.rows.get(index)
        if state is TaskState.WAITING or row is None:
            open_needs = [self.plan.nodes[n].key for n in node.needs if self.states[n] not in _GOOD]
            if open_needs or not by_celery(self.run, self.plan):
                return f"needs {_listed(open_needs)}" if open_needs else "is about to be queued"
            return f"sent by Celery's own canvas: {self._why(node, workers)}"
        if state is TaskState.RETRYING:
            left = (row.due_at or self.now) - self.now
            when = f"in {_seconds(left)}" if left > 0 else f"since {_seconds(-left)}"
            return f"retry due {when} (attempt {row.attempts} failed: {_first_line(row.exception)})"
        if state is TaskState.SCHEDULED:
            return f"scheduled: due in {_seconds((row.due_at or self.now) - self.now)}"
        if state is TaskState.AWAITING_INPUT:
            until = f", until {_clock(row.due_at)}" if row.due_at else ""
            how = f"`umbel approve {self.run.id} {node.key}`, or reject"
            return f"{_ASKED} since {_clock(row.updated_at)}{until}: {how}"
        if state is TaskState.EXPANDED:
            return self._expanded(row)
        if state is TaskState.RUNNING:
            mine = [each for each in self.attempts if each.idx == index and each.outcome == "running"]
            since = mine[-1].started_at if mine else row.started_at
            where = f" on {mine[-1].worker}" if mine and mine[-1].worker else ""
            return f"running for {_seconds(self.now - (since or self.now))}{where} (attempt {row.attempts})"
        if self.run.paused:
            return "queued; the run is paused"
        if by_celery(self.run, self.plan) and not node.hook:
            return "lost with its worker; Celery sends it again only if the task has acks_late"
        return f"queued for {_seconds(self.now - (row.queued_at or self.now))}: {self._why(node, workers)}"

    def _why(self, node: Node, workers: Sequence[WorkerView] | None) -> str:
        return _why_queued(node.task, node.queue or self.umbel.settings.default_queue, workers)

    def _expanded(self, row: TaskRow) -> str:
        if row.child is not None:
            child = self.umbel.store.run(row.child)
            state = f" ({child.state}, {child.tasks_done} of {_tasks(child.tasks_total)} done)" if child else ""
            return f"waits for the run {row.child} that it started{state}"
        entry = self.names.items(row.idx)
        if entry is None:
            return "waits for its items"
        counts = counts_of(self.umbel, self.run, entry).states
        parts = [
            f"{number} {state.replace('_', ' ')}" for state, number in counts.items() if state not in TASK_TERMINAL
        ]
        ended = sum(number for state, number in counts.items() if state in TASK_TERMINAL)
        return f"{ended} of {entry.size} items ended" + (f", {', '.join(parts)}" if parts else "")


def _is_sub(row: TaskRow) -> bool:
    """Whether the task failed because the run that it has started did."""
    return row.child is not None and row.error_type == "RunFailed"


_ASKED: Final = "waits for a decision"
_GOOD: Final = (TaskState.SUCCESS, TaskState.SKIPPED)


MOST_TASKS: Final = 200
"""A worker tells at most so many names; then it may know more."""


def _why_queued(task: str, queue: str, workers: Sequence[WorkerView] | None) -> str:
    if workers is None:
        return "the state store does not answer, so nobody can take it"
    if not workers:
        return "no worker is alive"
    fitting = [each for each in workers if queue in each.queues]
    if not fitting:
        return f"no worker listens on queue {queue}"
    fitting = [each for each in fitting if task in each.tasks or not 0 < len(each.tasks) < MOST_TASKS]
    if not fitting:
        return f"no worker of queue {queue} knows the task {task}"
    if all(each.concurrency is not None and each.running >= each.concurrency for each in fitting):
        return f"every worker of queue {queue} is busy"
    return f"a worker of queue {queue} is about to take it"


def _urgency(note: WaitingNote) -> int:
    """What explains a wait best comes first."""
    for rank, sign in enumerate(
        ("no worker", "does not answer", _ASKED, "retry due", "running", "items ended", "that it started", "queued")
    ):
        if sign in note.reason:
            return rank
    return 9


def _action(tool: str, why: str, **arguments: Any) -> SuggestedAction:
    return SuggestedAction(tool=tool, arguments=arguments, why=why)


def _tasks(count: int) -> str:
    return f"{count} task" if count == 1 else f"{count} tasks"


def _seconds(ms: float) -> str:
    return f"{max(0.0, ms) / 1000:.1f} s"


def _clock(ms: int | None) -> str:
    return utc(instant(ms)) if ms is not None else "?"


def _first_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")


def fit(full: Diagnosis) -> Diagnosis:
    """The diagnosis cut down to `MAX_BYTES`, always in the same way: texts shorter, lists shorter."""
    for size, entries in _LIMITS:
        smaller = _cut(full, size, entries)
        # Spaces and escapes included: however a client writes it down again, it stays below the limit.
        if len(json.dumps(smaller.model_dump(mode="json"))) <= MAX_BYTES:
            return smaller
    return smaller


def _cut(full: Diagnosis, size: int, entries: int) -> Diagnosis:
    data = full.model_dump()
    left_out = 0
    for name in ("chain", "waiting", "suggested_actions"):
        left_out += max(0, len(data[name]) - entries)
        data[name] = data[name][:entries]
    left_out += max(0, len(data["attempts"]) - entries)
    data["attempts"] = data["attempts"][-entries:]
    data["suggested_actions"] = [
        each for each in data["suggested_actions"] if len(json.dumps(each["arguments"])) <= 200
    ]
    data["verdict"] = clip(data["verdict"], 2 * size)
    data["chain"] = [clip(each, size) for each in data["chain"]]
    for note in (*data["attempts"], *data["waiting"], *([data["root_cause"]] if data["root_cause"] else [])):
        for name, value in note.items():
            if isinstance(value, str):
                note[name] = clip(value, size)
    return Diagnosis(**{**data, "left_out": left_out})


def clip(text: str, size: int) -> str:
    """The text, cut so that its JSON form has at most `size` bytes; its end is kept for a `file:line`."""
    if len(json.dumps(text)) - 2 <= size:
        return text
    kept = ""
    for letter in text:
        if len(json.dumps(kept + letter)) - 2 > size - 3:
            break
        kept += letter
    return kept + "..."
