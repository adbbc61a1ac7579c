"""What stands below `periodic` (or `schedule`) and `retention`."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from yaml.nodes import MappingNode, Node

from umbel.definition import durations
from umbel.definition.document import describe, is_nothing, mapping, plain, text_of
from umbel.definition.model import Retention
from umbel.definition.problems import Report, shorten
from umbel.definition.schedule import Schedule, check_crontab

Pair = tuple[Node, Node]

MIN_INTERVAL: Final = 0.1
_WHEN: Final = ("interval", "crontab", "cron", "schedule")
_KEYS: Final = (*_WHEN, "timezone", "catchup", "overlap", "payload")
_EXAMPLE: Final = 'Write {crontab: "0 3 * * *"} (minute, hour, day of month, month, day of week) or {interval: 60}.'


def read_schedule(fields: Mapping[str, Pair], report: Report) -> Schedule | None:
    """The schedule of a definition with these fields; None if it has none or a wrong one, which is then reported."""
    if "periodic" in fields and "schedule" in fields:
        message = "a definition has `periodic` or `schedule`, not both"
        report.add("bad-schedule", fields["schedule"][0].start_mark, message, "They mean the same: keep one.")
        return None
    word = "periodic" if "periodic" in fields else "schedule"
    if word not in fields:
        return None
    node = fields[word][1]
    if not isinstance(node, MappingNode):
        report.add("bad-schedule", node.start_mark, f"`{word}` is a mapping, found {describe(node)}", _EXAMPLE)
        return None
    return _Reader(word, node, report).read()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # reads hundreds of files


class _Reader:
    def __init__(self, word: str, node: MappingNode, report: Report) -> None:
        self.word = word
        self.node = node
        self.fields = mapping(node, report)
        self.report = report

    def read(self) -> Schedule | None:
        before = self.report.errors
        for key in self.fields.keys() - set(_KEYS):
            message = f"{shorten(key)} below `{self.word}` has no effect"
            hint = self.report.nearest(key, _KEYS)
            self.report.add("unknown-key", self.fields[key][0].start_mark, message, hint, severity="warning")
        crontab, interval = self._when()
        values: dict[str, Any] = {
            "timezone": self._timezone(),
            "catchup": self._choice("catchup", ("none", "last", "all")),
            "overlap": self._choice("overlap", ("allow", "skip")),
            "payload": self._payload(),
        }
        return Schedule(crontab, interval, **values) if self.report.errors == before else None

    def _when(self) -> tuple[str | None, int | None]:
        given = [key for key in _WHEN if key in self.fields]
        if len(given) != 1:
            what = f"{' and '.join(given)} together" if given else "no crontab and no interval"
            self.report.add("bad-schedule", self.node.start_mark, f"`{self.word}` has {what}", _EXAMPLE)
            return None, None
        key = given[0]
        node = self.fields[key][1]
        if key == "interval":
            return None, self._interval(node)
        if key != "schedule":
            return self._crontab(node), None
        # celery-director's first form: seconds, or a crontab with its fields in another order (`beat-schedule`).
        text = text_of(node)
        fields = text.split() if text else []
        if len(fields) != 5:
            self._warn_legacy(node, f"interval: {text or shorten(str(plain(node, self.report)))}")
            return None, self._interval(node)
        minute, hour, weekday, day, month = fields
        crontab = f"{minute} {hour} {day} {month} {weekday}"
        self._warn_legacy(node, f'crontab: "{crontab}"')
        return self._crontab(node, crontab), None

    def _warn_legacy(self, node: Node, instead: str) -> None:
        message = "`schedule` below `periodic` reads its fields as minute, hour, day of week, day of month, month"
        self.report.add("legacy-schedule", node.start_mark, message, f"Write {instead}.", severity="warning")

    def _interval(self, node: Node) -> int | None:
        try:
            seconds = durations.seconds(plain(node, self.report))
        except ValueError:
            message = f"an interval is a duration, found {describe(node)}"
            self.report.add("bad-schedule", node.start_mark, message, durations.HINT)
            return None
        if seconds < MIN_INTERVAL:
            message = f"an interval of {seconds:g} seconds is too short"
            self.report.add("bad-schedule", node.start_mark, message, f"At least {MIN_INTERVAL} seconds.")
            return None
        return round(seconds * 1000)

    def _crontab(self, node: Node, crontab: str | None = None) -> str | None:
        text = crontab or text_of(node)
        if not text:
            message = f"a crontab is text with five fields, found {describe(node)}"
            self.report.add("bad-schedule", node.start_mark, message, _EXAMPLE)
            return None
        if wrong := check_crontab(text):
            message = f"{shorten(text)} cannot be used: {wrong}"
            self.report.add("bad-schedule", node.start_mark, message, _EXAMPLE)
            return None
        fields = text.split()
        if not fields[2].startswith("*") and not fields[4].startswith("*"):
            message = (
                f"{shorten(text)} ticks on days that match both: day of month {fields[2]}, day of week {fields[4]}"
            )
            hint = (
                "So does Celery; plain cron takes days that match either. Write `*` for one of them if that is meant."
            )
            self.report.add("day-and-weekday", node.start_mark, message, hint, severity="warning")
        return " ".join(fields)

    def _timezone(self) -> str:
        if "timezone" not in self.fields:
            return "UTC"
        node = self.fields["timezone"][1]
        name = text_of(node) or ""
        try:
            if name not in _zones():  # ZoneInfo itself looks in many places for a name that is none
                raise ValueError
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):  # not a name, a folder of names, no such name
            hint = self.report.nearest(name, _zones()) if name else ""
            message = (
                f"there is no time zone {shorten(name)}" if name else f"a time zone is a name, not {describe(node)}"
            )
            hint = hint or "Names are those of the IANA, such as Europe/Berlin."
            self.report.add("bad-schedule", node.start_mark, message, hint)
            return "UTC"
        return name

    def _choice(self, key: str, choices: tuple[str, ...]) -> str:
        if key not in self.fields:
            return choices[0]
        node = self.fields[key][1]
        # `catchup: none` is the text, `catchup: ~` nothing; both mean the same.
        name = choices[0] if is_nothing(node) else text_of(node)
        if name not in choices:
            hint = self.report.nearest(name, choices) if name else ""
            message = f"`{key}` is one of {', '.join(choices)}; found {describe(node)}"
            self.report.add("bad-schedule", node.start_mark, message, hint)
            return choices[0]
        return name

    def _payload(self) -> Mapping[str, Any]:
        if "payload" not in self.fields or is_nothing(self.fields["payload"][1]):
            return {}
        node = self.fields["payload"][1]
        if not isinstance(node, MappingNode):
            self.report.add("bad-schedule", node.start_mark, f"`payload` is a mapping, found {describe(node)}")
            return {}
        found: Mapping[str, Any] = plain(node, self.report) or {}
        return found


def read_retention(pair: Pair | None, report: Report) -> Retention | None:
    """How long runs of a definition are kept; None if it does not say, or says it wrongly, which is then reported.

    `retention: {offset: N}` keeps the newest N runs, -1 all (recording `retention-cleanup-broken`); a duration keeps
    those that ended so recently.
    """
    if pair is None:
        return None
    node = pair[1]
    if not isinstance(node, MappingNode):
        try:
            return Retention(seconds=durations.seconds(plain(node, report)))
        except ValueError:
            message = f"`retention` is a duration or {{offset: N}}, found {describe(node)}"
            report.add("bad-retention", node.start_mark, message, durations.HINT)
            return None
    fields = mapping(node, report)
    for word in fields.keys() - {"offset"}:
        message = f"{shorten(word)} below `retention` has no effect"
        hint = report.nearest(word, ["offset"])
        report.add("unknown-key", fields[word][0].start_mark, message, hint, severity="warning")
    if "offset" not in fields:
        report.add("bad-retention", node.start_mark, "`retention` has no `offset`", "It is the number of runs to keep.")
        return None
    node = fields["offset"][1]
    runs = plain(node, report)
    if not isinstance(runs, int) or isinstance(runs, bool) or not -1 <= runs < 2**31:
        message = f"`offset` is the number of runs to keep, found {describe(node)}"
        report.add("bad-retention", node.start_mark, message, "-1 keeps all. For a time write `retention: 30d`.")
        return None
    return Retention(runs=runs if runs >= 0 else None)
