"""The versions of a definition that its runs have had."""

from typing import Any

from pydantic import Field

from umbel.machine import RunState
from umbel.service.models.base import Resource, Time
from umbel.service.models.comparison import PlanChange
from umbel.service.models.definitions import TaskDefinition


class Version(Resource):
    """What a definition was for some of its runs: one plan."""

    version: str = Field(description="Content hash of the plan: equal tasks have equal versions.")
    current: bool = Field(default=False, description="The definition is this now.")
    first_used: Time | None = Field(default=None, description="When its first run was accepted; null before that.")
    last_used: Time | None = Field(default=None, description="When the newest run was accepted.")
    runs: dict[RunState, int] = Field(default={}, description="Runs that were counted, by state.")
    tasks: int


class VersionList(Resource):
    """The versions of a definition, newest first."""

    definition: str = Field(description="`project.NAME`.")
    items: list[Version]
    counted: int = Field(description="Runs that were looked at.")
    more: bool = Field(
        default=False, description="There are older runs, perhaps of other versions; only the newest were looked at."
    )


class VersionDetail(Version):
    """One version: what was planned, and how it differs from another one."""

    definition: str = Field(description="`project.NAME`.")
    task_definitions: list[TaskDefinition] = Field(description="Its tasks.")
    plan: dict[str, Any] = Field(description="Everything that the plan says of each task, by key; secrets are ***.")
    against: str | None = Field(default=None, description="The version that it is compared with; null for none.")
    change: PlanChange | None = Field(default=None, description="How that one became this one.")
