"""The client's methods for what tasks gave and wrote."""

from typing import Literal

from umbel.client.operation import make
from umbel.client.part import Part
from umbel.service import operations as ops
from umbel.service.models import EventPage, LogPage, OutputPart, TaskList, TaskView


class Tasks(Part):
    """A part of `Client`."""

    def list_tasks(
        self, run_id: str, parent: str | None = None, *, cursor: str | None = None, limit: int = 100
    ) -> TaskList:
        """A page of the run's tasks, or (`parent`) of the items of one of its maps.

        Args:
            run_id: the run.
            parent: key of a task with `map`.
            cursor: `next_cursor` of the page before.
            limit: tasks per page, at most 500.
        """
        return self.call(make(ops.ListTasks, run_id=run_id, parent=parent, cursor=cursor, limit=limit))

    def get_task(self, run_id: str, key: str) -> TaskView:
        """One task with its result or error and its attempts."""
        return self.call(ops.GetTask(run_id=run_id, key=key))

    def list_events(self, run_id: str, key: str | None = None, *, after: int = 0, limit: int = 500) -> EventPage:
        """What happened to the run, in order; `key`: only events of this task.

        Args:
            run_id: the run.
            key: of a task.
            after: `next_after` of the page before, or the id of the last event seen.
            limit: events per page, at most 2000.
        """
        return self.call(make(ops.ListEvents, run_id=run_id, key=key, after=after, limit=limit))

    def get_logs(
        self, run_id: str, key: str | None = None, *, attempt: int | None = None, after: int = 0, limit: int = 500
    ) -> LogPage:
        """What the run's tasks wrote, in the order it arrived.

        Args:
            key: only this task.
            attempt: only this attempt.
            after: `next_after` of the page before, or the id of the last line seen.
            limit: lines per page, at most 5000.
        """
        if key is None:
            return self.call(make(ops.GetLogs, run_id=run_id, attempt=attempt, after=after, limit=limit))
        return self.call(make(ops.GetTaskLogs, run_id=run_id, key=key, attempt=attempt, after=after, limit=limit))

    def get_output(
        self,
        run_id: str,
        key: str | None = None,
        *,
        of: Literal["result", "error", "payload"] = "result",
        offset: int = 0,
        limit: int = 10_000,
    ) -> OutputPart:
        """A part of the JSON text of a result or an error that is too long to be read at once.

        Args:
            key: of this task; of the run if None, which has a `payload` too.
            offset: `next_offset` of the part before.
            limit: characters per part, at most 50,000.
        """
        return self.call(make(ops.GetOutput, run_id=run_id, key=key, of=of, offset=offset, limit=limit))
