"""How findings look on a terminal, of `umbel check-app` and `umbel doctor` alike."""

import textwrap
from collections.abc import Iterable
from typing import Final

from rich.text import Text

from umbel.cli.output import console, say
from umbel.cli.words import clean, count

_COLORS: Final = {"danger": "bold red", "warning": "yellow", "note": "cyan", "ok": "green"}
_WIDTH: Final = 110


def full(severity: str, id: str, rows: Iterable[tuple[str, str, bool]]) -> None:
    """A finding: its name, then (label, text, whether it may be wrapped) each."""
    say()
    line(severity, id, bold=True)
    for label, text, wrap in rows:
        row(label, text, wrap=wrap)


def line(severity: str, text: str, *, bold: bool = False) -> None:
    """A severity and a text."""
    told = Text(severity.ljust(9), _COLORS[severity])
    told.append(clean(text), "bold" if bold else "")
    console().print(told)


def row(label: str, text: str, *, wrap: bool = True) -> None:
    """A label and a text; source and code stay on one line, so that they can be copied."""
    lines = textwrap.wrap(text, _WIDTH - 18, break_long_words=False, break_on_hyphens=False) if wrap else [text]
    for number, each in enumerate(lines):
        say(f"         {'' if number else label:9}{each}")


def shortly(text: str) -> str:
    """A text that fits on a line."""
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def counts(severities: Iterable[str]) -> str:
    """`1 danger, 2 warnings`."""
    found = list(severities)
    return ", ".join(count(found.count(each), each) for each in ("danger", "warning"))
