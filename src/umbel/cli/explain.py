"""`umbel explain`: what a Celery canvas is, without running any of it."""

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from umbel.service.models import CanvasExplanation, DefinitionCheck
    from umbel.service.models.definitions import CanvasMessage

WIDTH = 100
"""Characters of a line."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(explain)


def explain(
    place: Annotated[
        Path, typer.Argument(metavar="FILE|-", help="A file with the canvas as Python; `-` reads standard input.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print what `check_definitions` of the API answers.")] = False,
) -> None:
    """Explain the code of a Celery canvas.

    Such as `chain(a.s(1), group(b.s(), c.s()), d.s())`. Draws its graph, says what Celery makes of it by itself and
    sends first, what is to be known before one relies on it and who says so, and writes the YAML definition that does
    the same. The text is read and never evaluated. Needs no server; the names of tasks are those of the project in
    UMBEL_HOME, if there is one. Exit 1 if it has mistakes.
    """
    from umbel.cli.lint import project_tasks
    from umbel.cli.output import say_json
    from umbel.errors import BadRequest
    from umbel.service.explain import explain_text
    from umbel.settings import load_settings

    try:
        text = sys.stdin.read() if str(place) == "-" else place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{place} cannot be read: {error}", hint="Give a file of Python, or - and the text.") from None
    settings = load_settings()
    file = "canvas" if str(place) == "-" else str(place)
    found = explain_text(text, file, project_tasks(settings), (), settings.default_queue, graph="ascii")
    say_json(found) if as_json else _print(found)
    raise typer.Exit(0 if found.ok else 1)


def _print(found: "DefinitionCheck") -> None:
    from umbel.cli.lint import print_problems
    from umbel.cli.output import say

    print_problems(found.problems)
    for definition in found.definitions:
        say((definition.graph or "").removesuffix("\n"))
    if found.canvas is not None:
        _explained(found.canvas)


def _explained(canvas: "CanvasExplanation") -> None:
    from umbel.cli.output import say

    _head("What Celery sends")
    _block(canvas.sent)
    for change in canvas.changes:
        _item(f"{change.line}:{change.column} {change.text}")
    _head("The first messages")
    for message in canvas.messages:
        _item(_message(message))
    if canvas.unsent:
        _item(canvas.unsent)
    if canvas.hazards:
        _head("What to know")
    for hazard in canvas.hazards:
        where = f"{hazard.line}:{hazard.column} " if hazard.line else ""
        _item(f"{where}{hazard.title}. {hazard.text} [{hazard.source}]")
    _head("The same as a definition")
    _block(canvas.yaml.rstrip() if canvas.yaml else canvas.no_yaml)
    say("")


def _message(message: "CanvasMessage") -> str:
    times = f"{message.count} x " if message.count > 1 else ""
    parts = [f"{times}{message.task}, about {message.bytes:,} bytes"]
    if message.chain:
        parts.append(f"carries the steps {', '.join(message.chain)}")
    if message.chord:
        parts.append(f"carries the chord's body {message.chord}")
    if message.carried:
        parts.append(f"{message.carried} signatures in all")
    return "; ".join(parts)


def _head(text: str) -> None:
    from umbel.cli.output import say

    say(f"\n{text}")


def _block(text: str) -> None:
    from umbel.cli.output import say

    say(textwrap.indent(text, "  "))


def _item(text: str) -> None:
    from umbel.cli.output import say

    say(textwrap.fill(text, WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False))
