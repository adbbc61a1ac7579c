"""The five scenarios on the whole stack, against celery-director's recorded answers; and with the server killed."""

import json
import re
import signal
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until
from umbel.demo import SCENARIOS
from umbel.stack.options import demo_options
from umbel.stack.run import Stack, run_stack

RECORDED = Path(__file__).parent.parent / "contract" / "data"
SLACK = 2.5
"""Seconds that an attempt may start later than recorded, on a busy machine; never earlier than its pause ends."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = demo_options(port=0, data=tmp_path_factory.mktemp("scenarios"))
    with run_stack(options, lambda line: None) as stack:
        yield stack


def ask(stack: Stack, method: str, path: str, body: object = None) -> Any:
    """The JSON that the server answers."""
    request = urllib.request.Request(
        stack.urls.server + path,
        json.dumps(body).encode() if body is not None else None,
        {"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=70) as answer:
        return json.load(answer)


def start(stack: Stack, scenario: str, name: str = "PIPELINE") -> str:
    payload = {"raw": "hello world", "scenario": scenario}
    return str(ask(stack, "POST", "/api/workflows", {"project": "demo", "name": name, "payload": payload})["id"])


def finished(stack: Stack, run: str, timeout: float = 60) -> dict[str, Any]:
    """Director's view of the run, once nothing of it is alive."""
    wait_until(lambda: ask(stack, "GET", f"/api/v1/runs/{run}/wait?timeout=30")["settled"], timeout, f"end of {run}")
    return dict(ask(stack, "GET", f"/api/workflows/{run}"))


def comparable(run: dict[str, Any]) -> dict[str, Any]:
    """What does not change from run to run: ids, times, ports and tracebacks are left out."""
    keys = {task["id"]: task["key"] for task in run["tasks"]}

    def result(value: Any) -> Any:
        if isinstance(value, dict) and "traceback" in value:
            return re.sub(r"(port=|127\.0\.0\.1:)\d+", r"\1PORT", value["exception"])
        return value

    return {
        "status": run["status"],
        "payload": run["payload"],
        "tasks": {
            task["key"]: (
                task["status"],
                sorted(keys[each] for each in task["previous"]),
                task["is_hook"],
                result(task["result"]),
            )
            for task in run["tasks"]
        },
    }


def recorded(scenario: str) -> dict[str, Any]:
    return comparable(json.loads((RECORDED / f"seed-{scenario}-get-final.json").read_text())["response"]["body"])


def attempts(scenario: str) -> dict[str, list[float]]:
    """Task -> when its attempts began, in seconds after its first one, as recorded."""
    timeline = json.loads((RECORDED / "seed-timelines.json").read_text())["scenarios"][scenario]["worker_events"]
    began: dict[str, list[float]] = {}
    for event in timeline:
        if event["event"] == "attempt_start":
            began.setdefault(event["task"], []).append(event["t"])
    return {task: [moment - moments[0] for moment in moments] for task, moments in began.items()}


def test_the_five_scenarios_at_once(stack: Stack) -> None:
    """Started together, they reach the recorded end states, by the recorded attempts. [U-1] [U-2] [U-4]"""
    runs = {scenario: start(stack, scenario) for scenario in SCENARIOS}
    for scenario, run in runs.items():
        assert comparable(finished(stack, run)) == recorded(scenario), scenario
        detail = ask(stack, "GET", f"/api/v1/runs/{run}")
        for task in detail["tasks"]:
            expected = attempts(scenario).get(task["key"], [])
            began = [datetime.fromisoformat(attempt["started_at"]) for attempt in task["attempts"]]
            assert len(began) == len(expected), (scenario, task["key"])
            for seen, wanted in zip(began, expected, strict=True):
                since = (seen - began[0]).total_seconds()
                assert wanted - 0.3 < since < wanted + SLACK * len(expected), (scenario, task["key"], since, wanted)


def test_celerys_own_canvas_ends_the_same(stack: Stack) -> None:
    """`engine: canvas`: the recorded end states and attempts, though Celery sequences and retries."""
    runs = {scenario: start(stack, scenario, "CANVAS") for scenario in ("happy", "flaky", "down")}
    for scenario, run in runs.items():
        assert comparable(finished(stack, run, 90)) == recorded(scenario), scenario
        tasks = ask(stack, "GET", f"/api/v1/runs/{run}")["tasks"]
        for task in tasks:
            assert len(task["attempts"]) == len(attempts(scenario).get(task["key"], [])), (scenario, task["key"])


def test_the_server_is_away_for_the_whole_run(stack: Stack) -> None:
    """kill -9 of the server right after its 201: workers finish the run, the history is complete after. [U-1] [U-9]"""
    run = start(stack, "flaky")
    stack.set_restart("server", False)
    stack.kill("server", signal.SIGKILL)
    # Workers alone take it through two retry pauses (2 + 4 s); the ledger of that is the engine's own state.
    from umbel.engine.engine import Engine
    from umbel.settings import load_settings

    engine = Engine.open(load_settings(state_url=stack.urls.state))

    def over() -> bool:
        events = [event for _, event in engine.read_events(0, "0-0", 10_000, 1)]
        return any(event.run == run and event.type == "run.settled" for event in events)

    wait_until(over, 30, "the run's end without a server")
    engine.close()
    stack.start("server")
    stack.set_restart("server", True)
    assert comparable(finished(stack, run)) == recorded("flaky")
    task = ask(stack, "GET", f"/api/v1/runs/{run}/tasks/TASK_A")
    assert [attempt["outcome"] for attempt in task["attempts"]] == ["retrying", "retrying", "success"]


def test_a_worker_killed_during_a_retry_pause_is_replaced(stack: Stack) -> None:
    """The supervisor restarts it; nothing was in its memory, so the attempts go on as recorded."""
    run = start(stack, "flaky")
    wait_until(
        lambda: ask(stack, "GET", f"/api/v1/runs/{run}")["tasks"][0]["state"] == "retrying", 20, "the first retry"
    )
    stack.kill("worker", signal.SIGKILL)
    assert comparable(finished(stack, run)) == recorded("flaky")
