"""Schedules, which start runs by themselves, the workers that run them, and the queues between the two."""

from pydantic import Field

from umbel.service.models import QueueList, ScheduleList, ScheduleView, WorkerList
from umbel.service.operations.base import Operation, Spec


class ListSchedules(Operation[ScheduleList]):
    """Which definitions are started by themselves: when, their next five times, their last run."""

    spec = Spec("list_schedules", "GET", "/schedules", ScheduleList)


class PauseSchedule(Operation[ScheduleView]):
    """Start no runs by the schedule of a definition until it is resumed. Runs that are there already go on."""

    spec = Spec("pause_schedule", "POST", "/schedules/{definition}/pause", ScheduleView, scope="run", read_only=False)
    definition: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class ResumeSchedule(Operation[ScheduleView]):
    """Go on starting runs by the schedule of a definition. What was due while it was paused is not made up for."""

    spec = Spec("resume_schedule", "POST", "/schedules/{definition}/resume", ScheduleView, scope="run", read_only=False)
    definition: str = Field(description="`project.NAME`.", examples=["demo.PIPELINE"])


class ListWorkers(Operation[WorkerList]):
    """The workers: which queues each takes from, whether it is alive, how much it runs."""

    spec = Spec("list_workers", "GET", "/workers", WorkerList)


class ListQueues(Operation[QueueList]):
    """The queues, unhealthy ones first: how much waits in the broker and in runs, since when, who listens, what runs,
    which definitions use each, and why nobody takes what waits."""

    spec = Spec("list_queues", "GET", "/queues", QueueList)
