"""Agent tools: their shapes, calling them, and the example agent as its own process."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.serving import Fail, Served
from tests.waiting import wait_until
from umbel.service.operations import OPERATIONS

AGENT = Path(__file__).parents[3] / "examples" / "agent.py"


def tools(server: Served, shape: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.http.get(f"/api/v1/tools?format={shape}").json()
    return found


def test_three_shapes(server: Served) -> None:
    names = [each.spec.name for each in OPERATIONS if each.spec.tool]
    openai, anthropic, mcp = (tools(server, shape) for shape in ("openai", "anthropic", "mcp"))
    assert [each["function"]["name"] for each in openai] == names
    assert {each["type"] for each in openai} == {"function"}
    assert [each["name"] for each in anthropic] == [each["name"] for each in mcp] == names
    for one, two, three in zip(openai, anthropic, mcp, strict=True):
        schema = one["function"]["parameters"]
        assert schema == two["input_schema"] == three["inputSchema"]
        assert (schema["type"], schema["additionalProperties"]) == ("object", False)
        Draft202012Validator.check_schema(schema)
        Draft202012Validator.check_schema(three["outputSchema"])
        assert one["function"]["description"] == two["description"] == three["description"]
        assert set(three["annotations"]) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    cancel = mcp[names.index("cancel_run")]["annotations"]
    assert (cancel["destructiveHint"], cancel["readOnlyHint"]) == (True, False)


def test_calling_a_tool_answers_as_its_output_schema_says(server: Served) -> None:
    def call(tool: str, **arguments: Any) -> Any:
        answer = server.http.post(f"/api/v1/tools/{tool}", json=arguments)
        assert answer.status_code == 200, answer.text
        (spec,) = [each for each in tools(server, "mcp") if each["name"] == tool]
        Draft202012Validator(spec["outputSchema"]).validate(answer.json())
        return answer.json()

    run = call("start_run", definition="demo.DIAMOND", payload={"size": 3}, wait=0.01, idempotency_key="tool")
    assert call("start_run", definition="demo.DIAMOND", payload={"size": 3}, idempotency_key="tool")["id"] == run["id"]
    server.work(lambda call: call.node.key)
    assert call("wait_for_run", run_id=run["id"], timeout=10)["result"] == "D"
    server.settled(run["id"])
    for name in ("get_run", "diagnose_run", "get_logs", "cancel_run", "relaunch_run"):
        call(name, run_id=run["id"])
    call("get_task", run_id=run["id"], key="A")
    call("get_task_logs", run_id=run["id"], key="A")
    call("get_definition", name="demo.DIAMOND")
    assert call("list_runs", status=["success"], limit=1)["items"]
    call("list_definitions")
    call("list_workers")


@pytest.mark.parametrize(
    ("name", "arguments", "status"),
    [
        ("nope", {}, 404),
        ("get_run", {}, 422),
        ("get_run", {"run_id": "x"}, 404),
        ("get_run", {"run_id": "x", "y": 1}, 422),
    ],
)
def test_bad_calls_are_problems(server: Served, name: str, arguments: dict[str, Any], status: int) -> None:
    answer = server.http.post(f"/api/v1/tools/{name}", json=arguments)
    assert (answer.status_code, bool(answer.json()["hint"])) == (status, True)


def test_the_example_agent_finds_out_what_went_wrong(server: Served) -> None:
    def worker() -> None:
        wait_until(lambda: server.messages, 30, "a message")
        server.work(lambda call: Fail("HTTP 500", "HTTPError") if call.node.key == "B" else call.node.key)

    thread = threading.Thread(target=worker)
    thread.start()
    done = subprocess.run(
        [sys.executable, str(AGENT), "demo.DIAMOND", json.dumps({"size": 1})],
        env={"UMBEL_URL": str(server.http.base_url)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    thread.join(30)
    assert done.returncode == 1, done.stderr
    assert f"{sum(each.spec.tool for each in OPERATIONS)} tools: list_definitions" in done.stdout
    assert '"verdict": "B failed: HTTPError: HTTP 500; 1 task never ran."' in done.stdout
