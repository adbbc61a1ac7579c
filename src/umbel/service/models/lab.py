"""The failure lab: what it can do, to which processes, and what it has done."""

from typing import Literal

from pydantic import Field

from umbel.service.models.base import Resource, Time

LabAct = Literal[
    "kill-child",
    "kill-worker",
    "freeze-child",
    "freeze-worker",
    "thaw",
    "pause-broker",
    "drop-message",
    "duplicate-message",
    "trouble-model",
    "restart-server",
]
"""What the failure lab can do."""


class LabAttempt(Resource):
    """An attempt that runs in a process."""

    run_id: str
    task: str = Field(description="Key of the task.")
    attempt: int


class LabProcess(Resource):
    """A process that the stack has started, or a pool process of its worker."""

    part: str = Field(description="The part of the stack: server, worker, valkey, model.")
    main: bool = Field(description="The part's own process; false for a pool process of the worker.")
    pid: int
    frozen: bool = Field(default=False, description="Whether it stands still (SIGSTOP).")
    runs: list[LabAttempt] = Field(default=[], description="What it runs now, as far as the state store answers.")


class LabChoice(Resource):
    """Something that the lab does."""

    act: LabAct
    title: str
    next: str = Field(description="What happens then, by the settings of this stack.")
    possible: bool = Field(description="Whether there is something to do it to now.")
    why_not: str | None = Field(default=None)


class LabDone(Resource):
    """Something that the lab has done."""

    id: str
    act: LabAct
    at: Time
    until: Time | None = Field(default=None, description="When it ends by itself.")
    did: str = Field(description="What was done, in a sentence.")
    next: str = Field(description="What happens then.")
    run_id: str | None = Field(default=None, description="The run that it hit, as far as one is known.")
    task: str | None = Field(default=None, description="Key of the task that it hit.")
    pids: list[int] = Field(default=[], description="Processes that it hit.")


class LabView(Resource):
    """The failure lab as it stands."""

    enabled: bool = Field(description="Whether this server has one: `umbel demo` does.")
    why_not: str | None = Field(default=None, description="If not: why.")
    choices: list[LabChoice] = Field(default=[])
    processes: list[LabProcess] = Field(default=[], description="All that it would ever touch.")
    done: list[LabDone] = Field(default=[], description="What was done lately, newest first.")
