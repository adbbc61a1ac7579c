"""An agent's side of MCP, with the official SDK (`pip install mcp`): a run fails, and the server says why.

    python examples/mcp_agent.py demo.PIPELINE '{"raw": "hello", "scenario": "partial_fail"}'

A language model would choose the calls; here they are written down. `umbel mcp` speaks to the server at UMBEL_URL.
"""

import asyncio
import json
import os
import sys

from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client


async def call(client, tool, **arguments):
    print(f"-> {tool} {json.dumps(arguments)}")
    answer = await client.call_tool(tool, arguments)
    print("  ", answer.content[0].text.splitlines()[0])
    return answer.structured_content


async def main(definition, payload):
    server = StdioServerParameters(command="umbel", args=["mcp"], env=dict(os.environ))
    async with Client(stdio_client(server)) as client:
        tools = (await client.list_tools()).tools
        print(f"{len(tools)} tools: {', '.join(tool.name for tool in tools[:5])}, ...")
        run = await call(client, "start_run", definition=definition, payload=payload, wait=20)
        while run["state"] in ("pending", "running"):
            run = await call(client, "wait_for_run", run_id=run["id"], timeout=20)
        diagnosis = await call(client, "diagnose_run", run_id=run["id"])
        print(json.dumps(diagnosis, indent=2))
        if run["state"] == "error":
            preview = await call(client, "retry_run", run_id=run["id"])  # nothing is done yet
            print(json.dumps(preview, indent=2))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))
