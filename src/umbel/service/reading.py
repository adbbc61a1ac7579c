"""Reading runs: the plan, the rows of the history and the rules of the state machine merged into one picture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from umbel.errors import BadRequest, RunNotFound, TaskNotFound
from umbel.machine import RUN_TERMINAL, RunState, TaskState, director_status, effective
from umbel.plan.model import Node, Plan, task_id
from umbel.service.models import (
    AttemptView,
    ErrorView,
    ItemCounts,
    Kind,
    Run,
    RunDetail,
    RunList,
    TaskList,
    TaskView,
    instant,
)
from umbel.service.names import Names
from umbel.service.operations import CountRuns, ListRuns, ListTasks
from umbel.service.umbel import Umbel
from umbel.service.values import brief, read
from umbel.store import AttemptRow, MapRow, RunFilter, RunRow, TaskRow


def require(umbel: Umbel, run_id: str) -> RunRow:
    """The run's row.

    Raises:
        RunNotFound: there is no such run.
        HistoryUnavailable: the database does not answer.
    """
    run = umbel.store.run(run_id.lower()) if len(run_id) == 36 else None
    if run is None:
        raise RunNotFound(f"There is no run {run_id[:80]}.")
    return run


def is_over(run: RunRow) -> bool:
    """Whether the run has ended. An epoch that keeps a failed task is an error from its first moment, but not over."""
    return run.state in RUN_TERMINAL and run.finished_at is not None


def by_celery(run: RunRow, plan: Plan) -> bool:
    """Whether Celery's own canvas sends the tasks of this run: not of one that a task has started."""
    return plan.engine == "canvas" and run.parent_run is None


def list_runs(umbel: Umbel, wanted: ListRuns) -> RunList:
    """A page of runs, newest first.

    Raises:
        BadRequest: the cursor or a time cannot be read.
    """
    found = umbel.store.runs(filter_of(wanted), cursor=wanted.cursor, limit=wanted.limit)
    items = [Run.model_construct(**fields_of(run), payload_brief=brief(run.payload)) for run in found.runs]
    return RunList(items=items, next_cursor=found.cursor, searched_to=instant(found.searched_to))


def filter_of(wanted: ListRuns | CountRuns) -> RunFilter:
    """Which runs are asked for. Raises BadRequest if a time cannot be read."""
    return RunFilter(
        states=wanted.status,
        definition=wanted.definition,
        since=_milliseconds(wanted.since),
        until=_milliseconds(wanted.until),
        q=wanted.q,
    )


def _milliseconds(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        try:
            moment = datetime.fromtimestamp(float(text), UTC)
        except ValueError:
            moment = datetime.fromisoformat(text)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError) as error:
        raise BadRequest(
            f"{text[:80]!r} is no time.", hint="Write 2026-11-22T16:58:34Z, or seconds since 1970."
        ) from error


def detail(umbel: Umbel, run: RunRow) -> RunDetail:
    """The run with its tasks and attempts. `run` is the older picture: `last_event` is its number, so that who goes
    on from there hears some news twice rather than none."""
    names = umbel.names(run.plan_hash, run.maps)
    if run.last_seq == 0:
        return _detail(umbel, run, names, [], [])
    own = len(names.plan.nodes)  # what stands behind are items of maps, of which there may be many
    return _detail(umbel, run, names, umbel.store.tasks(run.id, below=own), umbel.store.attempts(run.id, below=own))


def get_run(umbel: Umbel, run_id: str) -> RunDetail:
    """One run with its tasks and attempts. Raises RunNotFound."""
    return detail(umbel, require(umbel, run_id))


def get_task(umbel: Umbel, run_id: str, key: str) -> TaskView:
    """One task with its attempts. Raises RunNotFound, TaskNotFound."""
    run = require(umbel, run_id)
    index = find_task(umbel, run, key)
    rows = umbel.store.tasks(run.id, first=index, below=index + 1)
    attempts = umbel.store.attempts(run.id, index)
    return _task(umbel, run, umbel.names(run.plan_hash, run.maps), index, rows[0] if rows else None, attempts)


def list_tasks(umbel: Umbel, asked: ListTasks) -> TaskList:
    """A page of a run's tasks, or of the items of one of its maps.

    Raises:
        RunNotFound, TaskNotFound: there is no such run, or task.
        BadRequest: the task is no map, or the cursor is none.
    """
    run = require(umbel, asked.run_id)
    names = umbel.names(run.plan_hash, run.maps)
    first, below = 0, len(names.plan.nodes)
    if asked.parent is not None:
        index = find_task(umbel, run, asked.parent)
        if index >= below or names.plan.nodes[index].map is None:
            raise BadRequest(f"{asked.parent[:80]} is not a task with `map`, so it has no items.")
        entry = names.items(index)
        first, below = (entry.base, entry.base + entry.size) if entry else (0, 0)
    if asked.cursor is not None:
        if not (asked.cursor.isascii() and asked.cursor.isdigit() and len(asked.cursor) < 10):
            raise BadRequest(f"The cursor {asked.cursor[:80]!r} was not given by an earlier page.")
        first = max(first, int(asked.cursor))
    end = min(first + asked.limit, below)
    rows = {row.idx: row for row in umbel.store.tasks(run.id, first=first, below=end)}
    attempts = _by_task(umbel.store.attempts(run.id, first=first, below=end))
    there = (i for i in range(first, end) if i >= len(names.plan.nodes) or is_there(names.plan.nodes[i], rows))
    items = [_task(umbel, run, names, i, rows.get(i), attempts.get(i, ())) for i in there]
    return TaskList(items=items, next_cursor=str(end) if end < below else None)


def find_task(umbel: Umbel, run: RunRow, key: str) -> int:
    """The index of a task of a run by its key; of the item of a map by `KEY[i]`.

    Raises:
        TaskNotFound: the run has no such task.
    """
    names = umbel.names(run.plan_hash, run.maps)
    index = names.find(key)
    if index is None:
        some = ", ".join(each.key for each in names.plan.nodes[:20])
        raise TaskNotFound(f"The run has no task {key[:80]!r}.", hint=f"Its tasks are: {some[:500]}.")
    return index


def summary(run: RunRow) -> Run:
    """A run as it stands in lists."""
    return Run.model_construct(**fields_of(run))


def fields_of(run: RunRow) -> dict[str, Any]:
    """What every picture of a run shows."""
    return {
        "id": run.id,
        "definition": run.definition,
        "version": run.plan_hash,
        "state": run.state,
        "status": director_status(run.state),
        "settled": run.settled,
        "comment": run.comment,
        "created_at": instant(run.created_at),
        "started_at": instant(run.started_at),
        "finished_at": instant(run.finished_at),
        "updated_at": instant(run.updated_at),
        "tasks_total": run.tasks_total,
        "tasks_done": run.tasks_done,
        "retries": run.retries,
        "failed_task": run.failed_task,
        "error": run.error,
        "relaunch_of": run.relaunch_of,
        "periodic": run.periodic,
        "paused": run.paused,
        "stopped": run.stopped,
        "held": run.held,
        "epoch": run.epoch,
        "deadline_at": instant(run.deadline_at),
        "parent_run": run.parent_run,
        "parent_task": run.parent_task,
    }


def _detail(
    umbel: Umbel, run: RunRow, names: Names, rows: Sequence[TaskRow], attempts: Sequence[AttemptRow]
) -> RunDetail:
    plan, by_index, of_task = names.plan, {row.idx: row for row in rows}, _by_task(attempts)
    tasks = [
        _task(umbel, run, names, node.index, by_index.get(node.index), of_task.get(node.index, ()))
        for node in plan.nodes
        if is_there(node, by_index)
    ]
    result = result_of(plan, {task.index: task.result for task in tasks}) if run.state is RunState.SUCCESS else None
    return RunDetail.model_construct(
        **fields_of(run), payload=read(run.payload), result=result, tasks=tasks, last_event=run.last_seq
    )


def result_of(plan: Plan, results: Mapping[int, Any]) -> Any:
    """The result of a run that has succeeded: what its plan returns, or else the results of its last tasks."""
    if plan.returns is not None:
        return _shaped(plan.returns, results)
    last = [results.get(index) for index in plan.ends]
    return last[0] if len(last) == 1 else last


def _shaped(shape: Any, results: Mapping[int, Any]) -> Any:
    return [_shaped(each, results) for each in shape] if isinstance(shape, list) else results.get(shape)


def is_there(node: Node, rows: Mapping[int, TaskRow]) -> bool:
    """Whether a reader should see the node: a hook is not there before it is called."""
    return node.hook is None or node.index in rows


def state_of(run: RunRow, row: TaskRow | None) -> TaskState:
    """The state of a task that a reader should see."""
    return effective(row.state if row is not None else TaskState.WAITING, run.state, run.stopped)


def _by_task(attempts: Sequence[AttemptRow]) -> dict[int, list[AttemptRow]]:
    found: dict[int, list[AttemptRow]] = {}
    for attempt in attempts:
        found.setdefault(attempt.idx, []).append(attempt)
    return found


def kind_of(node: Node) -> Kind:
    """What a node of a plan is: most are tasks."""
    if node.map is not None:
        return "map"
    return "approval" if node.approval else "workflow" if node.workflow is not None else "task"


def counts_of(umbel: Umbel, run: RunRow, entry: MapRow) -> ItemCounts:
    """How the items of a map stand."""
    states: Counter[TaskState] = Counter()
    total = 0
    for state, number in umbel.store.count_tasks(run.id, entry.base, entry.base + entry.size).items():
        total += number
        states[effective(state, run.state, run.stopped)] += number
    if total < entry.size:
        states[effective(TaskState.WAITING, run.state, run.stopped)] += entry.size - total
    return ItemCounts(total=entry.size, states=dict(states))


_DUE = (TaskState.RETRYING, TaskState.SCHEDULED, TaskState.AWAITING_INPUT)


def _task(
    umbel: Umbel, run: RunRow, names: Names, index: int, row: TaskRow | None, attempts: Sequence[AttemptRow]
) -> TaskView:
    state = state_of(run, row)
    plan, node = names.plan, names.node(index)
    is_item = index >= len(plan.nodes)
    entry = names.items(index)
    return TaskView.model_construct(
        id=task_id(run.id, index),
        key=names.key(index),
        index=index,
        task=node.task,
        kind="item" if is_item else kind_of(node),
        parent=node.key if is_item else None,
        run=row.child if row else None,
        items=counts_of(umbel, run, entry) if entry else None,
        hook=node.hook,
        state=state,
        status=director_status(state),
        needs=[plan.nodes[need].key for need in node.needs],
        queue=node.queue or umbel.settings.default_queue,
        queued_at=instant(row.queued_at) if row else None,
        started_at=instant(row.started_at) if row else None,
        finished_at=instant(row.finished_at) if row else None,
        due_at=instant(row.due_at) if row and state in _DUE else None,
        result=read(row.result) if row else None,
        error=error_of(row) if row else None,
        attempts=[attempt_view(each) for each in attempts],
    )


def attempt_view(row: AttemptRow) -> AttemptView:
    """One attempt."""
    return AttemptView.model_construct(
        attempt=row.attempt,
        epoch=row.epoch,
        outcome=row.outcome,
        worker=row.worker,
        pid=row.pid,
        queued_at=instant(row.queued_at),
        started_at=instant(row.started_at),
        finished_at=instant(row.finished_at),
        error=error_of(row),
        countdown=row.countdown,
        due_at=instant(row.due_at),
        late_outcome=row.late_outcome,
    )


def error_of(row: TaskRow | AttemptRow) -> ErrorView | None:
    """What a row says of its failure; None if nothing."""
    if row.exception is None and row.error_type is None:
        return None
    return ErrorView.model_construct(
        type=row.error_type or None, message=row.exception or "", traceback=row.traceback or None
    )
