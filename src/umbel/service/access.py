"""API tokens and sessions: what clients show in place of a password.

A secret here is 256 random bits, so there is nothing to guess, and SHA-256 keeps it as safely as argon2 would: a slow
hash makes up for passwords that people can remember. A fast one lets every request be checked anew in the database, so
that what was revoked counts no more from the next request on, at every server.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from umbel.errors import BadRequest, Forbidden, TokenNotFound, UserNotFound
from umbel.service import operations
from umbel.service.accounts import Accounts
from umbel.service.models import NewToken, Resource, Token, TokenList, User, UserList, instant
from umbel.service.operations import Operation, Scope
from umbel.service.umbel import Umbel, now_ms
from umbel.store import Store, TokenRow, UserRow

PREFIX: Final = "umbel"
"""First part of a token, by which scanners for leaked secrets can know it."""
COARSE_MS: Final = 600_000
"""How old the note of a token's last use may be before it is written again: not each request shall write."""
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `by` is what the history calls them: the account's name, or `token:NAME`."""

    by: str
    scope: Scope
    name: str | None = None
    csrf: str | None = None
    """Of a session: what a change must bring as X-CSRF-Token."""
    expires_at: int | None = None


ANYBODY: Final = Principal("api", "admin")
"""Everyone, where the server asks nobody for credentials."""


class Tokens:
    """The API tokens in a store. Thread safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: str, scope: Scope, by: str, days: float | None = None) -> tuple[TokenRow, str]:
        """Make a token `umbel_<id>_<secret>`; its row, and the token itself, which is kept nowhere.

        Args:
            name: what it is for; no other has it.
            scope: what it may do.
            by: who makes it.
            days: after how many it ends; never if None.

        Raises:
            BadRequest: the name is taken.
        """
        id, secret, at = secrets.token_hex(6), secrets.token_urlsafe(32), now_ms()
        expires_at = None if days is None else at + round(days * DAY_MS)
        row = TokenRow(id, name, _hash(secret), scope, at, by, expires_at)
        if not self._store.add_token(row):
            raise BadRequest(f"There is a token {name} already.", hint="Revoke it first, or choose another name.")
        return row, f"{PREFIX}_{id}_{secret}"

    def revoke(self, token: str) -> TokenRow:
        """Remove a token, by its id or name; its row as it was.

        Raises:
            TokenNotFound: there is none.
        """
        for row in self._store.tokens():
            if token in (row.id, row.name) and self._store.remove_token(row.id):
                return row
        raise TokenNotFound(f"There is no token {token}.")

    def principal(self, token: str) -> Principal | None:
        """Whose this token is; None if it is wrong, has expired or was revoked.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        prefix, _, rest = token.partition("_")
        id, _, secret = rest.partition("_")
        row = self._store.token(id) if prefix == PREFIX and len(token) < 100 and id.isalnum() else None
        at = now_ms()
        if row is None or not hmac.compare_digest(row.hash, _hash(secret)) or _expired(row, at):
            return None
        if row.used_at is None or at - row.used_at >= COARSE_MS:
            self._store.token_used(id, at)
        return Principal(f"token:{row.name}", cast(Scope, row.scope), row.name, expires_at=row.expires_at)


class Sessions:
    """The sessions in a store: what a browser has instead of a password. Thread safe.

    Args:
        hours: how long one lasts.
    """

    def __init__(self, store: Store, hours: float) -> None:
        self._store = store
        self._lasts = round(hours * 3_600_000)

    def begin(self, name: str, scope: Scope) -> tuple[str, Principal]:
        """Begin a session of an account that has just proven its password; the cookie's value, and who it stands
        for."""
        secret, at = secrets.token_urlsafe(32), now_ms()
        self._store.add_session(_hash(secret), name, at, at + self._lasts)
        return secret, Principal(name, scope, name, _csrf(secret), at + self._lasts)

    def principal(self, secret: str) -> Principal | None:
        """Who this cookie stands for, with the scope that the account has now; None if nobody."""
        found = self._store.session(_hash(secret), now_ms()) if len(secret) < 100 else None
        if found is None:
            return None
        name, scope, expires_at = found
        return Principal(name, cast(Scope, scope), name, _csrf(secret), expires_at)

    def end(self, secret: str) -> None:
        """End a session."""
        self._store.remove_session(_hash(secret))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _csrf(secret: str) -> str:
    # From the session's secret, which no script can read: so there is nothing more to keep.
    return hmac.digest(secret.encode(), b"csrf", hashlib.sha256).hex()


def _expired(row: TokenRow, at: int) -> bool:
    return row.expires_at is not None and row.expires_at <= at


# -- the operations


def perform(umbel: Umbel, asked: Operation[Any], by: str) -> Resource:
    """Do one of the operations on accounts and tokens.

    Raises:
        Forbidden: the server asks nobody for credentials: whoever reaches it must not make any for later.
        UserNotFound, TokenNotFound: there is none.
        BadRequest: the name is taken, or name or password cannot be used.
    """
    if umbel.settings.auth == "none":
        raise Forbidden(
            "This server asks nobody for credentials, so nobody can manage them here.",
            hint="`umbel user` and `umbel token` manage them in the database; UMBEL_AUTH=basic makes the server ask.",
        )
    return _USE_CASES[type(asked)](umbel.store, asked, by)


def _users(store: Store, _asked: operations.ListUsers, _by: str) -> UserList:
    return UserList(items=[_user(row) for row in store.users()])


def _add_user(store: Store, asked: operations.AddUser, _by: str) -> User:
    Accounts(store).add(asked.name, asked.password, asked.scope)
    return _one(store, asked.name)


def _change_user(store: Store, asked: operations.ChangeUser, _by: str) -> User:
    Accounts(store).change(asked.name, password=asked.password, scope=asked.scope)
    return _one(store, asked.name)


def _remove_user(store: Store, asked: operations.RemoveUser, _by: str) -> User:
    user = _one(store, asked.name)
    Accounts(store).remove(asked.name)
    return user


def _tokens(store: Store, _asked: operations.ListTokens, _by: str) -> TokenList:
    return TokenList(items=[token_view(row) for row in store.tokens()])


def _create_token(store: Store, asked: operations.CreateToken, by: str) -> NewToken:
    row, token = Tokens(store).create(asked.name, asked.scope, by, asked.expires_in_days)
    return NewToken(**dict(token_view(row)), token=token)


def _revoke_token(store: Store, asked: operations.RevokeToken, _by: str) -> Token:
    return token_view(Tokens(store).revoke(asked.token_id))


_USE_CASES: Final[dict[type[Operation[Any]], Callable[[Store, Any, str], Resource]]] = {
    operations.ListUsers: _users,
    operations.AddUser: _add_user,
    operations.ChangeUser: _change_user,
    operations.RemoveUser: _remove_user,
    operations.ListTokens: _tokens,
    operations.CreateToken: _create_token,
    operations.RevokeToken: _revoke_token,
}
OPERATIONS: Final = frozenset(_USE_CASES)
"""The operations that `perform` does."""


def _user(row: UserRow) -> User:
    return User(name=row.name, scope=cast(Scope, row.scope), created_at=instant(row.created_at))


def _one(store: Store, name: str) -> User:
    for row in store.users():
        if row.name == name:
            return _user(row)
    raise UserNotFound(f"There is no account {name}.")


def token_view(row: TokenRow) -> Token:
    """A token as who manages tokens sees it."""
    return Token(
        id=row.id,
        name=row.name,
        scope=cast(Scope, row.scope),
        created_at=instant(row.created_at),
        created_by=row.created_by,
        expires_at=instant(row.expires_at),
        expired=_expired(row, now_ms()),
        used_at=instant(row.used_at),
    )
