"""The X-ray of a run."""

from pydantic import Field

from umbel.service.models.trace import Trace
from umbel.service.operations.base import LARGEST, Operation, RunId, Spec


class GetTrace(Operation[Trace]):
    """The X-ray of a run: how it really went through the broker. Every message, acknowledgement, state change and call
    of the demo's model, and where the embedded Valkey is used its commands with what they changed, in order, each with
    a sentence. Empty, with a hint, where nothing was recorded (UMBEL_XRAY)."""

    spec = Spec("get_trace", "GET", "/runs/{run_id}/trace", Trace, query=("after", "limit", "kinds"))
    run_id: RunId
    after: int = Field(default=0, ge=0, le=LARGEST, description="Only records behind this number.")
    limit: int = Field(default=200, ge=1, le=20_000, description="At most so many records.")
    kinds: str | None = Field(
        default=None,
        max_length=200,
        description="Only these kinds, with commas between: published, delivered, acknowledged, rejected, command,"
        " event, call.",
        examples=["published,delivered"],
    )
