"""Holds a lesson's claims and a learner's answers against what was recorded of real runs: CEL, and nothing else."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from umbel.definition import expressions
from umbel.errors import ExpressionError
from umbel.learn.lessons.model import NAMES, Check, Lesson

Json = dict[str, Any]
_PARTS: Final = {"commands": "command", "messages": "message", "events": "event", "calls": "call"}
_LARGE: Final = ("records", *_PARTS)
_ASKED: Final = re.compile(r"(?<![!\w])trace\.(\w+)\.(?:exists_one|exists|all|filter)\((\w+),")
"""Where a CEL text asks something of a trace's records."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one run of a step: the run as the API shows it, or a scene's outcome; and the trace."""

    run: Json
    trace: Json = field(default_factory=dict)

    @property
    def recorded(self) -> bool:
        """Whether there is a trace at all."""
        return bool(self.trace.get("records"))


def evidence(run: Json, trace: Json | None) -> Evidence:
    """Evidence with the trace's `commands`, `messages`, `events` and `calls` picked out of its records.

    Each of them is what the record has under that name, with the record's own `n`, `kind`, `source`, `target`, `who`,
    `task`, `attempt`, `phase`, and a command's `keys`.
    """
    records = (trace or {}).get("records") or []
    picked: Json = {"run_id": "", "recording": "off", **(trace or {}), "records": records}
    common = ("n", "us", "kind", "source", "target", "who", "task", "attempt", "phase", "keys")
    for name, part in _PARTS.items():
        picked[name] = [
            {**each[part], **{key: each.get(key) for key in common}, "step": each.get("says", "")}
            for each in records
            if each.get(part) is not None
        ]
    return Evidence(run, picked)


class Judge:
    """The evidence of a lesson's steps, and what follows from it.

    Args:
        lesson: the lesson.
        steps: evidence by name of the step; a step that was not run is not there.
        answers: what the learner gave, by name of the check.
    """

    def __init__(self, lesson: Lesson, steps: Mapping[str, Evidence], answers: Mapping[str, Any]) -> None:
        self.lesson = lesson
        self.steps = steps
        self.answers = dict(answers)
        self._runs = {name: each.run for name, each in steps.items()}
        self._traces = {name: each.trace for name, each in steps.items()}

    def value(self, cel: str, step: str, answer: Any = None) -> Any:
        """What a CEL text gives for a step that was run.

        Raises:
            ExpressionError: it has no value.
        """
        found = self.steps[step]
        names = {
            "trace": _needed(found.trace, cel),
            "run": found.run,
            "traces": {name: _needed(each, cel) for name, each in self._traces.items() if f"traces.{name}" in cel},
            "runs": self._runs,
            "answer": answer,
            "answers": self.answers,
        }
        return expressions.evaluate(cel, names, NAMES)

    def claims(self) -> dict[str, bool | None]:
        """Whether each claim holds; None if nothing is known."""
        return {name: self._holds(each.cel, each.step) for name, each in self.lesson.machine.claims.items()}

    def places(self) -> dict[str, int | None]:
        """Number of the first record that each claim speaks of; None if it speaks of none, or of what is not there."""
        return {name: self._place(each.cel, each.step) for name, each in self.lesson.machine.claims.items()}

    def _place(self, cel: str, step: str) -> int | None:
        if step not in self.steps or not self.steps[step].recorded:
            return None
        for part, name, condition in _asked(cel):
            try:
                found = self.value(f"trace.{part}.filter({name}, {condition})[0].n", step)
            except ExpressionError:
                continue
            return int(found)
        return None

    def _holds(self, cel: str, step: str) -> bool | None:
        known = self.steps.get(step)
        if known is None or ("trace" in cel and not known.recorded):
            return None
        try:
            return self.value(cel, step) is True
        except ExpressionError:
            return None if self._unknown(cel) else False

    def _unknown(self, cel: str) -> bool:
        """Whether a text asks for a step that was not run."""
        return any(
            f"{word}.{name}" in cel
            for word in ("runs", "traces")
            for name in self.lesson.machine.steps
            if name not in self.steps
        )

    def values(self) -> dict[str, str]:
        """The values for the prose: of the learner's runs, or the lesson's examples."""
        found = {}
        for name, each in self.lesson.machine.values.items():
            found[name] = each.example
            known = self.steps.get(each.step)
            if known is None:
                continue
            try:
                value = self.value(each.cel, each.step)
            except ExpressionError:
                continue
            found[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return found

    def verdict(self, name: str, check: Check) -> tuple[bool, str]:
        """Whether a check is passed, and if not, why: `answer`, `run`, `trace`, `wrong`, `expression`."""
        known = self.steps.get(check.step)
        if known is None:
            return False, "run"
        answer = self.answers.get(name)
        if check.kind not in ("edit", "act"):
            if answer is None or answer == "":
                return False, "answer"
            answer = _number(answer) if check.kind == "number" else str(answer).strip().strip("`'\"")
        if "trace" in check.cel and not known.recorded:
            return False, "trace"
        try:
            return (True, "") if self.value(check.cel, check.step, answer) is True else (False, "wrong")
        except ExpressionError:
            return False, "wrong"


def _asked(cel: str) -> Iterator[tuple[str, str, str]]:
    """What a CEL text asks of a trace: the part, the name of one of its records, and the condition."""
    for match in _ASKED.finditer(cel):
        depth, quoted = 1, ""
        for place in range(match.end(), len(cel)):
            each = cel[place]
            if quoted:
                quoted = "" if each == quoted else quoted
            elif each in "\"'":
                quoted = each
            else:
                depth += (each == "(") - (each == ")")
            if depth == 0:
                yield match[1], match[2], cel[match.end() : place].strip()
                break


def _needed(trace: Json, cel: str) -> Json:
    """The parts of a trace that a text names: the whole of one is megabytes, which the CEL library would copy."""
    found = {name: each for name, each in trace.items() if name not in _LARGE or f".{name}" in cel}
    left_out = [name for name in ("raw", "fields", "keys") if f".{name}" not in cel]
    for name in _LARGE:
        if name in found:
            found[name] = [{key: each[key] for key in each if key not in left_out} for each in found[name]]
    return found


def _number(answer: Any) -> float:
    try:
        return float(str(answer).replace(",", ""))
    except ValueError:
        return float("nan")
