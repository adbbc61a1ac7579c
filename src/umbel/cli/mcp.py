"""`umbel mcp`: the door for agents."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)


def mcp() -> None:
    """Speak MCP with an agent, on stdin and stdout.

    The agent's program starts this. It uses the server at UMBEL_URL with the token in UMBEL_TOKEN, and may do what the
    token may. The server speaks MCP over HTTP too, at /mcp. What goes wrong is said on stderr.
    """
    from umbel.mcp.stdio import serve

    serve()
