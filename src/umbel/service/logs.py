"""Reading what tasks wrote."""

from umbel.service.models import LogLine, LogPage, instant
from umbel.service.reading import find_task, require
from umbel.service.umbel import Umbel


def get_logs(
    umbel: Umbel, run_id: str, key: str | None = None, *, attempt: int | None = None, after: int = 0, limit: int = 500
) -> LogPage:
    """Lines of a run, or of its task `key`, that came after line `after`. Raises RunNotFound, TaskNotFound."""
    run = require(umbel, run_id)
    idx = None if key is None else find_task(umbel, run, key)
    found = umbel.store.logs(run.id, idx=idx, attempt=attempt, after_id=after, limit=limit + 1)
    names = umbel.names(run.plan_hash, run.maps)
    lines = [
        LogLine.model_construct(
            id=line.id,
            task=names.key(line.idx),
            attempt=line.attempt,
            at=instant(line.at),
            stream=line.stream,
            line=line.line.encode(errors="replace").decode(),
        )
        for line in found[:limit]
    ]
    return LogPage(items=lines, next_after=lines[-1].id if len(found) > limit else None)
