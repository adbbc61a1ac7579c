"""Spans of a run, its tasks and attempts: ids, parents and where they go.

Ids are computed from the run, so that two servers, or one that starts anew, make the same ones: the trace is the
caller's if the run was started with a `traceparent`, else it is the run's id (a UUID has as many bits as a trace id).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from umbel.errors import SettingsError

Kind = Literal["server", "internal", "consumer"]
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)

CALLER: Final[ContextVar[str | None]] = ContextVar("umbel.traceparent", default=None)
"""The `traceparent` of the request in whose context this runs."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times are ms UTC; `error` is why it failed, "" if it failed without words, None if it did not."""

    name: str
    kind: Kind
    trace: str
    id: str
    parent: str | None
    start: int
    end: int
    attributes: Mapping[str, str | int]
    error: str | None = None
    exception: Mapping[str, str] = field(default_factory=dict)


class Exporter(Protocol):
    """Where spans go."""

    def export(self, spans: Sequence[Span]) -> bool:
        """Sends them; False if nobody took them."""
        ...

    def close(self) -> None:
        """No more."""


def parse(traceparent: str) -> tuple[str, str] | None:
    """Trace and span of a `traceparent` header (W3C Trace Context); None if it is none."""
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    return (found.group(1), found.group(2)) if found else None


def trace_of(run: str, traceparent: str | None) -> tuple[str, str | None]:
    """The trace of a run that no task has started, and the span that is its parent."""
    return (traceparent and parse(traceparent)) or (run.replace("-", ""), None)


def span_id(run: str, *place: int) -> str:
    """The id of a run's span (its epoch), of a task's (index, epoch) or of an attempt's (index, epoch, attempt)."""
    return hashlib.sha256(":".join([run, *map(str, place)]).encode()).hexdigest()[:16]


def traceparent(trace: str, span: str) -> str:
    """The header for who works within this span."""
    return f"00-{trace}-{span}-01"


def otlp() -> Exporter:
    """Sends spans by OTLP over HTTP, to where OpenTelemetry's own variables say (OTEL_EXPORTER_OTLP_ENDPOINT, ...).

    Raises:
        SettingsError: the libraries are not there.
    """
    try:
        from umbel.observe.otlp import Otlp
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"UMBEL_OTEL is set, but {error.name} is not installed.", hint="pip install 'umbel[otel]'"
        ) from error
    return Otlp()
