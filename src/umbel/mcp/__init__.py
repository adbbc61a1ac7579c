"""The MCP server, by which agents use Umbel: on stdio (`umbel mcp`), and at `/mcp` of the server.

Owns: operations as MCP tools, resources and prompts; what an agent is shown of an answer, and what it must confirm.
May import: client, errors, machine, and the operations and resources of service; the official `mcp` SDK.
Promises: an agent may do what its token may and no more; what tasks wrote stays inside JSON, marked as theirs, and an
answer has a bounded length; nothing is destroyed that was not previewed.

Nothing is imported here: the SDK takes a second to load, and only who speaks MCP shall wait for it.
"""
