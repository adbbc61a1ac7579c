"""Spans in OpenTelemetry's own form. Imported only where traces are wanted."""

from collections.abc import Sequence
from typing import Any, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from umbel import __version__
from umbel.observe.spans import Span

_KINDS: Final = {"server": SpanKind.SERVER, "internal": SpanKind.INTERNAL, "consumer": SpanKind.CONSUMER}
_SCOPE: Final = InstrumentationScope("umbel", __version__)
PORTION: Final = 500
"""Spans in one request."""


class Otlp:
    """Hands spans to an exporter of OpenTelemetry's SDK.

    Args:
        exporter: the one for OTLP over HTTP if None.
    """

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
        self._exporter = exporter
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go first.
        named = Resource.create({"service.version": __version__})
        unnamed = str(named.attributes.get("service.name", "unknown_service")).startswith("unknown_service")
        self._resource = named.merge(Resource({"service.name": "umbel"})) if unnamed else named

    def export(self, spans: Sequence[Span]) -> bool:
        """Sends them; False if nobody took them all."""
        good = True
        for start in range(0, len(spans), PORTION):
            some = [self._readable(span) for span in spans[start : start + PORTION]]
            good = self._exporter.export(some) is SpanExportResult.SUCCESS and good
        return good

    def close(self) -> None:
        """No more."""
        self._exporter.shutdown()

    def _readable(self, span: Span) -> ReadableSpan:
        events: list[Any] = []
        if span.exception:
            events.append(Event("exception", dict(span.exception), timestamp=span.end * 1_000_000))
        return ReadableSpan(
            span.name,
            context=_context(span.trace, span.id),
            parent=_context(span.trace, span.parent) if span.parent else None,
            resource=self._resource,
            attributes=dict(span.attributes),
            events=events,
            kind=_KINDS[span.kind],
            status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=span.start * 1_000_000,
            end_time=span.end * 1_000_000,
            instrumentation_scope=_SCOPE,
        )


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
