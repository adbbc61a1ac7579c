"""The failure lab: break something of the embedded stack, and watch what becomes of the runs."""

from typing import Annotated

from pydantic import Field

from umbel.service.models.lab import LabAct, LabDone, LabView
from umbel.service.operations.base import Operation, Spec


class GetLab(Operation[LabView]):
    """What the failure lab can do now, to which processes, and what it did lately."""

    spec = Spec("get_lab", "GET", "/lab", LabView, query=("run_id",), tool=False)
    run_id: str | None = Field(default=None, max_length=40, description="Only say what was done to this run.")


class ActInLab(Operation[LabDone]):
    """Break something of the embedded stack: only where the server has a failure lab (`umbel demo`), and only what that
    stack has started itself. With `task`, at the moment when this task of the run runs; waits for it `within` seconds.
    """

    # Of scope admin, since processes and queues are everybody's: it breaks the runs of others too.
    spec = Spec(
        "act_in_lab",
        "POST",
        "/lab/{act}",
        LabDone,
        scope="admin",
        tool=False,
        read_only=False,
        destructive=True,
        idempotent=False,
    )
    act: Annotated[LabAct, Field(description="What to do.")]
    run_id: str | None = Field(
        default=None, max_length=40, description="Whose task, or whose message; any run's if not given."
    )
    task: str | None = Field(
        default=None, max_length=400, description="Key of the task that has to run, with `run_id`."
    )
    within: float = Field(default=10.0, ge=0, le=40, description="Seconds to wait until there is something to hit.")
    seconds: float | None = Field(
        default=None,
        gt=0,
        le=600,
        description="How long it lasts: a freeze (10 if not given, at most 60), a pause of the broker (3, 30), trouble"
        " of the model service (30, 600).",
    )
    delay: float = Field(
        default=0.0, ge=0, le=60, description="Seconds by which the model service answers each call later."
    )
    fail: int = Field(default=0, ge=0, le=1000, description="How many calls of the model service fail next.")
