"""What the history says of many runs, and of one."""

from pydantic import Field

from umbel.machine import RunState
from umbel.service.models.base import Resource, Time
from umbel.service.models.server import Event


class RunBin(Resource):
    """The runs that were accepted within one stretch of time."""

    since: Time
    counts: dict[RunState, int] = Field(description="How many of them stand in each state now.")


class RunCounts(Resource):
    """How many runs were accepted when, by state."""

    since: Time = Field(description="From here on runs were counted.")
    until: Time = Field(description="Runs accepted before this were counted.")
    step: float = Field(description="Width of a bin in seconds. Bins begin at multiples of it since 1970 (UTC).")
    bins: list[RunBin] = Field(description="In order of time; bins without runs are left out.")
    total: dict[RunState, int] = Field(description="The sums of all bins.")
    complete: bool = Field(
        description="False if there are older runs that were not counted: one answer counts about a million, and looks"
        " for a text in the newest 10,000."
    )


class EventPage(Resource):
    """Events of a run in the order in which they happened."""

    items: list[Event]
    next_after: int | None = Field(
        default=None, description="Pass it as `after` for what follows; null if this is all so far."
    )
