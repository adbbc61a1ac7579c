"""`umbel user` and `umbel token`: who may use a server with UMBEL_AUTH=basic, in its database."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from umbel.service.accounts import Accounts
    from umbel.store import Store


class Scope(StrEnum):
    """What an account or a token may do; typer makes choices of it."""

    read = "read"
    run = "run"
    admin = "admin"


Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, not from the terminal.")
]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The server's database; UMBEL_DATABASE_URL. Of `umbel dev`: DIR/.umbel/umbel.db."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
May = Annotated[Scope, typer.Option(help="What it may do: look; also start and stop runs; everything.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(name="user", help="Accounts.", no_args_is_help=True, rich_markup_mode=None)
    group.command()(add)
    group.command("list")(list_)
    group.command()(password)
    group.command()(scope)
    group.command()(remove)
    app.add_typer(group)
    tokens = typer.Typer(name="token", help="API tokens.", no_args_is_help=True, rich_markup_mode=None)
    tokens.command("add")(add_token)
    tokens.command("list")(list_tokens)
    tokens.command("revoke")(revoke_token)
    app.add_typer(tokens)


def add(name: Name, scope: May = Scope.admin, password_stdin: FromStdin = False, database: Database = None) -> None:
    """Add an account.

    Asks for its password. The server takes it at once, if it runs with UMBEL_AUTH=basic.
    """
    with _accounts(database) as accounts:
        accounts.add(name, _password(password_stdin), scope.value)


def list_(as_json: Json = False, database: Database = None) -> None:
    """List the accounts.

    Each with its scope.
    """
    with _store(database) as store:
        users = store.users()
    if as_json:
        print(json.dumps([{"name": user.name, "scope": user.scope} for user in users]))
    else:
        _table([("ACCOUNT", "SCOPE"), *((user.name, user.scope) for user in users)])


def password(name: Name, password_stdin: FromStdin = False, database: Database = None) -> None:
    """Give an account another password.

    The one before is refused from then on, and the account's sessions end.
    """
    with _accounts(database) as accounts:
        accounts.change(name, password=_password(password_stdin))


def scope(
    name: Name,
    scope: Annotated[Scope, typer.Argument(help="What it may do from now on.")],
    database: Database = None,
) -> None:
    """Give an account another scope.

    It counts from the account's next request on.
    """
    with _accounts(database) as accounts:
        accounts.change(name, scope=scope.value)


def remove(name: Name, database: Database = None) -> None:
    """Remove an account.

    Its next request is refused.
    """
    with _accounts(database) as accounts:
        accounts.remove(name)


def add_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for, such as `ci`; no other has it.")],
    scope: May = Scope.run,
    expires_in_days: Annotated[
        float | None, typer.Option(min=0, help="After how many days it ends; never, if not given.")
    ] = None,
    database: Database = None,
) -> None:
    """Make an API token, and print it.

    This once: only its hash is kept. Clients send it as UMBEL_TOKEN, or in `Authorization: Bearer`.
    """
    from pydantic import ValidationError

    from umbel.errors import BadRequest
    from umbel.service.access import Tokens
    from umbel.service.operations import CreateToken

    try:
        asked = CreateToken(name=name, scope=scope.value, expires_in_days=expires_in_days)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"{first['loc'][0]}: {first['msg']}") from error
    with _store(database) as store:
        _, token = Tokens(store).create(asked.name, asked.scope, "umbel token", asked.expires_in_days)
    print(token)


def list_tokens(as_json: Json = False, database: Database = None) -> None:
    """List the API tokens.

    Without what is secret in them.
    """
    from umbel.service.access import token_view

    with _store(database) as store:
        tokens = [token_view(row).model_dump(mode="json") for row in store.tokens()]
    if as_json:
        print(json.dumps(tokens))
        return
    fields = ("name", "id", "scope", "created_by", "expires_at", "used_at")
    rows = [tuple(str(token[field] or "never") for field in fields) for token in tokens]
    _table([("TOKEN", "ID", "SCOPE", "MADE BY", "ENDS", "LAST USED"), *rows])


def revoke_token(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its name, or its id.")], database: Database = None
) -> None:
    """Revoke an API token.

    Its next request is refused.
    """
    from umbel.service.access import Tokens

    with _store(database) as store:
        Tokens(store).revoke(token)


@contextmanager
def _store(url: str | None) -> Iterator["Store"]:
    from contextlib import closing

    from umbel.settings import load_settings
    from umbel.store import Store

    with closing(Store(load_settings(database_url=url).database_url)) as store:
        store.database.prepare()
        yield store


@contextmanager
def _accounts(url: str | None) -> Iterator["Accounts"]:
    from umbel.service.accounts import Accounts

    with _store(url) as store:
        yield Accounts(store)


def _table(rows: list[tuple[str, ...]]) -> None:
    from umbel.cli.output import columns

    columns(rows)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    found: Any = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return str(found)
