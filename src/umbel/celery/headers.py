"""Headers of our messages."""

from typing import Final

MARK: Final = "umbel"
"""By which a worker knows one of our messages: {"run", "task", "epoch"}."""

TRACE: Final = "traceparent"
"""The task's place in a trace, as OpenTelemetry's instrumentation of Celery reads it."""
