"""`umbel secret`: keys for secrets, and values sealed with them."""

import sys
from typing import Annotated

import typer

FromStdin = Annotated[
    bool, typer.Option("--stdin", help="Read the value from standard input, without its last line end, and do not ask.")
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(name="secret", help="Secrets in payloads.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(key)
    group.command()(seal)
    app.add_typer(group)


def key() -> None:
    """Print a new key for UMBEL_SECRET_KEY.

    Every server and worker needs it. To change it, put the new one in front of the old one, with a comma.
    """
    from umbel.secrets import new_key

    print(new_key())


def seal(stdin: FromStdin = False) -> None:
    """Print a text as a sealed value, for `defaults` or a `payload` in workflows.yml.

    Asks for it. Seals with the first key of UMBEL_SECRET_KEY.
    """
    import json

    from umbel.secrets import Vault
    from umbel.settings import load_settings

    vault = Vault(load_settings().secret_key)
    vault.seal("")  # before anybody types a secret for nothing
    text = sys.stdin.read().removesuffix("\n") if stdin else typer.prompt("Secret", hide_input=True, err=True)
    print(json.dumps(vault.seal(text)))
