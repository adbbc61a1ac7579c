"""The X-ray of a run: what was recorded of it, put in order, explained, and said in sentences."""

from umbel.service.xray.trace import get_trace

__all__ = ["get_trace"]
