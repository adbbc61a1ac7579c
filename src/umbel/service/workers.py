"""The workers as the state store knows them."""

from collections.abc import Mapping
from typing import Any

from umbel.service.models import WorkerList, WorkerView, instant
from umbel.service.umbel import Umbel, now_ms


def list_workers(umbel: Umbel) -> WorkerList:
    """The workers that gave a sign of life lately. Raises StateUnavailable."""
    now = now_ms()
    rows = umbel.engine.workers()
    return WorkerList(items=[_worker(row, now, len(umbel.engine.held(str(row["worker"])))) for row in rows])


def _worker(row: Mapping[str, Any], now: int, running: int) -> WorkerView:
    queues, tasks = row.get("queues"), row.get("tasks")
    return WorkerView(
        name=str(row["worker"]),
        alive=int(row["alive_until"]) >= now,
        last_seen=instant(int(row["beat"])),
        queues=[str(each) for each in queues] if isinstance(queues, list) else [],
        pid=_number(row.get("pid")),
        host=row.get("host") or None,
        pool=row.get("pool") or None,
        concurrency=_number(row.get("concurrency")),
        running=running,
        tasks=[str(each) for each in tasks] if isinstance(tasks, list) else [],
    )


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None
