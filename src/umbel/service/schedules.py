"""Schedules: when each definition is started by itself, and stopping that for a while."""

from typing import Any, Final

from umbel.definition import Schedule
from umbel.errors import ScheduleNotFound
from umbel.secrets import hide
from umbel.service.models import ScheduleList, ScheduleSpec, ScheduleView, instant
from umbel.service.umbel import Umbel
from umbel.store import ScheduleRow

NEXT: Final = 5
"""How many of the next times are shown."""


def list_schedules(umbel: Umbel) -> ScheduleList:
    """The schedule of every definition that has one, by name. Raises HistoryUnavailable."""
    rows = umbel.store.schedules()
    definitions = sorted(umbel.definitions.catalog.definitions.items())
    scheduled = [(name, each.schedule) for name, each in definitions if each.schedule]
    return ScheduleList(items=[_view(umbel, name, schedule, rows.get(name)) for name, schedule in scheduled])


def pause_schedule(umbel: Umbel, name: str) -> ScheduleView:
    """Start no runs by this schedule until it is resumed.

    Raises:
        DefinitionNotFound, DefinitionError: nothing can be started by this name.
        ScheduleNotFound: it has no schedule.
        HistoryUnavailable: the database does not answer.
    """
    return _set(umbel, name, paused=True)


def resume_schedule(umbel: Umbel, name: str) -> ScheduleView:
    """Go on with the first tick from now; what was due meanwhile is not made up for. Raises as `pause_schedule`."""
    return _set(umbel, name, paused=False)


def schedule_spec(umbel: Umbel, schedule: Schedule) -> ScheduleSpec:
    """A schedule as it is written, and its next times."""
    return ScheduleSpec(**_fields(umbel, schedule))


def _set(umbel: Umbel, name: str, *, paused: bool) -> ScheduleView:
    definition, _ = umbel.definitions.get(name)
    schedule = definition.schedule
    if schedule is None:
        raise ScheduleNotFound(f"The definition {name} has no schedule.")
    umbel.store.pause(name, schedule.spec, schedule.after(umbel.keeper.now()), paused=paused)
    return _view(umbel, name, schedule, umbel.store.schedules().get(name))


def _view(umbel: Umbel, name: str, schedule: Schedule, row: ScheduleRow | None) -> ScheduleView:
    fields = _fields(umbel, schedule)
    if row is None:
        return ScheduleView(definition=name, **fields)
    if row.paused:
        fields["next"] = []
    return ScheduleView(
        definition=name,
        paused=row.paused,
        last_at=instant(row.last_at),
        last_run=row.last_run,
        skipped_at=instant(row.skipped_at),
        skipped_why=row.skipped_why,
        **fields,
    )


def _fields(umbel: Umbel, schedule: Schedule) -> dict[str, Any]:
    return {
        "crontab": schedule.crontab,
        "interval": None if schedule.interval_ms is None else schedule.interval_ms / 1000,
        "timezone": schedule.timezone,
        "catchup": schedule.catchup,
        "overlap": schedule.overlap,
        "payload": hide(schedule.payload),
        "next": [instant(each) for each in schedule.following(umbel.keeper.now(), NEXT)],
    }
