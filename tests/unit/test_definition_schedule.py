"""When a schedule ticks: by hand near changes of clocks, by Celery's own crontab everywhere else."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab as CeleryCrontab
from hypothesis import given, settings
from hypothesis import strategies as st

from umbel.definition import Schedule, parse
from umbel.definition.durations import seconds
from umbel.definition.schedule import check_crontab


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def ticks(crontab: str, zone: str, after: str, count: int) -> list[str]:
    found = Schedule(crontab=crontab, timezone=zone).following(ms(after), count)
    return [datetime.fromtimestamp(each / 1000, ZoneInfo(zone)).isoformat(timespec="minutes")[5:] for each in found]


# Berlin 2026: clocks go forward on March 29th at 02:00+01:00, back on October 25th at 03:00+02:00.
SPRING, AUTUMN = "2026-03-28T12:00+01:00", "2026-10-24T12:00+02:00"


@pytest.mark.parametrize(
    ("crontab", "after", "found"),
    [
        # A time in the gap ticks at its end, once.
        ("30 2 * * *", SPRING, ["03-29T03:00+02:00", "03-30T02:30+02:00"]),
        ("0,30 2 * * *", SPRING, ["03-29T03:00+02:00", "03-30T02:00+02:00", "03-30T02:30+02:00"]),
        ("0 2-3 * * *", SPRING, ["03-29T03:00+02:00", "03-30T02:00+02:00", "03-30T03:00+02:00"]),
        # A time that comes twice ticks the first time.
        ("30 2 * * *", AUTUMN, ["10-25T02:30+02:00", "10-26T02:30+01:00"]),
        ("30 2 * * *", "2026-10-25T02:30+02:00", ["10-26T02:30+01:00"]),
        ("30 2 * * *", "2026-10-25T02:15+01:00", ["10-26T02:30+01:00"]),
        ("0 3 * * *", AUTUMN, ["10-25T03:00+01:00", "10-26T03:00+01:00"]),
        # Every so often: by the time that passes.
        ("0 * * * *", "2026-03-29T00:30+01:00", ["03-29T01:00+01:00", "03-29T03:00+02:00", "03-29T04:00+02:00"]),
        ("0 * * * *", "2026-10-25T01:30+02:00", ["10-25T02:00+02:00", "10-25T02:00+01:00", "10-25T03:00+01:00"]),
        ("*/30 2 * * *", AUTUMN, [f"10-25T02:{at}" for at in ("00+02:00", "30+02:00", "00+01:00", "30+01:00")]),
        ("*/30 2 * * *", SPRING, ["03-30T02:00+02:00"]),
    ],
)
def test_where_clocks_change(crontab: str, after: str, found: list[str]) -> None:
    assert ticks(crontab, "Europe/Berlin", after, len(found)) == found


@pytest.mark.parametrize("crontab", ["30 2 * * *", "0,30 2 * * *", "0 * * * *", "*/7 * * * *", "15 1-3 * * *"])
def test_asking_from_anywhere_gives_the_same_ticks(crontab: str) -> None:
    schedule = Schedule(crontab=crontab, timezone="Europe/Berlin")
    for around in (SPRING, AUTUMN):
        start = ms(around)
        all_ticks = schedule.following(start, 300)
        assert all_ticks == sorted(set(all_ticks))
        for at in range(start, start + 30 * 3_600_000, 13 * 60_000):
            assert schedule.after(at) == next(each for each in all_ticks if each > at)


def test_a_time_zone_moves_the_day() -> None:
    assert ticks("0 3 * * *", "Asia/Tokyo", "2026-06-01T00:00Z", 1) == ["06-02T03:00+09:00"]
    assert Schedule(crontab="0 3 * * *").after(ms("2026-06-01T00:00Z")) == ms("2026-06-01T03:00Z")


FIELDS = [
    st.sampled_from(["*", "*/15", "0", "5,35", "10-20/5", "50-10"]),
    st.sampled_from(["*", "*/3", "0", "3,22", "22-2", "9-17/4"]),
    st.sampled_from(["*", "1", "*/10", "28-31", "13"]),
    st.sampled_from(["*", "2", "nov-feb", "*/4", "6,december"]),
    st.sampled_from(["*", "0", "mon-fri", "sat-mon", "5", "*/2", "friday"]),
]


@settings(max_examples=150, deadline=None)
@given(st.tuples(*FIELDS), st.integers(1_700_000_000, 1_900_000_000))
def test_ticks_are_those_of_celery(fields: tuple[str, ...], start: int) -> None:
    if fields[4] == "*/2":
        return  # cron counts days of the week to 7, Celery to 6; both agree on 0, 2, 4, 6
    text = " ".join(fields)
    minute, hour, day, month, weekday = (each.replace("december", "12").replace("nov-feb", "11-2") for each in fields)
    theirs = CeleryCrontab(
        minute=minute, hour=hour, day_of_month=day, month_of_year=month, day_of_week=weekday, nowfun=None
    )
    schedule = Schedule(crontab=text)
    at = start * 1000
    for _ in range(5):
        tick = schedule.after(at)
        assert tick is not None
        when = datetime.fromtimestamp(tick / 1000, UTC)
        assert when.minute in theirs.minute
        assert when.hour in theirs.hour
        assert when.day in theirs.day_of_month
        assert when.month in theirs.month_of_year
        assert when.isoweekday() % 7 in theirs.day_of_week
        # Nothing was left out: no minute in between matches.
        gap = datetime.fromtimestamp(at // 60_000 * 60, UTC) + timedelta(minutes=1)
        for _ in range(min(int((when - gap).total_seconds() // 60), 2000)):
            assert not (
                gap.minute in theirs.minute
                and gap.hour in theirs.hour
                and gap.day in theirs.day_of_month
                and gap.month in theirs.month_of_year
                and gap.isoweekday() % 7 in theirs.day_of_week
            ), gap
            gap += timedelta(minutes=1)
        at = tick


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789*/,-LW#?sunmojaf é\t", max_size=30))
def test_any_text_is_a_crontab_or_is_refused(text: str) -> None:
    if not check_crontab(text):
        assert Schedule(crontab=text).after(0)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_time_zone_or_is_refused(text: str) -> None:
    quoted = text.encode("ascii", "backslashreplace").decode().replace("\\", "\\\\").replace('"', "")
    catalog = parse(f'a.B: {{tasks: [A], schedule: {{cron: "0 3 * * *", timezone: "{quoted}"}}}}')
    assert catalog.problems or catalog.definitions["a.B"].schedule


def test_interval_ticks_at_its_multiples() -> None:
    schedule = Schedule(interval_ms=90_000)
    assert schedule.following(0, 3) == [90_000, 180_000, 270_000]
    assert schedule.after(89_999) == 90_000
    assert schedule.after(90_000) == 180_000
    assert schedule.last_before(90_000, 270_000) == 180_000
    assert schedule.last_before(90_000, 270_001) == 270_000


@pytest.mark.parametrize("crontab", ["* * * * *", "0 3 * * *", "0 0 1 * *", "0 0 29 2 *", "0 0 1 jan mon"])
def test_newest_of_many_missed_ticks(crontab: str) -> None:
    schedule = Schedule(crontab=crontab, timezone="Europe/Berlin")
    first = schedule.after(ms("2020-01-01T00:00Z"))
    assert first is not None
    for end in (first + 1, first + 59_000, ms("2026-10-25T02:00+01:00"), ms("2029-01-01T12:34:56Z")):
        newest = schedule.last_before(first, end)
        following = schedule.after(newest)
        assert newest < end <= (following or end)


def test_spec_says_what_the_ticks_depend_on() -> None:
    assert Schedule(crontab="0 3 * * *", timezone="Europe/Berlin", payload={"a": 1}).spec == "0 3 * * * Europe/Berlin"
    assert Schedule(interval_ms=1500).spec == "every 1.5 s"


class TestReading:
    def schedule(self, text: str) -> Schedule | None:
        catalog = parse(f"a.B: {{tasks: [A], {text}}}")
        assert [each for each in catalog.problems if each.severity == "error"] == []
        return catalog.definitions["a.B"].schedule

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("periodic: {interval: 10, payload: {from: beat}}", Schedule(interval_ms=10_000, payload={"from": "beat"})),
            ("periodic: {interval: 1m30s}", Schedule(interval_ms=90_000)),
            ("periodic: {crontab: '*/1 * * * *'}", Schedule("*/1 * * * *")),
            # What Director made of them is in its recording `beat-schedule`.
            ("periodic: {schedule: 15}", Schedule(interval_ms=15_000)),
            ("periodic: {schedule: 0 12 1 * *}", Schedule("0 12 * * 1")),
            (
                "schedule: {cron: 0  3 * * mon-fri, timezone: Europe/Berlin, catchup: last, overlap: skip}",
                Schedule("0 3 * * mon-fri", timezone="Europe/Berlin", catchup="last", overlap="skip"),
            ),
            ("schedule: {interval: 1h, catchup: , payload: }", Schedule(interval_ms=3_600_000)),
            ("queue: q", None),
        ],
    )
    def test_forms(self, text: str, found: Schedule | None) -> None:
        assert self.schedule(text) == found

    def test_words_that_mean_nothing_are_told_of(self) -> None:
        (problem,) = parse("a.B: {tasks: [A], periodic: {interval: 5, timezon: UTC}}").problems
        assert (problem.code, problem.severity, problem.hint) == ("unknown-key", "warning", "Did you mean 'timezone'?")

    def test_retention(self) -> None:
        def kept(text: str) -> tuple[int | None, float | None]:
            catalog = parse(f"a.B: {{tasks: [A], retention: {text}}}")
            assert catalog.problems == ()
            found = catalog.definitions["a.B"].retention
            assert found is not None
            return found.runs, found.seconds

        assert kept("{offset: 2}") == (2, None)
        assert kept("{offset: 0}") == (0, None)
        assert kept("{offset: -1}") == (None, None)
        assert kept("30d") == (None, 30 * 86_400)


@pytest.mark.parametrize(
    ("text", "found"),
    [("90", 90), ("90s", 90), ("1m30s", 90), ("PT1M30S", 90), ("1.5h", 5400), ("P30D", 2_592_000), ("500ms", 0.5)],
)
def test_durations(text: str, found: float) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("value", ["", "P", "PT", "s", "1x", "-1", "1e5", "1 2", "9" * 39, True, None, -1])
def test_no_durations(value: object) -> None:
    with pytest.raises(ValueError):
        seconds(value)


@pytest.mark.parametrize("crontab", ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6 *"])
def test_a_day_that_never_comes_is_told_as_that(crontab: str) -> None:
    assert check_crontab(crontab) == "it never ticks: no day matches it"


def test_a_day_that_no_month_has_is_no_day() -> None:
    assert check_crontab("0 0 32 2 *") == "bad day-of-month"
