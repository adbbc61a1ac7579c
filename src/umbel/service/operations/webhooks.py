"""Webhooks: what they were told of the ends of runs."""

from pydantic import Field

from umbel.service.models import Delivery, DeliveryList, DeliveryStatus
from umbel.service.operations.base import Operation, RunId, Spec


class ListDeliveries(Operation[DeliveryList]):
    """What webhooks were told, or are to be told, of the ends of all runs: the newest first, with every attempt."""

    spec = Spec("list_deliveries", "GET", "/deliveries", DeliveryList, query=("status", "cursor", "limit"))
    status: DeliveryStatus | None = Field(default=None, description="Only these; `failed`: given up.")
    cursor: str | None = Field(default=None, max_length=100, description="`next_cursor` of the page before.")
    limit: int = Field(default=50, ge=1, le=200, description="Deliveries per page.")


class GetRunDeliveries(Operation[DeliveryList]):
    """What the webhook of a run was told of its end, or of its ends if it was retried: with every attempt, its answer
    or error."""

    spec = Spec("get_run_deliveries", "GET", "/runs/{run_id}/deliveries", DeliveryList)
    run_id: RunId


class Redeliver(Operation[Delivery]):
    """Tell a webhook again, at once, with the same `webhook-id`; and, if that fails, again and again for about a
    day."""

    spec = Spec(
        "redeliver",
        "POST",
        "/runs/{run_id}/deliveries/{delivery}/redeliver",
        Delivery,
        scope="run",
        read_only=False,
        idempotent=False,
        open_world=True,
    )
    run_id: RunId
    delivery: str = Field(description="Id of the delivery.")
