"""The client's methods for the failure lab."""

from umbel.client.operation import make
from umbel.client.part import Part
from umbel.service import operations as ops
from umbel.service.models.lab import LabAct, LabDone, LabView


class Lab(Part):
    """A part of `Client`."""

    def get_lab(self, run_id: str | None = None) -> LabView:
        """What the failure lab can do now, to which processes, and what it did lately (to this run)."""
        return self.call(make(ops.GetLab, run_id=run_id))

    def act_in_lab(
        self,
        act: LabAct,
        *,
        run_id: str | None = None,
        task: str | None = None,
        within: float = 10.0,
        seconds: float | None = None,
        delay: float = 0.0,
        fail: int = 0,
    ) -> LabDone:
        """Break something of the stack that the server belongs to.

        Args:
            act: what to do.
            run_id: whose task, or message.
            task: key of the task that has to run at that moment.
            within: seconds (at most 40) to wait until there is something to hit.
            seconds: how long it lasts, where it ends by itself.
            delay: seconds by which the model service answers later.
            fail: how many calls of the model service fail next.
        """
        asked = make(
            ops.ActInLab,
            act=act,
            run_id=run_id,
            task=task,
            within=within,
            seconds=seconds,
            delay=delay,
            fail=fail,
        )
        return self.call(asked, patience=within)
