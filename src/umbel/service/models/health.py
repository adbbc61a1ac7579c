"""What is wrong with an installation."""

from typing import Literal

from pydantic import Field

from umbel.service.models.base import Resource

Severity = Literal["danger", "warning", "note"]
"""The words of `umbel check-app`: danger: something does not work, or loses work; warning: it may; note: to know."""


class Finding(Resource):
    """One thing that is wrong, or worth knowing."""

    id: str = Field(description="Name of what was found; it does not change.")
    severity: Severity
    what: str = Field(description="What was seen.")
    why: str = Field(description="Why that matters.")
    fix: str = Field(description="What to do.")
    source: str = Field(description="Where that is written.")


class Health(Resource):
    """What was looked at, and what was found, the worst first."""

    ok: bool = Field(description="There is no danger.")
    version: str = Field(description="Of Umbel.")
    checked: dict[str, str] = Field(description="Part -> what it is, in a few words; its finding says what is wrong.")
    findings: list[Finding]
