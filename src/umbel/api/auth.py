"""Basic authentication (RFC 7617) in front of every route: what is not named here as open needs an account."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from umbel.api.director import refusal
from umbel.api.director_json import dumps
from umbel.api.problems import from_umbel, problem
from umbel.api.replies import WHO, Context
from umbel.errors import UmbelError, Unauthorized
from umbel.service.accounts import Accounts

OPEN: Final = frozenset({"/", "/api/ping", "/healthz", "/readyz"})
"""Paths for everyone: what celery-director leaves open, and what supervisors ask."""
CHALLENGE: Final = 'Basic realm="Authentication Required"'
VERIFIERS: Final = 2
"""Passwords verified at a time, at 19 MiB each."""

_DIRECTORS_WORDS: Final = {
    "status": 401,
    "error": "unauthorized",
    "message": "Please authenticate to access this API.",
}


class Auth:
    """Middleware: lets through what comes with the credentials of an account."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        self._accounts = Accounts(context.umbel.store)
        # Not the threads of the requests: guesses by the thousand must not keep those from working.
        self._verifiers = ThreadPoolExecutor(VERIFIERS, thread_name_prefix="umbel-password")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, or answers 401."""
        if scope["type"] == "http":
            answer = None if scope["path"] in OPEN else await self._refusal(Request(scope))
            await (answer or self._app)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            self._verifiers.shutdown(wait=False, cancel_futures=True)
        else:  # a WebSocket; none is served
            await send({"type": "websocket.close", "code": 1008})

    async def _refusal(self, request: Request) -> Response | None:
        """The answer to who has no account; None for who has."""
        given = credentials(request.headers.get("authorization", ""))
        try:
            if given is not None and await self._right(*given):
                request.scope[WHO] = given[0]
                return None
        except UmbelError as error:
            return refusal(error) if _directors(request) else from_umbel(request, error)
        headers = {"WWW-Authenticate": CHALLENGE}
        if _directors(request):
            return Response(dumps(_DIRECTORS_WORDS), 401, headers, "application/json")
        detail = "This needs the name and the password of an account."
        return problem(request, 401, detail, Unauthorized.code, Unauthorized.hint, headers=headers)

    async def _right(self, name: str, password: str) -> bool:
        if await self._context.run(self._accounts.known, name, password):
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._verifiers, self._accounts.verify, name, password)


def credentials(header: str) -> tuple[str, str] | None:
    """Name and password in an Authorization header; None if it holds something else."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if name and colon else None


def _directors(request: Request) -> bool:
    path = f"{request.scope['path']}/"
    return path.startswith("/api/") and not path.startswith("/api/v1/")
