"""The tasks of workflows.yml: ordinary Celery tasks, with Celery's own options.

A task gets the result of what it needs as its first argument (None, one result, or a list of several), and the run's
payload and id as keywords.
"""

from typing import Any

from umbel import task


class TillBusy(Exception):
    """The till did not answer; it often does a moment later."""


@task(name="CHECK")
def check(_: None, *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Add up what was ordered."""
    return {"items": payload["items"], "total": sum(each["price"] for each in payload["items"])}


@task(name="CHARGE", bind=True, autoretry_for=(TillBusy,), retry_backoff=1, retry_jitter=False, max_retries=3)
def charge(self: Any, order: dict[str, Any], *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Take the money. The till is busy the first time: Celery tries again after a second."""
    if self.request.retries == 0:
        raise TillBusy("the till is busy")
    # After a crash a task may run again: its id is the same each time, so use it for what must not happen twice.
    return {"paid": order["total"], "receipt": self.request.id}


@task(name="PACK")
def pack(order: dict[str, Any], *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Put everything into one box."""
    print(f"packing {len(order['items'])} things for {payload['customer']}")  # `umbel logs ID` shows it
    return {"boxes": 1, "weight": 0.4 * len(order["items"])}


@task(name="SHIP")
def ship(done: list[dict[str, Any]], *, payload: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Hand the box to the carrier."""
    charged, packed = done
    carrier = "courier" if payload["express"] else "post"
    return {"to": payload["customer"], "by": carrier, "paid": charged["paid"], "boxes": packed["boxes"]}
