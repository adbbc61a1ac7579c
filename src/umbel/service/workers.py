"""The workers as the state store knows them."""

from collections.abc import Mapping
from typing import Any

from umbel.service.models import WorkerList, WorkerView, instant
from umbel.service.umbel import Umbel


def list_workers(umbel: Umbel) -> WorkerList:
    """The workers that gave a sign of life lately. Raises StateUnavailable."""
    rows, now = umbel.engine.workers(), umbel.engine.now()
    return WorkerList(items=[worker_view(row, now, len(umbel.engine.held(str(row["worker"])))) for row in rows])


def worker_view(row: Mapping[str, Any], now: int, running: int) -> WorkerView:
    """A worker; whatever it said of itself, other versions of Umbel may say less, or otherwise."""
    lost_at = _number(row.get("broker_lost_at"))
    return WorkerView(
        name=str(row["worker"]),
        alive=int(row["alive_until"]) >= now,
        last_seen=instant(int(row["beat"])),
        queues=_texts(row.get("queues")),
        pid=_number(row.get("pid")),
        host=row.get("host") or None,
        pool=row.get("pool") or None,
        concurrency=_number(row.get("concurrency")),
        running=running,
        tasks=_texts(row.get("tasks")),
        tasks_total=_number(row.get("tasks_total")),
        rates=_mapping(row.get("rates")),
        broker=row.get("broker") or None,
        broker_lost_at=None if lost_at is None else instant(lost_at),
        version=row.get("version") or None,
        versions=_mapping(row.get("versions")),
        settings=_mapping(row.get("settings")),
    )


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
