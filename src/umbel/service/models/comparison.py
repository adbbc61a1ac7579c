"""How two runs differ."""

from typing import Any, Literal

from pydantic import Field

from umbel.machine import TaskState
from umbel.service.models.base import Resource
from umbel.service.models.runs import Run


class ValueChange(Resource):
    """One place of a payload at which two runs differ."""

    pointer: str = Field(description="Where: a JSON pointer.")
    kind: Literal["added", "removed", "changed"] = Field(description="What the run did to the other one's payload.")
    before: str | None = Field(default=None, description="The other's value as JSON, cut if it is long.")
    after: str | None = Field(default=None, description="The run's value.")


class FieldChange(Resource):
    """What a definition says of a task, in both plans; long texts are cut."""

    name: str = Field(description="`needs`, `task`, or another field of a plan's task.")
    before: str | None = None
    after: str | None = None


class TaskChange(Resource):
    """A task that two plans have, but not alike."""

    key: str
    fields: list[FieldChange]


class PlanChange(Resource):
    """How the plans differ: what the run's has and the other's has not, and the other way round."""

    same: bool
    hash: str = Field(description="Content hash of the run's plan.")
    other_hash: str
    added: list[str] = Field(default=[], description="Keys of tasks that only the run has.")
    removed: list[str] = Field(default=[], description="Keys of tasks that only the other one has.")
    changed: list[TaskChange] = Field(default=[])
    settings: list[str] = Field(
        default=[], description="What else differs: `deadline`, `engine`, `webhook`, `returns`."
    )
    left_out: int = Field(default=0, description="Tasks that are not named here, since there are too many.")


class TaskSide(Resource):
    """A task in one of the runs."""

    state: TaskState
    attempts: int = 0
    duration: float | None = Field(default=None, description="Seconds from its first start to its end.")
    queue_wait: float | None = Field(default=None, description="Seconds that its attempts waited for a worker, in all.")
    worker: str | None = Field(default=None, description="Worker of the last attempt.")
    items: int | None = Field(default=None, description="Of a map: how many items.")
    error: str | None = Field(default=None, description="First line of its error.")


class ComparedTask(Resource):
    """One task side by side."""

    key: str
    run: TaskSide | None = Field(default=None, description="Null if the run's plan has no such task.")
    other: TaskSide | None = None
    differs: list[Literal["state", "error", "attempts", "items", "result"]] = Field(
        default=[], description="What differs; `result` if both succeeded with different ones."
    )


class ComparedWorker(Resource):
    """A worker that had tasks of one of the runs."""

    name: str
    host: str | None = None
    attempts: int = Field(description="Attempts of the run that it had.")
    other_attempts: int
    version: str | None = Field(default=None, description="Its Umbel, if it is still known; as it is now.")
    versions: dict[str, Any] = Field(default={}, description="Of what it runs on; as they are now.")


class Comparison(Resource):
    """How a run differs from another one. What is sealed is *** in both, and not compared."""

    run: Run
    other: Run
    verdict: str = Field(description="One sentence.")
    first_difference: str | None = Field(
        default=None, description="Key of the first task, in the order of what needs what, that ended otherwise."
    )
    payload: list[ValueChange] = Field(description="How the payload became what it is.")
    payload_left_out: int = Field(default=0, description="Places that are not named, since there are too many.")
    plan: PlanChange
    tasks: list[ComparedTask] = Field(description="All tasks of both, in the order of what needs what.")
    workers: list[ComparedWorker]
