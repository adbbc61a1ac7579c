"""celery-director's JSON: which keys, in which order, written how."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any

from umbel.celery import codec
from umbel.machine import RunState, TaskState, director_status
from umbel.plan.model import Plan, task_id
from umbel.secrets import hide
from umbel.service.reading import is_there, state_of
from umbel.store import RunRow, TaskRow


def dumps(value: Any) -> bytes:
    """As Flask 2.3 writes JSON: sorted keys, no spaces, ASCII only, NaN as a bare word, one newline at the end."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), default=_other) + "\n").encode()


def _other(value: object) -> str:
    """What JSON has no form for. Flask writes dates as HTTP does; bytes broke the whole answer there."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    if isinstance(value, date):
        return format_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC), usegmt=True)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def time(ms: int) -> str:
    """UTC, whole seconds, no offset: what Director shows on SQLite."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def run_dict(run: RunRow, *, with_payload: bool = True) -> dict[str, Any]:
    """A workflow without its tasks."""
    found = {
        "created": time(run.created_at),
        "fullname": run.definition,
        "id": run.id,
        "name": run.name,
        "periodic": run.periodic,
        "project": run.project,
        "status": director_status(run.state),
        # Director's row changes with its status only, not with each task.
        "updated": time(run.finished_at or run.started_at or run.created_at),
    }
    if with_payload:
        found["payload"] = hide(json.loads(run.payload))
    if run.comment is not None:
        found["comment"] = run.comment
    return found


def task_dicts(run: RunRow, plan: Plan, rows: Sequence[TaskRow]) -> list[dict[str, Any]]:
    """The tasks of a workflow in the order of its definition."""
    by_index = {row.idx: row for row in rows}
    ids = [task_id(run.id, node.index) for node in plan.nodes]
    # Director cancels what is left of a failed run, but only if it has a failure hook (recording `yaml-HOOKS_ERR`).
    cancels = run.state is RunState.ERROR and any(node.hook == "failure" for node in plan.nodes)
    found = []
    for node in plan.nodes:
        # Director has a row for the success hook from the start, for the failure hook once it is called.
        if node.hook == "failure" and not is_there(node, by_index):
            continue
        row = by_index.get(node.index)
        state = state_of(run, row)
        if cancels and state in (TaskState.WAITING, TaskState.UPSTREAM_FAILED):
            state = TaskState.CANCELED
        found.append(
            {
                "created": time(run.created_at),
                "id": ids[node.index],
                "is_hook": node.hook is not None,
                "key": node.label,
                "previous": [ids[each] for each in node.inputs],
                "result": _result(state, row),
                "status": director_status(state),
                "task": ids[node.index],
                "updated": time(_updated(run, state, row)),
            }
        )
    return found


def _updated(run: RunRow, state: TaskState, row: TaskRow | None) -> int:
    if state is TaskState.CANCELED and run.state is RunState.CANCELED:
        return run.finished_at or run.updated_at
    return row.updated_at if row is not None and row.updated_at else run.created_at


def _result(state: TaskState, row: TaskRow | None) -> Any:
    if row is None:
        return None
    if state is TaskState.ERROR:
        return {"exception": row.exception or "", "traceback": row.traceback or ""}
    return hide(codec.decode(row.result)) if state is TaskState.SUCCESS and row.result is not None else None


def definition_dict(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """A definition as it was written, with its names."""
    project, _, rest = name.partition(".")
    return {**hide(source), "fullname": name, "project": project, "name": rest}
