"""Reading runs: the plan, the rows of the history and the rules of the state machine merged into one picture."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from umbel.errors import BadRequest, RunNotFound, TaskNotFound
from umbel.machine import RUN_TERMINAL, RunState, TaskState, director_status, effective
from umbel.plan.model import Node, Plan, task_id
from umbel.service.models import AttemptView, ErrorView, Run, RunDetail, RunList, TaskView, instant
from umbel.service.operations import ListRuns
from umbel.service.umbel import Umbel
from umbel.service.values import read
from umbel.store import AttemptRow, RunFilter, RunRow, TaskRow


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
    """Whether the run has ended."""
    return run.state in RUN_TERMINAL


def list_runs(umbel: Umbel, wanted: ListRuns) -> RunList:
    """A page of runs, newest first.

    Raises:
        BadRequest: the cursor or a time cannot be read.
    """
    found = umbel.store.runs(
        RunFilter(
            states=wanted.status,
            definition=wanted.definition,
            since=_milliseconds(wanted.since),
            until=_milliseconds(wanted.until),
            q=wanted.q,
        ),
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    return RunList(items=[summary(run) for run in found.runs], next_cursor=found.cursor)


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
    plan = umbel.plan(run.plan_hash)
    if run.last_seq == 0:
        return _detail(umbel, run, plan, [], [])
    return _detail(umbel, run, plan, umbel.store.tasks(run.id), umbel.store.attempts(run.id))


def get_run(umbel: Umbel, run_id: str) -> RunDetail:
    """One run with its tasks and attempts. Raises RunNotFound."""
    return detail(umbel, require(umbel, run_id))


def get_task(umbel: Umbel, run_id: str, key: str) -> TaskView:
    """One task with its attempts. Raises RunNotFound, TaskNotFound."""
    run = require(umbel, run_id)
    node = node_of(umbel, run, key)
    rows = {row.idx: row for row in umbel.store.tasks(run.id)}
    attempts = umbel.store.attempts(run.id, node.index)
    return _task(umbel, run, umbel.plan(run.plan_hash), node, rows.get(node.index), attempts)


def node_of(umbel: Umbel, run: RunRow, key: str) -> Node:
    """The node of a run's plan by its key.

    Raises:
        TaskNotFound: the run has no such task.
    """
    plan = umbel.plan(run.plan_hash)
    node = plan.by_key(key)
    if node is None:
        some = ", ".join(each.key for each in plan.nodes[:20])
        raise TaskNotFound(f"The run has no task {key[:80]!r}.", hint=f"Its tasks are: {some[:500]}.")
    return node


def summary(run: RunRow) -> Run:
    """A run as it stands in lists."""
    return Run.model_construct(**_fields(run))


def _fields(run: RunRow) -> dict[str, Any]:
    return {
        "id": run.id,
        "definition": run.definition,
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
    }


def _detail(
    umbel: Umbel, run: RunRow, plan: Plan, rows: Sequence[TaskRow], attempts: Sequence[AttemptRow]
) -> RunDetail:
    by_index = {row.idx: row for row in rows}
    of_task: dict[int, list[AttemptRow]] = {}
    for attempt in attempts:
        of_task.setdefault(attempt.idx, []).append(attempt)
    tasks = [
        _task(umbel, run, plan, node, by_index.get(node.index), of_task.get(node.index, ()))
        for node in plan.nodes
        if is_there(node, by_index)
    ]
    result = result_of(plan, {task.index: task.result for task in tasks}) if run.state is RunState.SUCCESS else None
    return RunDetail.model_construct(
        **_fields(run), payload=read(run.payload), result=result, tasks=tasks, last_event=run.last_seq
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
    return effective(row.state if row is not None else TaskState.WAITING, run.state)


def _task(
    umbel: Umbel, run: RunRow, plan: Plan, node: Node, row: TaskRow | None, attempts: Sequence[AttemptRow]
) -> TaskView:
    state = state_of(run, row)
    return TaskView.model_construct(
        id=task_id(run.id, node.index),
        key=node.key,
        index=node.index,
        task=node.task,
        hook=node.hook,
        state=state,
        status=director_status(state),
        needs=[plan.nodes[need].key for need in node.needs],
        queue=node.queue or umbel.settings.default_queue,
        queued_at=instant(row.queued_at) if row else None,
        started_at=instant(row.started_at) if row else None,
        finished_at=instant(row.finished_at) if row else None,
        due_at=instant(row.due_at) if row and state is TaskState.RETRYING else None,
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
