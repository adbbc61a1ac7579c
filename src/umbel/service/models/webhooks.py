"""What webhooks were told, and how it went."""

from typing import Literal

from pydantic import Field

from umbel.service.models.base import Resource, Time

DeliveryStatus = Literal["pending", "delivered", "failed"]


class DeliveryAttemptView(Resource):
    """One request to a webhook. With neither `status` nor `error` it is under way, or its server died."""

    attempt: int = Field(description="Number of the attempt, from 1.")
    at: Time
    status: int | None = Field(default=None, description="HTTP status of the answer.")
    seconds: float | None = Field(default=None, description="How long it took.")
    error: str | None = Field(default=None, description="Why it did not count as delivered.")
    answer: str = Field(default="", description="The first 500 bytes of the answer: the other side's own words.")


class Delivery(Resource):
    """What a webhook is told of the end of a run."""

    id: str = Field(description="The same in every attempt: the request's `webhook-id`.")
    run_id: str
    epoch: int = Field(description="The run's, whose end it tells of.")
    event: Literal["success", "failure", "cancel"] = Field(description="How it ended.")
    url: str
    status: DeliveryStatus = Field(description="`failed`: given up, after about a day.")
    created_at: Time
    next_at: Time | None = Field(default=None, description="When the next attempt is made.")
    finished_at: Time | None = Field(default=None, description="When it was delivered or given up.")
    attempts: list[DeliveryAttemptView] = Field(default=[])


class DeliveryList(Resource):
    """Deliveries, the newest first."""

    items: list[Delivery]
    next_cursor: str | None = Field(
        default=None, description="Pass it as `cursor` for the next page; null on the last."
    )
