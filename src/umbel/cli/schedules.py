"""`umbel schedules`: what is started by itself, and stopping that for a while."""

from typing import Annotated

import typer

from umbel.cli.runs import Json

Name = Annotated[str, typer.Argument(metavar="NAME", help="Definition, `project.NAME`.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="What is started by itself; pause and resume it.", invoke_without_command=True, rich_markup_mode=None
    )
    group.callback()(list_)
    group.command()(pause)
    group.command()(resume)
    app.add_typer(group, name="schedules")


def list_(context: typer.Context, as_json: Json = False) -> None:
    """List what is started by itself: when, the next five times, the last run."""
    if context.invoked_subcommand is not None:
        return
    from umbel.cli import show
    from umbel.cli.output import say_json
    from umbel.client import Client

    with Client() as client:
        found = client.list_schedules()
    say_json(found) if as_json else show.schedule_list(found)


def pause(name: Name, as_json: Json = False) -> None:
    """Start no runs by the schedule of NAME until it is resumed."""
    _set(name, paused=True, as_json=as_json)


def resume(name: Name, as_json: Json = False) -> None:
    """Go on with the schedule of NAME. What was due while it was paused is not made up for."""
    _set(name, paused=False, as_json=as_json)


def _set(name: str, *, paused: bool, as_json: bool) -> None:
    from umbel.cli.output import say, say_json
    from umbel.cli.words import local
    from umbel.client import Client

    with Client() as client:
        found = client.pause_schedule(name) if paused else client.resume_schedule(name)
    if as_json:
        say_json(found)
    elif found.paused:
        say(f"{found.definition} is paused")
    else:
        say(f"{found.definition} is started next at {local(found.next[0]) if found.next else 'no time any more'}")
