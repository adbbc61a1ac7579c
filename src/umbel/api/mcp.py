"""`/mcp`: agents by MCP over HTTP. Who may do what is decided as for the REST API."""

from typing import Any

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from umbel.api.answer import answer
from umbel.api.doors import MCP
from umbel.api.replies import Context, principal
from umbel.service import operations
from umbel.service.access import Principal
from umbel.service.models import Resource


class Here:
    """The door for an agent that this server has let in."""

    def __init__(self, context: Context, agent: Principal) -> None:
        self._context = context
        self._agent = agent

    async def scope(self) -> operations.Scope:
        """What its token may do."""
        return self._agent.scope

    async def call(self, asked: operations.Operation[Any]) -> Resource:
        """Do it in its name."""
        return await answer(self._context, asked, self._agent.by)


class Mcp:
    """The ASGI application behind it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        body = await self._context.body(request)
        # In a thread: who asks first waits a second for the SDK, and nobody else does.
        http = await self._context.run(_sdk)
        await http.answer(Here(self._context, principal(request)), body, scope, receive, send)


def _sdk() -> Any:
    from umbel.mcp import http

    return http


def routes(context: Context) -> list[Route]:
    """POST only: there are no sessions to listen to or to end."""
    return [Route(MCP, Mcp(context), methods=["POST"])]
