"""Where commands print: the terminal or a pipe, and JSON for programs."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from umbel.cli.words import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from umbel.service.models import Resource

COLORS = {
    "success": "green",
    "error": "red",
    "running": "cyan",
    "retrying": "yellow",
    "canceled": "magenta",
    "upstream_failed": "bright_black",
    "waiting": "bright_black",
    "pending": "bright_black",
}
"""Of states of runs and tasks."""


@cache
def console() -> "Console":
    """Standard output. Lines are never wrapped or cut where it is no terminal."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: "str | Text" = "") -> None:
    """Print one or more lines for a person."""
    console().print(clean(text) if isinstance(text, str) else text)


def say_json(resource: "Resource", *, line: bool = False) -> None:
    """Print an answer as JSON: a document, or one line of a stream of them."""
    print(resource.model_dump_json(indent=None if line else 2), flush=line)


def columns(rows: Sequence[Sequence[str]], *, states: int | None = None, indent: str = "") -> None:
    """Print rows with their cells below each other, the first row as headings.

    Args:
        rows: cells; the last of a row is not padded.
        states: column whose cells are states and get their colour.
    """
    from rich.text import Text

    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    for number, row in enumerate(cells):
        text = Text(indent)
        for place, cell in enumerate(row):
            style = "bold" if number == 0 else COLORS.get(cell, "") if place == states else ""
            text.append(cell.ljust(widths[place] + 2) if place + 1 < len(row) else cell, style)
        text.rstrip()
        console().print(text)
