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
    versions: Annotated[bool, typer.Option("--versions", help="What NAME has been for its newest runs.")] = False,
    changes: Annotated[
        str | None, typer.Option(metavar="VERSION", help="How this version of NAME differs from the one before it.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove NAME, which `umbel.define` has made; its runs stay.")
    ] = False,
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
    from umbel.cli import places, show
    from umbel.cli.output import say, say_json
    from umbel.client import Client
    from umbel.errors import BadRequest

    if name is None and (versions or remove or changes is not None):
        raise BadRequest("--versions, --changes and --remove need the NAME of a definition.")
    with Client() as client:
        if name is not None and versions:
            been = client.list_definition_versions(name)
            say_json(been) if as_json else places.versions(been)
        elif name is not None and changes is not None:
            version = client.get_definition_version(name, changes)
            say_json(version) if as_json else places.version(version)
        elif name is not None and remove:
            gone = client.remove_definition(name)
            say_json(gone) if as_json else say(f"{gone.name} is removed")
        elif name is None:
            found = client.list_definitions()
            say_json(found) if as_json else show.definition_list(found)
        else:
            one = client.get_definition(name)
            say_json(one) if as_json else show.definition(one)
