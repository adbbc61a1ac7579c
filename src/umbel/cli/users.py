"""`umbel user`: the accounts of a server with UMBEL_AUTH=basic, in its database."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from umbel.service.accounts import Accounts

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, not from the terminal.")
]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The server's database; UMBEL_DATABASE_URL. Of `umbel dev`: DIR/.umbel/umbel.db."),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(name="user", help="Accounts.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(add)
    group.command("list")(list_)
    group.command()(password)
    group.command()(remove)
    app.add_typer(group)


def add(name: Name, password_stdin: FromStdin = False, database: Database = None) -> None:
    """Add an account.

    Asks for its password. The server takes it at once, if it runs with UMBEL_AUTH=basic.
    """
    with _accounts(database) as accounts:
        accounts.add(name, _password(password_stdin))


def list_(database: Database = None) -> None:
    """List the accounts."""
    with _accounts(database) as accounts:
        for name in accounts.names():
            print(name)


def password(name: Name, password_stdin: FromStdin = False, database: Database = None) -> None:
    """Give an account another password.

    The one before is refused from then on.
    """
    with _accounts(database) as accounts:
        accounts.set_password(name, _password(password_stdin))


def remove(name: Name, database: Database = None) -> None:
    """Remove an account.

    Its next request is refused.
    """
    with _accounts(database) as accounts:
        accounts.remove(name)


@contextmanager
def _accounts(url: str | None) -> Iterator["Accounts"]:
    from contextlib import closing

    from umbel.service.accounts import Accounts
    from umbel.settings import load_settings
    from umbel.store import Store

    with closing(Store(load_settings(database_url=url).database_url)) as store:
        store.database.prepare()
        yield Accounts(store)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    found: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return found
