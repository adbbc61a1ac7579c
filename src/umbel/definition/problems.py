"""What can be wrong with a definition file: one table of codes, and the collector that every reader reports to."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from umbel.definition.model import Problem

CODES: Final[dict[str, str]] = {
    # the file
    "file-missing": "There is no workflows.yml in the project's folder.",
    "file-unreadable": "The definition file is there but cannot be read.",
    "file-too-large": "A definition file may hold up to 1 MB and 15,000 values.",
    "bad-character": "The file is not UTF-8 text, or holds a NUL or another character that YAML forbids.",
    "yaml-syntax": "The text is not YAML.",
    "too-deep": "Mappings and lists may be nested up to 50 deep, aliases included.",
    "alias-bomb": "Aliases may add up to 15,000 values to what the file spells out, and may not contain themselves.",
    "not-a-mapping": "The file must be one mapping of project.NAME to a definition.",
    "no-definitions": "The file defines nothing.",
    "too-many-problems": "Only the first 100 problems of a file are listed.",
    # any value
    "duplicate-key": "A mapping has the same key twice.",
    "bad-key": "A key of a mapping must be plain text.",
    "bad-value": "A value has no counterpart in JSON, or its YAML tag is not one of the plain ones.",
    # one definition
    "bad-name": "A definition is called project.NAME, in letters, digits, _ and -.",
    "duplicate-definition": "A definition is written twice; the later one counts, as in celery-director.",
    "bad-definition": "A definition is a mapping that has `tasks`.",
    "no-tasks": "A definition must run at least one task.",
    "bad-tasks": "`tasks` is a list (a chain with groups) or a mapping of key to task (any DAG).",
    "bad-description": "`description` is text.",
    "bad-defaults": "`defaults` is a mapping.",
    "bad-queue": "`queue` is a queue's name, or {default: NAME, customs: {TASK: NAME}}.",
    "bad-hooks": "`hooks` is {success: TASK, failure: TASK, webhook: URL}, or some of these.",
    "bad-webhook": "`webhook` is a URL of http or https, or {url: URL, events: [failure], headers: {NAME: VALUE}}.",
    "insecure-webhook": "A webhook leaves the local network without encryption.",
    "bad-schema": "`schema` is the name of a file below schemas/ or an inline mapping: a valid JSON Schema.",
    "schema-not-found": "There is no such file below schemas/.",
    "bad-schedule": "`periodic` has `crontab` or `interval`, perhaps `timezone`, `catchup`, `overlap`, `payload`.",
    "legacy-schedule": "celery-director's first form of a crontab has its fields in another order than cron's.",
    "day-and-weekday": "Day of month and day of week must both match, as in Celery; cron takes either.",
    "unfit-defaults": "The defaults do not fit the definition's schema; a payload that keeps them is refused.",
    "scheduled-payload": "The schedule's payload does not fit the definition's schema; scheduled runs get it as it is.",
    "plain-secret": "`defaults` or a `payload` holds in plain text what the schema marks as a secret.",
    "secret-in-canvas": "With `engine: canvas` Celery's messages and results would hold the secrets of the payload.",
    "bad-concurrency": "`concurrency` is a number of runs, or {limit: N, key: EXPRESSION, on_limit: queue}.",
    "cannot-finish": "Timeouts and retries can take longer than they are given.",
    "bad-retention": "`retention` is a duration, or {offset: N}: the number of runs to keep, -1 for all.",
    # the list form
    "bad-step": "A step of a list is a task's name, or one name with {type: group, tasks: [...]} below it.",
    "bad-block-type": "A block needs `type: group`, or inside a group `type: chain`.",
    "chain-runs-as-group": "In the top list celery-director runs a `type: chain` as a group, and so does Umbel.",
    # the mapping form
    "bad-task": "A task of the mapping form is a mapping that has `task`: the name of a Celery task.",
    "bad-task-name": "The name of a Celery task is printable text of up to 200 characters.",
    "bad-task-key": "A key in `tasks` is made of letters, digits, _, - and dots.",
    "unknown-key": "This key means nothing here.",
    "does-not-go-together": "Two keys exclude each other, or one is of no use without another.",
    "bad-option": "A duration, number or word is not one that this key takes.",
    "bad-call": "`call` is {args: [...], kwargs: {...}, immutable: true, list: true, countdown: 5}, or some of it.",
    "bad-expression": "`when`, `map` or a `${…}` is not CEL, or names something that is not there.",
    "missing-need": "An expression names a task that is not among the `needs`, so it may not have ended.",
    "bad-needs": "`needs` is one key or a list of different keys.",
    "unknown-need": "`needs` names a key that is not in `tasks`.",
    "cycle": "Tasks wait for each other in a circle.",
    # against what is around the file
    "unknown-task": "No Celery task of this name was found in the project.",
    "unheard-queue": "Workers are up, but none of them listens on this queue.",
    "unknown-workflow": "`workflow` names a definition that is not there, or that cannot be used itself.",
    "workflow-cycle": "Definitions start each other in a circle.",
    "unsigned-webhook": "The server has no UMBEL_WEBHOOK_SECRET to sign webhooks with.",
    "not-a-canvas": "`engine: canvas` takes only what Celery's chain, group and chord can say.",
    # a Celery canvas as Python text
    "canvas-syntax": "The text is not Python.",
    "canvas-form": "A canvas is read, never evaluated: chain, group, chord, |, signatures, names and literals are.",
    "canvas-literal": "An argument is no literal that JSON can hold.",
    "canvas-too-large": "A canvas as text may have 64,000 characters, 2,000 signatures, and be nested 50 deep.",
    "link-returns-callback": "`.link()` and `.link_error()` return the callback, not the signature that has it now.",
    "no-canvas": "The text has no canvas, or several statements of which none gives one.",
    # against each other
    "plan-too-large": "A definition may have up to 100,000 tasks and 100,000 connections between them.",
}
"""Every problem's code and meaning. Codes never change their meaning; the reference page is rendered from here."""

MAX_PROBLEMS: Final = 100
_COMPARISONS: Final = 5_000


class Position(Protocol):
    """A place in a text, counted from 0: PyYAML's marks are such."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class At:
    """A `Position` of our own."""

    line: int
    column: int


@dataclass(slots=True)
class Report:
    """Collects the problems of one file, each place and code once, up to `MAX_PROBLEMS`.

    `line_offset` is added to every line: a part of a file is read as if it were the whole. `definition` is the name of
    the definition being read; `errors` counts what was reported with severity "error", listed or not; `code` counts
    the characters of CEL that were compiled.
    """

    file: str
    definition: str = ""
    line_offset: int = 0
    errors: int = 0
    code: int = 0
    problems: list[Problem] = field(default_factory=list)
    _seen: set[tuple[int, int, str, str, str]] = field(default_factory=set)
    _unlisted: int = 0
    _comparisons: int = 0

    def add(
        self,
        code: str,
        where: Position | None,
        message: str,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Report one problem. `where` None means the whole file."""
        line, column = (where.line + self.line_offset + 1, where.column + 1) if where else (0, 0)
        self.add_at(code, line, column, message, hint, severity)

    def add_at(
        self,
        code: str,
        line: int,
        column: int,
        message: str,
        hint: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """The same with line and column as they are shown: from 1, or 0 for the whole file."""
        assert code in CODES, code
        if severity == "error":
            self.errors += 1
        place = (line, column, code, message, self.definition)
        if place in self._seen:
            return
        if len(self.problems) >= MAX_PROBLEMS:
            self._unlisted += 1
            return
        self._seen.add(place)
        self.problems.append(Problem(self.file, line, column, code, message, hint, self.definition, severity))

    def nearest(self, word: str, candidates: Collection[str]) -> str:
        """`Did you mean 'x'?` or nothing. Stops looking when a file is so wrong that guessing would cost seconds."""
        self._comparisons += len(candidates)
        if len(word) > 100 or self._comparisons > _COMPARISONS:
            return ""
        found = difflib.get_close_matches(word, [name for name in candidates if len(name) <= 100], n=1)
        return f"Did you mean {found[0]!r}?" if found else ""

    def result(self) -> tuple[Problem, ...]:
        """All problems by line, and a last one that says how many were left out."""
        listed = sorted(self.problems, key=lambda problem: (problem.line, problem.column))
        if self._unlisted:
            message = f"{self._unlisted} more problems are not listed"
            severity: Literal["error", "warning"] = "error" if self.errors else "warning"
            where = (self.file, 0, 0)
            listed.append(Problem(*where, "too-many-problems", message, "Mend these first.", severity=severity))
        return tuple(listed)


def shorten(text: str, limit: int = 60) -> str:
    """`text` for a message: quoted, control characters escaped, and cut."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
