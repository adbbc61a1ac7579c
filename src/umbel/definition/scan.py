"""Where things are in a CEL text: `${…}`, tasks that it names, a path that is all of it, its last macro."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from umbel.errors import ExpressionError

MAX_TEXT: Final = 4_000
"""Characters of an expression."""
NOTHING: Final = object()
"""Not there: null is a value."""

_LITERAL: Final = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)
_NAME: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)
_WORD: Final = r"\s*\.\s*[A-Za-z_]\w*(?!\w|\s*\()"
_INDEX: Final = r"""\s*\[\s*(?:"[^"\\\n]*"|'[^'\\\n]*'|\d{1,9})\s*\]"""
_STEP: Final = re.compile(
    r"""\s*(?:\.\s*(?P<word>[A-Za-z_]\w*)|\[\s*(?:"(?P<a>[^"\\\n]*)"|'(?P<b>[^'\\\n]*)'|(?P<n>\d{1,9}))\s*\])"""
)
_PATH: Final = re.compile(rf"\s*([A-Za-z_]\w*)((?:{_WORD}|{_INDEX})*)\s*")
_TASK: Final = re.compile(rf"(?<![\w.])(?:tasks|needs)((?:{_WORD}|{_INDEX})*)")
_RESERVED: Final = frozenset({"true", "false", "null", "in"})
_MACROS: Final = ("map", "filter", "exists", "all")
_OPEN: Final = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a template: text as it is, or the CEL of a `${…}`."""

    text: str
    code: bool
    start: int = 0


@dataclass(frozen=True, slots=True)
class TaskPath:
    """`tasks.KEY…` in a text: from `start` to `end`; `has` is the same for a `has(…)` right around it."""

    key: str
    start: int
    end: int
    into_result: bool
    has: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Macro:
    """`RECEIVER.name(arguments)`, where that is the whole text."""

    receiver: str
    name: str
    arguments: str


def split(template: str) -> list[Part]:
    """A text with `${…}` as its parts. Braces and quoted texts inside the CEL are minded.

    Raises:
        ExpressionError: a `${` is not closed, or holds nothing.
    """
    parts: list[Part] = []
    plain = ""
    at = 0
    while (dollar := template.find("${", at)) >= 0:
        if dollar > at and template[dollar - 1] == "$":
            plain += template[at : dollar - 1] + "${"
            at = dollar + 2
            continue
        plain += template[at:dollar]
        end = _closing(template, dollar + 1)
        if end is None:
            what = f"`${{` is not closed within {MAX_TEXT:,} characters: {shown(template[dollar : dollar + 200])}"
            raise ExpressionError(what, hint="For a plain ${ write $${.")
        code = template[dollar + 2 : end].strip()
        if not code:
            raise ExpressionError("`${}` holds nothing")
        parts += [Part(plain, False)] if plain else []
        parts.append(Part(code, True, dollar + 2))
        plain, at = "", end + 1
    plain += template[at:]
    return [*parts, Part(plain, False)] if plain or not parts else parts


def unwrap(text: str) -> str:
    """A CEL text without the `${…}` around all of it, if there is one."""
    bare = text.strip()
    if bare.startswith("${") and _closing(bare, 1) == len(bare) - 1:
        return bare[2:-1].strip()
    return bare


def task_paths(text: str) -> list[TaskPath]:
    """Every `tasks.KEY` (or `needs`, or with brackets) outside quotes, with the path that goes on from it."""
    found = []
    quoted = _quoted(text)
    for match in _TASK.finditer(text):
        steps = _steps(match.group(1))
        if not steps or not isinstance(steps[0], str) or quoted[match.start()]:
            continue
        start, end = match.span()
        before = re.search(r"(?<!\w)has\s*\(\s*$", text[:start])
        after = re.match(r"\s*\)", text[end:])
        has = (before.start(), end + after.end()) if before and after else None
        found.append(TaskPath(steps[0], start, end, len(steps) > 1 and steps[1] == "result", has))
    return found


def is_computed(text: str, name: str) -> bool:
    """Whether the text uses `tasks` (or `needs`) otherwise than with a key that is written out."""
    code = _blank(text)
    places = {match.start() for match in _NAME.finditer(code) if match.group() == name}
    return bool(places - {path.start for path in task_paths(text)})


def names(text: str) -> frozenset[str]:
    """All names in a text, outside quotes and not behind a dot."""
    return frozenset(_NAME.findall(_blank(text)))


def is_path(text: str, roots: Collection[str]) -> bool:
    """Whether a text is plainly right: a path such as `payload.rows[0]` that begins with one of `roots`."""
    match = _PATH.fullmatch(text)
    if match is None or match.group(1) not in roots or _RESERVED & set(re.findall(r"\w+", match.group(2))):
        return False
    steps = _steps(match.group(2))
    if len(steps) > 20:  # the library takes about 30
        return False
    return match.group(1) not in ("tasks", "needs") or (bool(steps) and isinstance(steps[0], str))


def follow(text: str, values: Mapping[str, Any]) -> Any:
    """The value at a path such as `payload.rows[0]`, if the text is one and leads somewhere; else `NOTHING`."""
    match = _PATH.fullmatch(text)
    if match is None or match.group(1) not in values:
        return NOTHING
    value = values[match.group(1)]
    for step in _steps(match.group(2)):
        if isinstance(step, str):
            there = isinstance(value, Mapping) and step in value
        else:
            there = isinstance(value, list | tuple) and step < len(value)
        if not there:
            return NOTHING
        value = value[step]
    return list(value) if isinstance(value, tuple) else value


def last_macro(text: str) -> Macro | None:
    """The macro over a list that is the last thing a text does, if the text is nothing but that call."""
    code = _blank(text)
    if not code.rstrip().endswith(")"):
        return None
    opened: list[int] = []
    spans: list[tuple[int, int]] = []  # of the brackets on the outside
    for place, sign in enumerate(code):
        if sign in _OPEN:
            opened.append(place)
        elif sign in _OPEN.values():
            if not opened or _OPEN[code[first := opened.pop()]] != sign:
                return None
            if not opened:
                spans.append((first, place))
    if opened or not spans:
        return None
    start, _ = spans[-1]
    outside = list(code)
    for first, last in spans:
        outside[first : last + 1] = " " * (last + 1 - first)
    if re.fullmatch(r"\s*[A-Za-z_\s][\w.\s]*", "".join(outside)) is None:
        return None
    head = re.fullmatch(r"(.+)\.\s*([a-z]+)\s*", code[:start], re.DOTALL)
    if head is None or head.group(2) not in _MACROS:
        return None
    return Macro(text[: head.end(1)], head.group(2), text[start:])


def shown(text: str, limit: int = 120) -> str:
    """An expression for a message: on one line, and cut."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= limit else line[: limit - 1] + '…'}`"


def as_text(value: Any) -> str:
    """A value inside a longer text: as it is, null as nothing, the rest as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def first_complaint(message: str) -> str:
    """The first complaint in a message of the CEL library: what, and at which column."""
    message = message.split("\nERROR:")[0].split("\n |")[0].removesuffix(" [INVALID_ARGUMENT]")
    message = re.sub(r"^[A-Z_]+: (?!$)", "", message)
    where = re.match(r"ERROR: <input>:(-?\d+):(-?\d+): ", message)
    message = message[where.end() :] if where else message
    message = re.sub(r" expecting \{.*|\(in container ''\)", "", message, flags=re.DOTALL).strip()
    message = re.sub(r" \[[A-Z_]+\]$", "", message)
    if where and int(where.group(2)) > 0:
        line = f"line {where.group(1)}, " if where.group(1) != "1" else ""
        message += f" ({line}column {where.group(2)})"
    return message


def _steps(path: str) -> list[str | int]:
    found: list[str | int] = []
    for match in _STEP.finditer(path):
        number = match.group("n")
        text = next((match.group(name) for name in ("word", "a", "b") if match.group(name) is not None), "")
        found.append(int(number) if number is not None else text)
    return found


def _blank(text: str) -> str:
    """The text with the insides of its quoted texts blanked, place for place."""
    return _LITERAL.sub(lambda match: '"' + " " * (len(match.group()) - 2) + '"', text)


def _quoted(text: str) -> list[bool]:
    inside = [False] * len(text)
    for match in _LITERAL.finditer(text):
        inside[match.start() : match.end()] = [True] * (match.end() - match.start())
    return inside


def _closing(text: str, brace: int) -> int | None:
    """Where the `{` at `brace` is closed, if that is near enough for an expression."""
    depth = 0
    at = brace
    text = text[: brace + MAX_TEXT + 2]
    while at < len(text):
        if literal := _LITERAL.match(text, at):
            at = literal.end()
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
        at += 1
    return None
