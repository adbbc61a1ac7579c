"""Why a task does not run, or has not ended: one sentence for each, with the evidence that it rests on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from umbel.errors import StateFull, StateUnavailable
from umbel.machine import TASK_TERMINAL, TaskState
from umbel.service.models import TaskView, WaitingNote
from umbel.service.names import Names
from umbel.service.phrases import clock, first_line, listed, seconds, tasks
from umbel.service.queued import Fleet
from umbel.service.reading import by_celery, counts_of, find_task, get_task, is_there, require, state_of
from umbel.service.umbel import Umbel, now_ms
from umbel.store import AttemptRow, RunRow, TaskRow
from umbel.store.fold import map_of

Kind = Literal["no worker", "asked", "held up", "retry", "running", "under way", "queued", "needs"]

_ORDER: Final[tuple[Kind, ...]] = (
    "no worker",
    "held up",
    "asked",
    "retry",
    "running",
    "under way",
    "queued",
    "needs",
)
"""What explains a wait best comes first."""
_GOOD: Final = (TaskState.SUCCESS, TaskState.SKIPPED)


class Reason(NamedTuple):
    """Why a task has not ended."""

    kind: Kind
    text: str


class Wait(NamedTuple):
    """A task that has not ended, and why."""

    task: str
    reason: Reason

    @property
    def note(self) -> WaitingNote:
        """As it stands in a diagnosis."""
        return WaitingNote(task=self.task, reason=self.reason.text)

    @property
    def rank(self) -> int:
        """Smaller for what explains more."""
        return _ORDER.index(self.reason.kind)


class Why:
    """The tasks of one run, from what the history has of them.

    Args:
        rows: of the plan's own tasks, and of others that shall be explained.
        attempts: of those.
    """

    def __init__(
        self, umbel: Umbel, run: RunRow, names: Names, rows: Mapping[int, TaskRow], attempts: Sequence[AttemptRow]
    ) -> None:
        self.umbel = umbel
        self.run = run
        self.names = names
        self.plan = names.plan
        self.rows = rows
        self.attempts = attempts
        self.now = now_ms()
        self.states = [state_of(run, rows.get(node.index)) for node in names.plan.nodes]
        self.fleet = Fleet(umbel)

    def all(self) -> Iterator[Wait]:
        """Every task of the plan that has not ended."""
        for node, state in zip(self.plan.nodes, self.states, strict=True):
            if state not in TASK_TERMINAL and is_there(node, self.rows):
                yield Wait(node.key, self.reason(node.index))

    def not_begun(self) -> str | None:
        """Why the whole run waits, if it does: a sentence without its end."""
        run = self.run
        waited = seconds(self.now - run.created_at)
        if run.held:
            live = self.umbel.store.limit_holders(run.limit_key) if run.limit_key else []
            by = f", and the limit is held by {listed(live, 3)}" if live else ""
            return (
                f"Accepted {waited} ago; it waits for other runs of {run.definition} to end:"
                f" {run.limit_runs} may be live at a time{by}"
            )
        if run.last_seq == 0:
            return f"Accepted {waited} ago and not launched yet: {self._not_launched()}"
        if self._lost():
            return "The state store has lost this run; within seconds it goes on from what the history has"
        return None

    def _not_launched(self) -> str:
        try:
            self.umbel.engine.require_room()
        except StateFull:
            return "the state store takes nothing more; it is launched when there is room"
        except StateUnavailable:
            return "the state store does not answer; it is launched when that is back"
        return "it is launched within seconds"

    def _lost(self) -> bool:
        try:
            return not self.umbel.engine.knows([self.run.id])[0]
        except StateUnavailable:
            return False

    def reason(self, index: int) -> Reason:
        """Why this task has not ended. Do not ask of one that has."""
        row = self.rows.get(index)
        match state_of(self.run, row):
            case TaskState.RETRYING if row is not None:
                left = (row.due_at or self.now) - self.now
                when = f"in {seconds(left)}" if left > 0 else f"since {seconds(-left)}"
                return Reason("retry", f"retry due {when} (attempt {row.attempts} failed: {first_line(row.exception)})")
            case TaskState.SCHEDULED if row is not None:
                left = (row.due_at or self.now) - self.now
                return Reason("queued", f"scheduled: due in {seconds(left)}, at {clock(row.due_at)}")
            case TaskState.AWAITING_INPUT if row is not None:
                until = f", until {clock(row.due_at)}" if row.due_at else ""
                how = f"`umbel approve {self.run.id} {self.names.key(index)}`, or reject"
                return Reason("asked", f"waits for a decision since {clock(row.updated_at)}{until}: {how}")
            case TaskState.EXPANDED if row is not None:
                return Reason("under way", self._expanded(row))
            case TaskState.RUNNING if row is not None:
                return self._running(index, row)
            case TaskState.QUEUED if row is not None:
                return self._queued(index, row)
        return self._waiting(index)

    def _waiting(self, index: int) -> Reason:
        if index >= len(self.plan.nodes):
            return self._outside_window(index)
        node = self.plan.nodes[index]
        needs = [f"{self.plan.nodes[n].key} ({self.states[n]})" for n in node.needs if self.states[n] not in _GOOD]
        if needs:
            return Reason("needs", f"needs {listed(needs)}")
        if self.run.paused:
            return self._paused()
        if not by_celery(self.run, self.plan):
            return Reason("queued", "is about to be queued")
        found = self.fleet.why(node)
        told = found.text or f"a worker of queue {node.queue or self.umbel.settings.default_queue} is about to take it"
        return Reason("no worker" if found.kind == "missing" else "queued", f"sent by Celery's own canvas: {told}")

    def _outside_window(self, index: int) -> Reason:
        node, entry = self.names.node(index), map_of(index, self.names.maps)
        if self.run.paused:
            return self._paused()
        if entry is None or node.max_parallel is None:
            return Reason("queued", "is about to be queued, with the other items")
        counts = counts_of(self.umbel, self.run, entry).states
        under = sum(number for state, number in counts.items() if state not in (*TASK_TERMINAL, TaskState.WAITING))
        return Reason("needs", f"{under} items of {node.key} are under way, and `max_parallel` is {node.max_parallel}")

    def _paused(self) -> Reason:
        return Reason("held up", f"the run is paused: `umbel resume {self.run.id}` lets it go on")

    def _running(self, index: int, row: TaskRow) -> Reason:
        mine = [each for each in self.attempts if each.idx == index and each.outcome == "running"]
        since = mine[-1].started_at if mine else row.started_at
        worker = mine[-1].worker if mine else None
        where = f" on {worker}" if worker else ""
        silent = self.fleet.silence(worker)
        text = f"running for {seconds(self.now - (since or self.now))}{where} (attempt {row.attempts})"
        return Reason("held up", f"{text}; {silent}") if silent else Reason("running", text)

    def _queued(self, index: int, row: TaskRow) -> Reason:
        node = self.names.node(index)
        if self.run.paused and not node.hook:
            return self._paused()
        if by_celery(self.run, self.plan) and not node.hook:
            return Reason("held up", "lost with its worker; Celery sends it again only if the task has acks_late")
        why, obstacle = self.fleet.why(node)
        # Who may take it says most; what has become of its message only matters if somebody would take it.
        if not why:
            why = self.fleet.message(self.run, index, node)
        kind: Kind = "no worker" if obstacle == "missing" else "held up" if why else "queued"
        why = why or f"a worker of queue {node.queue or self.umbel.settings.default_queue} is about to take it"
        return Reason(kind, f"queued for {seconds(self.now - (row.queued_at or self.now))}: {why}")

    def _expanded(self, row: TaskRow) -> str:
        if row.child is not None:
            child = self.umbel.store.run(row.child)
            state = f" ({child.state}, {child.tasks_done} of {tasks(child.tasks_total)} done)" if child else ""
            return f"waits for the run {row.child} that it started{state}"
        entry = self.names.items(row.idx)
        if entry is None:
            return "waits for its items"
        counts = counts_of(self.umbel, self.run, entry).states
        parts = [
            f"{number} {state.replace('_', ' ')}" for state, number in counts.items() if state not in TASK_TERMINAL
        ]
        ended = sum(number for state, number in counts.items() if state in TASK_TERMINAL)
        most = self.names.node(row.idx).max_parallel
        window = f" (at most {most} at a time: `max_parallel`)" if most and counts.get(TaskState.WAITING) else ""
        return f"{ended} of {entry.size} items ended" + (f", {', '.join(parts)}" if parts else "") + window


def explained(umbel: Umbel, run_id: str, key: str) -> TaskView:
    """One task with its attempts, and why it has not ended if it has not. Raises RunNotFound, TaskNotFound."""
    view = get_task(umbel, run_id, key)
    if view.state in TASK_TERMINAL:
        return view
    run = require(umbel, run_id)
    names, index = umbel.names(run.plan_hash, run.maps), find_task(umbel, run, key)
    rows = {row.idx: row for row in umbel.store.tasks(run.id, below=len(names.plan.nodes))}
    rows |= {row.idx: row for row in umbel.store.tasks(run.id, first=index, below=index + 1)}
    why = Why(umbel, run, names, rows, umbel.store.attempts(run.id, index))
    if state_of(run, rows.get(index)) in TASK_TERMINAL:
        return get_task(umbel, run_id, key)  # it has ended just now
    return view.model_copy(update={"why": why.not_begun() or why.reason(index).text})
