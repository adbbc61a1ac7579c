"""The offending text of a problem: its end, and the line it stands in with a caret below."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

LONGEST: Final = 100
"""Characters of a line that are shown; of a longer one, those around the mistake."""

_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what counts as the end of a line in YAML's marks
_QUOTED: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_PLAIN: Final = re.compile(r"(?:[^\s,\[\]{}:#]|:(?=\S)|(?<=\S)#|[ \t](?=[^\s#]))+")


def lines_of(text: str) -> list[str]:
    """The lines of a text, as the lines of problems count them."""
    return _BREAK.split(text.removeprefix("\ufeff"))


PYTHON: Final = re.compile(r"[\w.]+")
"""A name of Python, with its dots, or a number."""


def end_of(lines: Sequence[str], line: int, column: int, plain: re.Pattern[str] = _PLAIN) -> int:
    """The column behind the text that begins at a place, both from 1; the next one if it is no single value.

    Args:
        plain: what a value without quotes is made of; one of YAML, if not given.
    """
    if not 0 < line <= len(lines):
        return column
    rest = lines[line - 1][column - 1 : column - 1 + 1000]
    found = _QUOTED.match(rest) or plain.match(rest)
    return column + max(1, found.end() if found else 1)


def excerpt(lines: Sequence[str], line: int, column: int, plain: re.Pattern[str] = _PLAIN) -> str:
    """The line of a place and, below it, carets under the text that begins there; nothing for a whole file."""
    if not 0 < line <= len(lines):
        return ""
    text, start, end = lines[line - 1], column - 1, end_of(lines, line, column, plain) - 1
    first = max(0, min(start - LONGEST // 3, len(text) - LONGEST))
    shown = "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in text[first : first + LONGEST])
    before, after = "…" if first else "", "…" if first + LONGEST < len(text) else ""
    pad = before.replace("…", " ") + "".join(_blank(each) for each in shown[: start - first])
    carets = "^" * max(1, sum(_width(each) for each in shown[start - first : end - first]))
    return f"{before}{shown}{after}\n{pad}{carets}"


def own_lines(lines: Sequence[str], name: str) -> tuple[int, int] | None:
    """The lines of the definition `name` in a file whose mapping is written as a block: from the first, from 0, to the
    one behind the last, without what is empty or a comment at its end. None if no line begins it."""
    key = re.compile(rf"""(?:{re.escape(name)}|'{re.escape(name)}'|"{re.escape(name)}")[ \t]*:(?:\s|$)""")
    first = next((place for place, line in enumerate(lines) if key.match(line)), None)
    if first is None:
        return None
    end = first + 1
    for place in range(first + 1, len(lines)):
        line = lines[place]
        if line[:1] not in ("", " ", "\t", "#", "-", "]", "}") or line.startswith("---"):
            break
        if line.strip() and not line.startswith("#"):
            end = place + 1
    return first, end


def _blank(letter: str) -> str:
    return "\t" if letter == "\t" else " " * _width(letter)


def _width(letter: str) -> int:
    """Columns that it takes on a terminal."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
