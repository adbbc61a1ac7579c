"""`umbel graph`: the picture of a definition or of a run."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from umbel.plan.picture import Format


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(graph)


def graph(
    name: Annotated[str, typer.Argument(metavar="NAME|ID", help="Definition (`project.NAME`), or id of a run.")],
    wanted: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="ascii, mermaid, svg, or canvas: Celery code.")
    ] = "ascii",
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR|FILE", help="Draw the definition in this folder or file, without a server."),
    ] = None,
) -> None:
    """Draw a definition, or a run with the states of its tasks.

    Asks the server; if there is none, draws the definition in UMBEL_HOME. `canvas` prints the Celery canvas that a
    definition equals, if there is one.
    """
    from umbel.cli.output import say
    from umbel.errors import BadRequest
    from umbel.plan.picture import FORMATS

    shape = next((each for each in FORMATS if each == wanted), None)
    if shape is None:
        raise BadRequest(f"There is no format {wanted[:80]!r}.", hint=f"There are {', '.join(FORMATS)}.")
    text = _locally(home, name, shape) if home is not None else _from_server(name, shape)
    say(text.removesuffix("\n"))


def _from_server(name: str, wanted: "Format") -> str:
    from umbel.client import Client
    from umbel.errors import ServerUnavailable
    from umbel.settings import get_settings

    with Client() as client:
        if _is_run(name):
            return client.get_run_graph(name, wanted).text
        try:
            return client.get_definition_graph(name, wanted).text
        except ServerUnavailable:
            from umbel.definition.load import find_file

            here = get_settings().home
            if not find_file(here).is_file():
                raise
            return _locally(here, name, wanted)


def _locally(place: Path, name: str, wanted: "Format") -> str:
    from umbel.plan.picture import draw
    from umbel.service.check import read_project

    _, plan = read_project(place, None)[0].get(name)
    return draw(plan, wanted)


def _is_run(name: str) -> bool:
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return "." not in name
