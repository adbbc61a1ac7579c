"""The production parts, one process each: `umbel server`, `umbel worker`, `umbel db`."""

import json
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(server)
    # Everything behind `umbel worker` is Celery's.
    app.command(
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "allow_interspersed_args": False,
            "help_option_names": ["--help"],
        }
    )(worker)
    db = typer.Typer(name="db", help="The database of the history.", no_args_is_help=True, rich_markup_mode=None)
    db.command()(upgrade)
    db.command()(current)
    app.add_typer(db)


def server(
    host: Annotated[str | None, typer.Option(help="Address to listen on; UMBEL_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port, 0 for any free one; UMBEL_PORT.")] = None,
    home: Annotated[Path | None, typer.Option(help="Folder of the project: workflows.yml, tasks/; UMBEL_HOME.")] = None,
    insecure_no_auth: Annotated[
        bool,
        typer.Option(
            "--insecure-no-auth", help="Listen on any address without asking for credentials: for all to use."
        ),
    ] = False,
) -> None:
    """Serve the REST API and keep the history.

    Also looks after due retries and lost workers, as every worker does. Speaks to UMBEL_BROKER_URL, UMBEL_STATE_URL
    and UMBEL_DATABASE_URL. Listens on this machine only, unless UMBEL_AUTH=basic asks everyone for an
    account or a token.
    """
    from umbel.errors import SettingsError
    from umbel.settings import load_settings

    settings = load_settings(host=host, port=port, home=home)
    if settings.auth == "none" and not insecure_no_auth and not _loopback(settings.host):
        raise SettingsError(
            f"Without accounts the server listens on this machine only, not on {settings.host}.",
            hint="Set UMBEL_AUTH=basic and add an account with `umbel user add`, or leave --host and UMBEL_HOST out."
            " --insecure-no-auth lets everyone in who can reach the address.",
        )
    from umbel.api.serve import serve

    lab = None
    if settings.lab:
        from umbel.stack.lab import StackLab

        lab = StackLab(Path(settings.lab))
    serve(settings, lab)


def _loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def worker(context: typer.Context) -> None:
    """Run a worker with the project's tasks.

    All options are Celery's, such as -c 4, -P threads, -Q gpu,cpu, --loglevel INFO; `celery worker --help` lists them.
    The project is in UMBEL_HOME. With -A module:app it is a worker of a Celery app of your own, on that app's broker.
    """
    from click import ClickException  # Celery's command line is made with it

    from umbel.celery.worker import main
    from umbel.settings import get_settings

    try:
        status = main(list(context.args), get_settings())
    except ClickException as error:
        error.show()
        raise typer.Exit(error.exit_code) from None
    raise typer.Exit(status)


def upgrade(as_json: Json = False) -> None:
    """Bring the database to this version's schema.

    It is the one at UMBEL_DATABASE_URL. Does nothing when the schema is there already.
    """
    from umbel.settings import get_settings
    from umbel.store import Database

    database = Database(get_settings().database_url)
    before, _ = database.revisions()
    database.upgrade()
    now, newest = database.revisions()
    if as_json:
        _say_schema(now, newest, was=before)
        return
    print(f"schema {now}" + (" (nothing to do)" if now == before else f" (was {before or 'empty'})"))


def current(as_json: Json = False) -> None:
    """Say which schema the database has.

    Also says which one this version needs; exit 1 if they differ.
    """
    from umbel.settings import get_settings
    from umbel.store import Database

    now, newest = Database(get_settings().database_url).revisions()
    if as_json:
        _say_schema(now, newest)
    else:
        print(f"schema {now or 'empty'}, this version needs {newest}")
    raise typer.Exit(0 if now == newest else 1)


def _say_schema(now: str | None, needed: str | None, **more: str | None) -> None:
    print(json.dumps({"schema": now, "needed": needed, **more}))
