"""Accounts: who may speak to the server, and is this them? Passwords are kept as argon2id hashes only."""

import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from functools import cache
from typing import Final, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from umbel.errors import BadRequest, UserNotFound
from umbel.service.operations import Scope
from umbel.service.umbel import now_ms
from umbel.store import Store

KEPT: Final = 256
"""Verified credentials that are remembered."""
LONGEST: Final = 1024
"""Bytes of a password."""
_NAME: Final = re.compile(r"[^\x00-\x20\x7f:/]{1,64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

# argon2id at the cost that the OWASP Password Storage Cheat Sheet gives as its first choice: 19 MiB, 2 passes, 1 lane.
_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Accounts:
    """The accounts in a store. Thread safe.

    Verifying a password costs some 30 ms and 19 MiB on purpose. Credentials that were right are therefore remembered,
    as a keyed digest, together with the hash that they were right for: when the account's password is changed, or the
    account removed, they count no more.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, str] = OrderedDict()
        self._guard = threading.Lock()

    def add(self, name: str, password: str, scope: Scope = "admin") -> None:
        """Add an account that may do what `scope` says.

        Raises:
            BadRequest: the name is taken, or name or password cannot be used.
        """
        # What is not printable (U+202E turns texts round) makes one name look like another; with a slash or as a dot,
        # a name cannot stand in a path.
        if not _NAME.fullmatch(name) or not name.isprintable() or name in (".", ".."):
            raise BadRequest(
                f"{name[:64]!r} cannot be the name of an account.",
                hint="It has 1 to 64 printable characters, and no space, colon or slash.",
            )
        if not self._store.add_user(name, _hash(password), scope, now_ms()):
            raise BadRequest(f"There is an account {name} already.", hint=f"`umbel user password {name}` changes it.")

    def change(self, name: str, *, password: str | None = None, scope: Scope | None = None) -> None:
        """Give an account another password, which ends its sessions, or another scope.

        Raises:
            UserNotFound: there is no such account.
            BadRequest: the password cannot be used.
        """
        hashed = None if password is None else _hash(password)
        if not self._store.change_user(name, password_hash=hashed, scope=scope):
            raise UserNotFound(f"There is no account {name}.")

    def remove(self, name: str) -> None:
        """Remove an account.

        Raises:
            UserNotFound: there is no such account.
        """
        if not self._store.remove_user(name):
            raise UserNotFound(f"There is no account {name}.")

    def known(self, name: str, password: str) -> Scope | None:
        """The account's scope, if these credentials were found right before and still are. Quick; None says nothing.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        with self._guard:
            right_for = self._right.get(self._digest(name, password))
        found = self._store.password_hash(name) if right_for is not None else None
        return cast(Scope, found[1]) if found is not None and found[0] == right_for else None

    def verify(self, name: str, password: str) -> Scope | None:
        """The scope of the account with this name and password; None if there is none. Takes as long for an unknown
        name as for a known one, and much memory: let few threads do it at a time.

        Raises:
            HistoryUnavailable: the database does not answer.
        """
        if _CONTROL.search(name + password) or len(password.encode()) > LONGEST:
            return None
        found = self._store.password_hash(name)
        try:
            _hasher.verify(found[0] if found else _nobody(), password)
        except (VerificationError, InvalidHashError):
            return None
        if found is None:
            return None
        with self._guard:
            self._right[self._digest(name, password)] = found[0]
            if len(self._right) > KEPT:
                self._right.popitem(last=False)
        return cast(Scope, found[1])

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}:{password}".encode(), hashlib.sha256)


def _hash(password: str) -> str:
    if not password or len(password.encode()) > LONGEST or _CONTROL.search(password):
        raise BadRequest("This cannot be a password.", hint=f"It has 1 to {LONGEST} bytes, and no control characters.")
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_hex())
