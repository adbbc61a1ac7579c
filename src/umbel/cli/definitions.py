"""`umbel definitions`: what can be started."""

from typing import Annotated

import typer

from umbel.cli.runs import Json


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(definitions)


def definitions(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this one in full.")] = None,
    as_json: Json = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of workflows.yml, for editors; needs no server.")
    ] = False,
) -> None:
    """List what can be started, or show one.

    With NAME: its tasks, and the JSON Schema that a payload must fit.
    """
    if schema:
        import json

        from umbel.definition.editor import editor_schema

        print(json.dumps(editor_schema(), indent=2))
        return
    from umbel.cli import show
    from umbel.cli.output import say_json
    from umbel.client import Client

    with Client() as client:
        if name is None:
            found = client.list_definitions()
            say_json(found) if as_json else show.definition_list(found)
        else:
            one = client.get_definition(name)
            say_json(one) if as_json else show.definition(one)
