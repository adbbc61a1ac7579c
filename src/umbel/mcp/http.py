"""MCP's streamable HTTP, one request at a time, in JSON: any server can answer any request."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from umbel.mcp.door import Door
from umbel.mcp.server import make

Message = MutableMapping[str, Any]


async def answer(
    door: Door,
    body: bytes,
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer one request that has been let in (ASGI), and whose `body` has been read.

    Clients of the revision 2026-07-28 and those that begin with `initialize` are both served, without sessions.
    """
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    # Host and Origin were looked at before (umbel.api.gate), and the body's length.
    manager = StreamableHTTPSessionManager(
        make(door), json_response=True, stateless=True, max_request_body_size=len(body) + 1
    )
    async with manager.run():
        await manager.handle_request(scope, again, send)
