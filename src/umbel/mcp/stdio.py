"""MCP on stdin and stdout, for a server elsewhere: what an agent's program starts as `umbel mcp`."""

import asyncio
import sys
from typing import Any

from mcp.server.stdio import stdio_server

from umbel.client import AsyncClient
from umbel.errors import UmbelError
from umbel.mcp.server import make
from umbel.service.models import Resource
from umbel.service.operations import Operation, Scope, StartRun, WaitForRun


class Away:
    """The door to the server at `UMBEL_URL`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def scope(self) -> Scope:
        """What the token may do. All, while the server is away: the calls will say so, and it decides on each."""
        try:
            return (await self._client.session()).scope
        except UmbelError as error:
            complain(error)
            return "admin"

    async def call(self, asked: Operation[Any]) -> Resource:
        """Have the server do it."""
        waits = asked.wait if isinstance(asked, StartRun) else asked.timeout if isinstance(asked, WaitForRun) else 0
        found: Resource = await self._client.call(asked, patience=waits or 0.0)
        return found


def complain(error: UmbelError) -> None:
    """Where agents' programs keep what a server has to say: stdout is the protocol's."""
    print(f"umbel mcp: {error}", f"hint: {error.hint}" if error.hint else "", sep="\n", file=sys.stderr, flush=True)


def serve() -> None:
    """Serve until stdin ends.

    Raises:
        SettingsError, ServerUnavailable: UMBEL_URL is no address.
    """
    if sys.stdin.isatty():
        print("umbel mcp: an agent's program starts this and speaks MCP to it; Ctrl-D ends it.", file=sys.stderr)
    asyncio.run(_serve())


async def _serve() -> None:
    async with AsyncClient() as client:
        server = make(Away(client))
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
