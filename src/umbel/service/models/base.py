"""What all resources have in common, and the types of their fields."""

from datetime import UTC, datetime
from typing import Annotated, Literal, overload

from pydantic import BaseModel, ConfigDict, PlainSerializer


def utc(value: datetime) -> str:
    """An instant in RFC 3339: UTC, milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(utc, return_type=str, when_used="json")]
"""An instant. In JSON: RFC 3339, UTC, milliseconds (`2026-11-22T16:58:34.123Z`)."""

Status = Literal["pending", "progress", "success", "error", "canceled"]
Outcome = Literal[
    "running", "success", "error", "retrying", "lost", "skipped", "fenced", "canceled", "expanded", "asked"
]
Kind = Literal["task", "map", "item", "workflow", "approval"]


@overload
def instant(ms: int) -> datetime: ...
@overload
def instant(ms: None) -> None: ...
@overload
def instant(ms: int | None) -> datetime | None: ...
def instant(ms: int | None) -> datetime | None:
    """Milliseconds UTC as an instant."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


class Resource(BaseModel):
    """Base of all answers. Fields that a newer server adds are ignored."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null", serialize_by_alias=True, validate_by_name=True)
