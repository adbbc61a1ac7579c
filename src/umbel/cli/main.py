"""The command itself: its groups, and what becomes of errors."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from umbel import __version__
from umbel.cli import (
    check_app,
    definitions,
    deliveries,
    doctor,
    explain,
    graph,
    init,
    lab,
    learn,
    lint,
    mcp,
    probe,
    queues,
    runs,
    schedules,
    secrets,
    serve,
    stacks,
    users,
    xray,
)
from umbel.errors import UmbelError


class Program(TyperGroup):
    """Runs a command, and turns what it raises into a sentence, a hint and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command line's command."""
        try:
            return super().invoke(ctx)
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if _debugging():
                raise
            if isinstance(error, UmbelError):
                _complain(str(error), error.hint)
            else:
                _complain(f"{type(error).__name__}: {error}", "UMBEL_DEBUG=1 shows where this comes from.")
        raise typer.Exit(1)


def _debugging() -> bool:
    return os.environ.get("UMBEL_DEBUG", "") not in ("", "0")


def _complain(sentence: str, hint: str) -> None:
    from umbel.cli.words import clean

    print(f"umbel: {clean(sentence)}", file=sys.stderr)
    if hint:
        print(f"hint: {clean(hint)}", file=sys.stderr)


app = typer.Typer(
    name="umbel",
    cls=Program,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"umbel {__version__}")
        raise typer.Exit


@app.callback()
def umbel(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Workflows on the Celery you have: runs that survive kill -9, and can be watched, diagnosed and resumed.

    Settings come from options, then UMBEL_* in the environment, then .env, then [tool.umbel] in pyproject.toml.
    Commands on runs speak to the server at UMBEL_URL (default http://127.0.0.1:8000).
    """


_GROUPS = (
    *(stacks, init, lint, explain, graph, check_app, serve, probe, doctor, runs, xray, learn),
    *(deliveries, definitions, mcp, schedules, queues, lab, secrets, users),
)
for group in _GROUPS:
    group.register(app)
