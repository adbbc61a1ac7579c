"""In front of every route: who asks, may they do this, and is it them who wants it?"""

import hmac
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from umbel.api import doors, origin
from umbel.api.director import refusal
from umbel.api.director_json import dumps
from umbel.api.problems import from_umbel, problem
from umbel.api.replies import WHO, Context, caller
from umbel.api.throttle import Pace
from umbel.errors import BadRequest, Forbidden, ForeignRequest, UmbelError, Unauthorized
from umbel.service.access import ANYBODY, Principal
from umbel.service.operations import reaches

BASIC: Final = 'Basic realm="Authentication Required"'
"""What a 401 asks for (RFC 7617): celery-director's words."""
BEARER: Final = 'Bearer realm="Umbel"'
"""What it asks a page's script for: at Basic, a browser would put its own dialog over the page."""
CSRF: Final = "x-csrf-token"
"""Brings what proves that one of our pages asks, and no other that the browser sends the cookie for."""
HEALTH: Final = frozenset({"/healthz", "/readyz"})
MAX_HEADERS: Final = 32_768
"""Bytes of all headers of a request."""

_DIRECTORS_WORDS: Final = {
    "status": 401,
    "error": "unauthorized",
    "message": "Please authenticate to access this API.",
}


class Auth:
    """Middleware: lets through what may be."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        settings = context.umbel.settings
        self._hosts = origin.names(settings.allowed_hosts)
        self._pace = Pace(settings.max_requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on, or answers 401, 403 or 429."""
        if scope["type"] == "http":
            answer = await self._refusal(Request(scope))
            await (answer or self._app)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:  # a WebSocket; none is served
            await send({"type": "websocket.close", "code": 1008})

    async def _refusal(self, request: Request) -> Response | None:
        """The answer to who may not do this; None for who may."""
        if sum(len(name) + len(value) for name, value in request.scope["headers"]) > MAX_HEADERS:
            return problem(request, 431, f"The headers are larger than {MAX_HEADERS:,} bytes.", BadRequest.code)
        try:
            await self._admit(request)
        except Unauthorized as error:
            return _unauthorized(request, error)
        except UmbelError as error:
            return refusal(error) if _directors(request) else from_umbel(request, error)
        return None

    async def _admit(self, request: Request) -> None:
        changes = request.method not in doors.READING
        if changes:
            origin.check_site(request.headers)
        found = ANYBODY
        if not self._context.asks:
            origin.check_host(request.headers.get("host", ""), self._hosts)
        elif (needed := doors.need(request.scope["app"].routes, request.scope)) != "open":
            found = await self._known(request)
            if needed == "nobody":
                raise Forbidden("Who may use this is not settled, so nobody may.", hint="Please report it.")
            if needed != "any" and not reaches(found.scope, needed):
                raise Forbidden(f"This needs the scope {needed}; {found.by} has {found.scope}.")
            if changes and found.csrf is not None:
                _check_csrf(request.headers.get(CSRF, ""), found.csrf)
        request.scope[WHO] = found
        if request.scope["path"] not in HEALTH:
            self._pace.take(caller(request))

    async def _known(self, request: Request) -> Principal:
        found = await self._context.gate.principal(request)
        if found is None:
            raise Unauthorized("This needs the credentials of an account, or an API token.")
        return found


def _check_csrf(given: str, right: str) -> None:
    if not hmac.compare_digest(given.encode(), right.encode()):
        raise ForeignRequest(
            "The request came with the cookie of a session, but not with its X-CSRF-Token.",
            hint="GET /api/v1/session tells it to the pages; programs use an API token, which needs none.",
        )


def _unauthorized(request: Request, error: Unauthorized) -> Response:
    headers = {"WWW-Authenticate": BEARER if _from_script(request) or _agents(request) else BASIC}
    if _directors(request):
        return Response(dumps(_DIRECTORS_WORDS), 401, headers, "application/json")
    return problem(request, 401, str(error), error.code, error.hint, headers=headers)


def _from_script(request: Request) -> bool:
    """Whether a page's script asks, not a program or a person at the address bar."""
    headers = request.headers
    mode = headers.get("sec-fetch-mode", "navigate")
    return CSRF in headers or mode != "navigate" or headers.get("accept") == "text/event-stream"


def _agents(request: Request) -> bool:
    return bool(request.scope["path"] == doors.MCP)


def _directors(request: Request) -> bool:
    path = f"{request.scope['path']}/"
    return path.startswith("/api/") and not path.startswith("/api/v1/")
