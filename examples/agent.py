"""An agent without a framework: fetch the tools, start a run, wait, and let the server say what went wrong.

    python examples/agent.py demo.PIPELINE '{"raw": "hello", "scenario": "partial_fail"}'

A language model would choose the calls; here they are written down. `tools` is what it would be given.
"""

import json
import os
import sys
import urllib.request

SERVER = os.environ.get("UMBEL_URL", "http://127.0.0.1:8000")


def http(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(SERVER + path, data, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def call(tool, **arguments):
    print(f"-> {tool} {json.dumps(arguments)}")
    return http(f"/api/v1/tools/{tool}", arguments)


def main(definition, payload):
    tools = http("/api/v1/tools?format=openai")
    print(f"{len(tools)} tools: {', '.join(tool['function']['name'] for tool in tools)}")
    run = call("start_run", definition=definition, payload=payload, wait=5)
    while run["state"] in ("pending", "running"):
        print("  ", call("diagnose_run", run_id=run["id"])["verdict"])
        run = call("wait_for_run", run_id=run["id"], timeout=5)
    diagnosis = call("diagnose_run", run_id=run["id"])
    print(json.dumps(diagnosis, indent=2))
    return 0 if run["state"] == "success" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))
