"""From what a request brings along to who asks: an account's password, an API token, the cookie of a session."""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from starlette.requests import Request

from umbel.api.throttle import Guesses
from umbel.service.access import Principal, Sessions, Tokens
from umbel.service.accounts import Accounts
from umbel.service.operations import Scope
from umbel.settings import Settings
from umbel.store import Store

log = logging.getLogger(__name__)

VERIFIERS: Final = 2
"""Passwords verified at a time, at 19 MiB each."""


class Gate:
    """Knows accounts, tokens and sessions.

    Args:
        store: where they are.
        settings: how long sessions last.
        run: does something in a thread.
    """

    def __init__(self, store: Store, settings: Settings, run: Callable[..., Awaitable[Any]]) -> None:
        self.sessions = Sessions(store, settings.session_hours)
        self._tokens = Tokens(store)
        self._accounts = Accounts(store)
        self._guesses = Guesses()
        self._run = run
        # Not the threads of the requests: guesses by the thousand must not keep those from working.
        self._verifiers = ThreadPoolExecutor(VERIFIERS, thread_name_prefix="umbel-password")

    def close(self) -> None:
        """Ends the threads."""
        self._verifiers.shutdown(wait=False, cancel_futures=True)

    async def principal(self, request: Request) -> Principal | None:
        """Who asks; None if nothing came along, or nothing that is right. An Authorization header goes first.

        Raises:
            TooManyRequests: too many wrong passwords came.
            HistoryUnavailable: the database does not answer.
        """
        found: Principal | None
        header = request.headers.get("authorization")
        if header is None:
            cookie = request.cookies.get(cookie_name(request))
            found = await self._run(self.sessions.principal, cookie) if cookie else None
            return found
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            found = await self._run(self._tokens.principal, value.strip())
            return found
        given = credentials(header)
        scope = await self.password(*given, request) if given is not None else None
        return Principal(given[0], scope, given[0]) if given and scope else None

    async def password(self, name: str, password: str, request: Request) -> Scope | None:
        """The scope of the account with this name and password; None if there is none. Raises as `principal`."""
        scope: Scope | None = await self._run(self._accounts.known, name, password)
        if scope is None:
            address = address_of(request)
            self._guesses.begin(name, address)
            loop = asyncio.get_running_loop()
            scope = await loop.run_in_executor(self._verifiers, self._accounts.verify, name, password)
            if scope is None:
                log.warning("wrong name or password for %r from %s", name[:64], address)
            else:
                self._guesses.right(name, address)
        return scope


def credentials(header: str) -> tuple[str, str] | None:
    """Name and password in an Authorization header of RFC 7617 (Basic); None if it holds something else."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if name and colon else None


def address_of(request: Request) -> str:
    """The address that a request came from; a trusted proxy's word for it."""
    return request.client.host if request.client else ""


def cookie_name(request: Request) -> str:
    """Of a session. By its prefix, a browser takes it over TLS, from this host and for all paths only (RFC 6265bis,
    4.1.3.2)."""
    return "__Host-umbel" if request.scope["scheme"] == "https" else "umbel"
