"""Where commands print: the terminal or a pipe, and JSON for programs."""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

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


_UNSEEN: Final = re.compile("[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
"""What `clean` takes out, as far as JSON does not escape it by itself and one `\\u` says it."""


@cache
def console() -> "Console":
    """Standard output. Lines are never wrapped or cut where it is no terminal."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(text: "str | Text" = "") -> None:
    """Print one or more lines for a person."""
    if isinstance(text, str):
        text = clean(text)
    else:
        text.plain = clean(text.plain)  # letter by letter, so that the colours stay where they are
    console().print(text)


def say_json(resource: "Resource", *, line: bool = False) -> None:
    """Print an answer as JSON: a document, or one line of a stream of them.

    What could change the terminal is written as `\\u…`, which JSON leaves as free as the letter itself.
    """
    text = resource.model_dump_json(indent=None if line else 2)
    print(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text), flush=line)


def columns(rows: Sequence[Sequence[str]], *, states: int | None = None, indent: str = "") -> None:
    """Print rows with their cells below each other, the first row as headings.

    Args:
        rows: cells; the last of a row is not padded.
        states: column whose cells are states and get their colour.
    """
    from rich.cells import cell_len
    from rich.text import Text

    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(cell_len(row[place]) for row in cells) for place in range(len(cells[0]))]
    for number, row in enumerate(cells):
        text = Text(indent)
        for place, cell in enumerate(row):
            style = "bold" if number == 0 else COLORS.get(cell, "") if place == states else ""
            gap = widths[place] + 2 - cell_len(cell) if place + 1 < len(row) else 0
            text.append(cell + " " * gap, style)
        text.rstrip()
        console().print(text)
