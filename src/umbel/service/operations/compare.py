"""Two runs side by side."""

from typing import Final

from pydantic import Field

from umbel.service.models import Comparison
from umbel.service.operations.base import Operation, RunId, Spec

LAST_SUCCESS: Final = "last_success"


class CompareRuns(Operation[Comparison]):
    """What is different about a run: its payload, its plan, the outcome, duration and worker of each task, beside
    another run's. `last_success` is the newest run of the same definition that was accepted before it and succeeded."""

    spec = Spec("compare_runs", "GET", "/runs/{run_id}/compare/{other}", Comparison)
    run_id: RunId
    other: str = Field(
        max_length=80,
        description="Id of the run to compare with, or `last_success`.",
        examples=[LAST_SUCCESS],
    )
