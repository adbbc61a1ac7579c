"""Why a run failed, or why it waits."""

from typing import Any

from pydantic import Field

from umbel.machine import RunState
from umbel.service.models.base import Outcome, Resource


class RootCause(Resource):
    """The first failure of a run."""

    run_id: str | None = Field(default=None, description="Run of the task, if it is one that this run has started.")
    task: str
    attempt: int | None = None
    type: str | None = Field(default=None, description="Class of the exception.")
    message: str = ""
    file_line: str | None = Field(default=None, description="`file:line` of the task's own code where it was raised.")


class AttemptNote(Resource):
    """One attempt in a diagnosis."""

    task: str
    attempt: int
    outcome: Outcome
    ran: float | None = Field(default=None, description="Seconds it ran.")
    wait: float | None = Field(default=None, description="Seconds of pause after it.")
    error: str | None = None


class WaitingNote(Resource):
    """A task that has not ended, and why."""

    task: str
    reason: str


class SuggestedAction(Resource):
    """What to do next: an operation by name, with its arguments."""

    tool: str
    arguments: dict[str, Any]
    why: str


class Diagnosis(Resource):
    """Why a run failed, or why it waits. Computed, never guessed; at most 1500 bytes of JSON."""

    run_id: str
    state: RunState
    verdict: str = Field(description="One sentence.")
    root_cause: RootCause | None = None
    chain: list[str] = Field(default=[], description="Which tasks never ran, and why.")
    attempts: list[AttemptNote] = Field(default=[], description="Attempts of the task in question.")
    waiting: list[WaitingNote] = Field(default=[])
    suggested_actions: list[SuggestedAction] = Field(default=[])
    left_out: int = Field(default=0, description="Entries that did not fit.")
