"""`umbel queues`: what waits where, and who takes it."""

import typer

from umbel.cli.runs import Json


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(queues)


def queues(as_json: Json = False) -> None:
    """List the queues: what waits in each, since when, who listens.

    Those from which nothing is taken come first, with the reason.
    """
    from umbel.cli import places
    from umbel.cli.output import say_json
    from umbel.client import Client

    with Client() as client:
        found = client.list_queues()
    say_json(found) if as_json else places.queues(found)
