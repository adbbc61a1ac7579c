"""The client's method for X-rays."""

from umbel.client.operation import make
from umbel.client.part import Part
from umbel.service import operations as ops
from umbel.service.models.trace import Trace


class XRay(Part):
    """A part of `Client`."""

    def get_trace(self, run_id: str, *, after: int = 0, limit: int = 200, kinds: str | None = None) -> Trace:
        """How a run really went through the broker, step by step.

        Args:
            run_id: the run; or the id under which a plain Celery app was recorded.
            after: only records behind this number. limit: at most so many.
            kinds: only these, with commas between, such as `published,delivered`.
        """
        return self.call(make(ops.GetTrace, run_id=run_id, after=after, limit=limit, kinds=kinds))
