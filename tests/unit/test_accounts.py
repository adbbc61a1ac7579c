"""Accounts, and the commands for them."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from umbel.cli.main import app
from umbel.errors import BadRequest, UserNotFound
from umbel.service import accounts as module
from umbel.service.accounts import Accounts
from umbel.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(f"sqlite:///{tmp_path}/umbel.db")
    found.database.prepare()
    yield found
    found.close()


def test_only_the_right_password_is_right(store: Store) -> None:
    accounts = Accounts(store)
    accounts.add("john", "secret")
    assert accounts.verify("john", "secret")
    for name, password in [("john", "Secret"), ("john", ""), ("bob", "secret"), ("", ""), ("john", "secret\0")]:
        assert not accounts.verify(name, password)
        assert not accounts.known(name, password)
    assert not accounts.verify("john", "x" * 2000)


def test_only_the_hash_is_kept(store: Store, tmp_path: Path) -> None:
    Accounts(store).add("john", "secret")
    with closing(sqlite3.connect(tmp_path / "umbel.db")) as connection:
        (kept,) = connection.execute("SELECT password_hash FROM users").fetchone()
    assert kept.startswith("$argon2id$")


def test_right_credentials_are_remembered_and_wrong_ones_are_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(store)
    accounts.add("john", "secret")
    assert not accounts.known("john", "secret")
    assert accounts.verify("john", "secret")
    assert accounts.known("john", "secret") == "admin"
    assert not accounts.known("john", "secret2")
    accounts.change("john", password="secret2")
    assert not accounts.known("john", "secret")
    monkeypatch.setattr(module, "KEPT", 1)
    accounts.add("jane", "word")
    assert accounts.verify("john", "secret2")
    assert accounts.verify("jane", "word")
    assert [accounts.known("john", "secret2"), accounts.known("jane", "word")] == [None, "admin"]


def test_what_cannot_be_done_is_said(store: Store) -> None:
    accounts = Accounts(store)
    accounts.add("john", "secret")
    for name in ("john", "", "a:b", "a b", "a\n", "x" * 65, "a/b", "..", "a\u202eb"):
        with pytest.raises(BadRequest):
            accounts.add(name, "secret")
    for password in ("", "a\0b", "x" * 1025):
        with pytest.raises(BadRequest):
            accounts.add("jane", password)
    with pytest.raises(UserNotFound):
        accounts.change("jane", password="secret")
    with pytest.raises(UserNotFound):
        accounts.remove("jane")
    assert [(user.name, user.scope) for user in store.users()] == [("john", "admin")]


def test_commands(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/umbel.db"

    def user(*arguments: str, status: int = 0, given: str = "") -> str:
        done = CliRunner().invoke(app, ["user", *arguments, "--database", url], input=given)
        assert done.exit_code == status, done.output
        return done.output

    assert user("add", "john", "--password-stdin", given="secret\n") == ""
    user("add", "jane", "--scope", "read", "--password-stdin", given="word")
    assert "already" in user("add", "john", "--password-stdin", status=1, given="other\n")
    assert user("list") == "ACCOUNT  SCOPE\njane     read\njohn     admin\n"
    user("scope", "john", "run")
    assert json.loads(user("list", "--json"))[1] == {"name": "john", "scope": "run"}
    user("password", "john", "--password-stdin", given="changed\n")
    user("remove", "jane")
    assert "no account jane" in user("remove", "jane", status=1)
    assert "no account jane" in user("password", "jane", "--password-stdin", status=1, given="x\n")
    store = Store(url)
    assert [Accounts(store).verify("john", each) for each in ("secret", "changed")] == [None, "run"]
    store.close()
