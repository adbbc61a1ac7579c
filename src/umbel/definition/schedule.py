"""When a definition is started by itself: crontab or interval, as a pure function from one instant to the next.

Instants are milliseconds UTC. The rules, which `docs/howto/schedules.md` tells authors:

- An interval ticks at whole multiples of itself since 1970-01-01T00:00Z, wherever and whenever it is asked.
- A crontab is read by the wall clock of its time zone. Where clocks are set forward, a time that does not exist ticks
  at the first minute after the gap. Where they are set back, a time that comes twice ticks the first time only. A
  crontab whose minute or hour begins with `*` means "every so often", and follows the time that really passes: nothing
  is made up for in spring, and the repeated hour ticks twice. (This is Debian cron's rule; the library `cronsim` states
  and keeps it.)
- Day of month and day of week must both match, as in Celery's `crontab`; plain cron takes either.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

Catchup = Literal["none", "last", "all"]
Overlap = Literal["allow", "skip"]

_WINDOWS: Final = (3_600_000, 86_400_000, 32 * 86_400_000, 400 * 86_400_000)
_DAYS: Final = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
_MONTHS: Final = {
    name: number + 1
    for number, name in enumerate(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"))
}
_FIELDS: Final[tuple[tuple[int, int, Mapping[str, int]], ...]] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_LONGEST: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_RANGE: Final = re.compile(r"(\d{1,2}|[A-Z]{3})-(\d{1,2}|[A-Z]{3})(?:/(\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When runs are started, and with what. Exactly one of `crontab` and `interval_ms` is set.

    `catchup` says what becomes of ticks that fell due while no server ran; `overlap` whether a tick counts while a run
    of an earlier one is alive.
    """

    crontab: str | None = None
    interval_ms: int | None = None
    timezone: str = "UTC"
    catchup: Catchup = "none"
    overlap: Overlap = "allow"
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> str:
        """What the ticks depend on, as one text: `0 3 * * * Europe/Berlin`, or `every 90 s`."""
        if self.interval_ms is not None:
            return f"every {self.interval_ms / 1000:g} s"
        return f"{self.crontab} {self.timezone}"

    def after(self, at: int) -> int | None:
        """The first tick after the instant `at`; None if there is none in 50 years."""
        if self.interval_ms is not None:
            return (at // self.interval_ms + 1) * self.interval_ms
        assert self.crontab is not None
        return next_match(self.crontab, UTC if self.timezone == "UTC" else ZoneInfo(self.timezone), at)

    def following(self, at: int, count: int) -> list[int]:
        """The first `count` ticks after the instant `at`."""
        found: list[int] = []
        while len(found) < count and (tick := self.after(found[-1] if found else at)) is not None:
            found.append(tick)
        return found

    def last_before(self, first: int, end: int) -> int:
        """The newest tick before the instant `end`, given the tick `first`, which is one of those before it."""
        if self.interval_ms is not None:
            return (end - 1) // self.interval_ms * self.interval_ms
        for window in (*_WINDOWS, end):
            found = self.after(max(end - window, first) - 1)
            if found is not None and found < end:
                break
        newest = first
        while found is not None and found < end:
            newest, found = found, self.after(found)
        return newest


def next_match(crontab: str, zone: tzinfo, after: int) -> int | None:
    """The first instant after `after` that the crontab matches; None if there is none in 50 years.

    Raises:
        CronSimError: it is no crontab.
    """
    whole_second = datetime.fromtimestamp(after // 1000, UTC)
    matches = CronSim(_plain(crontab), whole_second if zone is UTC else whole_second.astimezone(zone))
    # CronSim has cron's rule (either), unless one of both begins with a star.
    matches.day_and = True
    if min(matches.days) > max(_LONGEST[month] for month in matches.months):
        return None  # CronSim would look through 50 years
    # Near a change of clocks it may name an instant again, or one that is over.
    for match in islice(matches, 200):
        found = round(match.timestamp() * 1000)
        if found > after:
            return found
    return None


@lru_cache(maxsize=1024)
def check_crontab(crontab: str) -> str:
    """What is wrong with a crontab; nothing if it is right."""
    if len(crontab) > 200 or not crontab.isascii():
        return "it is no crontab"
    if len(crontab.split()) != 5:
        return f"it has {len(crontab.split())} fields, not 5"
    never = "it never ticks: no day matches it"
    try:
        return "" if next_match(crontab, UTC, 0) is not None else never
    except CronSimError as error:
        if _in_any_month(crontab):  # CronSim calls February 31st a bad day
            return never
        return str(error)[:1].lower() + str(error)[1:]


def _in_any_month(crontab: str) -> bool:
    minute, hour, day, month, weekday = crontab.split()
    try:
        CronSim(_plain(f"{minute} {hour} {day} * {weekday}"), datetime.fromtimestamp(0, UTC))
        CronSim(_plain(f"{minute} {hour} * {month} {weekday}"), datetime.fromtimestamp(0, UTC))
    except CronSimError:
        return False
    return True


@lru_cache(maxsize=256)
def _plain(crontab: str) -> str:
    """The crontab in CronSim's words. Celery also knows `monday`, and ranges that wrap around, such as `22-2`."""
    fields = re.sub(r"[A-Z]{3}[A-Z]+", lambda name: name[0][:3], crontab.upper()).split()
    return " ".join(
        ",".join(_unwrapped(part, *limits) for part in each.split(","))
        for each, limits in zip(fields, _FIELDS, strict=True)
    )


def _unwrapped(part: str, low: int, high: int, names: Mapping[str, int]) -> str:
    match = _RANGE.fullmatch(part)
    if match is None:
        return part
    first, last = (names.get(text, -1) if text.isalpha() else int(text) for text in match.groups()[:2])
    step = int(match[3] or 1)
    if not low <= last < first <= high or step == 0:
        return part
    return ",".join(map(str, [*range(first, high + 1), *range(low, last + 1)][::step]))
