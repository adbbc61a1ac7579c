"""The model service as a process, and the demo's tasks against it: what celery-director answered, we answer.

The tasks run eagerly on a plain Celery app, so their retries happen at once; the pauses they ask for are
compared with the recorded ones. `data/seed-*.json`: the same project, recorded on celery-director 0.10.0.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import requests
import yaml
from celery import Celery
from celery.signals import task_retry

import umbel
from umbel.demo import PROJECT, SCENARIOS

DATA = Path(__file__).parent / "data"
COMMAND = [sys.executable, "-m", "umbel.demo.model_service"]


@contextmanager
def model_service() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the service on a free port; give the process and its URL."""
    with subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            match = re.fullmatch(r"model service: (http://127\.0\.0\.1:[1-9]\d*)\n", line)
            assert match, f"no address in {line!r}"
            yield process, match[1]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with model_service() as (_, url):
        yield url


def test_sleeping_calls_hold_up_nobody_and_end_with_the_service() -> None:
    async def use(process: subprocess.Popen[str], url: str) -> None:
        body = {"text": "x", "request_id": "sleeper", "delay_seconds": 3600}
        async with (
            httpx.AsyncClient(base_url=url, trust_env=False, limits=httpx.Limits(), timeout=60) as client,
            asyncio.timeout(60),
        ):
            sleepers = [asyncio.create_task(client.post("/v1/predict", json=body)) for _ in range(200)]
            while (await client.get("/v1/stats")).json() != {"sleeper": 200}:
                pass
            assert (await client.post("/v1/predict", json={"text": "awake"})).status_code == 200
            assert not any(sleeper.done() for sleeper in sleepers)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait) == -signal.SIGTERM
            await asyncio.gather(*sleepers, return_exceptions=True)

    with model_service() as (process, url):
        asyncio.run(use(process, url))


def test_a_taken_port_is_one_sentence_and_a_failure(url: str) -> None:
    port = url.rpartition(":")[2]
    outcome = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True)
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    assert re.fullmatch(rf"model service: cannot listen on 127\.0\.0\.1:{port}: .+\n", outcome.stderr)


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[Any]:
    """The demo's tasks on a plain Celery app of their own, pointed at the model service."""
    app = Celery("plain", broker="memory://", set_as_current=False)
    monkeypatch.setattr(umbel, "task", partial(app.task, shared=False), raising=False)
    monkeypatch.setenv("UMBEL_MODEL_URL", url)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    spec = spec_from_file_location("demo_pipeline", PROJECT / "tasks" / "pipeline.py")
    assert spec
    assert spec.loader
    spec.loader.exec_module(module_from_spec(spec))
    app.finalize()
    yield app.tasks
    app.close()


def recorded(scenario: str) -> dict[str, Any]:
    text = (DATA / f"seed-{scenario}-get-final.json").read_text()
    return json.loads(text)["response"]["body"]  # type: ignore[no-any-return]


def recorded_pauses(scenario: str) -> dict[str, list[float]]:
    timeline = json.loads((DATA / "seed-timelines.json").read_text())["scenarios"][scenario]
    pauses: dict[str, list[float]] = {}
    for event in timeline["worker_events"]:
        if event["event"] == "retry_scheduled":
            seconds = re.match(r"countdown (\d+)s", event["detail"])
            pauses.setdefault(event["task"], []).append(float(seconds[1]))
    return pauses


def run_pipeline(tasks: Any, scenario: str) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Run the tasks in order by hand; give each one's result and the pauses it asked for."""
    keywords = {"payload": recorded(scenario)["payload"], "workflow_id": recorded(scenario)["id"]}
    results: dict[str, Any] = dict.fromkeys(("TASK_A", "TASK_B", "TASK_C", "TASK_D"))
    pauses: dict[str, list[float]] = {}

    def note(sender: Any, reason: Any, **_: Any) -> None:
        pauses.setdefault(sender.name, []).append(reason.when)

    def run(name: str, argument: Any) -> bool:
        outcome = tasks[name].apply(args=(argument,), kwargs=keywords)
        results[name] = outcome.result if outcome.successful() else {"exception": str(outcome.result)}
        return bool(outcome.successful())

    task_retry.connect(note)
    try:
        if run("TASK_A", None):
            both = [run(name, results["TASK_A"]) for name in ("TASK_B", "TASK_C")]
            if all(both):
                run("TASK_D", [results["TASK_B"], results["TASK_C"]])
    finally:
        task_retry.disconnect(note)
    return results, pauses


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_ends_as_recorded(tasks: Any, url: str, scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    post = requests.Session.post

    def impatient(self: requests.Session, url: str, *, timeout: float, **rest: Any) -> requests.Response:
        return post(self, url, timeout=timeout / 50, **rest)

    if scenario == "slow":
        monkeypatch.setattr(requests.Session, "post", impatient)
    results, pauses = run_pipeline(tasks, scenario)
    for task in recorded(scenario)["tasks"]:
        expected, result = task["result"], results[task["key"]]
        if expected and "exception" in expected:
            del expected["traceback"]
            here = (
                result["exception"]
                .replace(url.rpartition(":")[2], "9000")
                .replace("read timeout=0.1", "read timeout=5")
            )
            result = {"exception": here}
        assert result == expected, task["key"]
    assert pauses == recorded_pauses(scenario)
    called = [name for name in ("TASK_A", "TASK_B", "TASK_C") if results[name]]
    calls = {f"{recorded(scenario)['id']}-{name}": 1 + len(pauses.get(name, [])) for name in called}
    assert httpx.get(f"{url}/v1/stats", trust_env=False).json().items() >= calls.items()


def test_c_retries_with_jitter(tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBEL_MODEL_URL", "http://127.0.0.1:1")
    pauses: list[float] = []

    def note(reason: Any, **_: Any) -> None:
        pauses.append(reason.when)

    task_retry.connect(note)
    keywords = {"payload": {}, "workflow_id": "w"}
    outcome = tasks["TASK_C"].apply(args=({"processed": "HELLO"},), kwargs=keywords)
    task_retry.disconnect(note)
    assert isinstance(outcome.result, requests.ConnectionError)
    assert len(pauses) == 3
    assert all(0 <= pause <= most for pause, most in zip(pauses, (2, 4, 8), strict=True))
    assert tasks["TASK_C"].retry_jitter is True


def test_the_definition_is_the_recorded_pipeline() -> None:
    definitions = yaml.safe_load((PROJECT / "workflows.yml").read_text())
    assert definitions["demo.PIPELINE"]["schema"] == "pipeline"
    assert definitions["demo.PIPELINE"]["tasks"] == [
        "TASK_A",
        {"PARALLEL_BC": {"type": "group", "tasks": ["TASK_B", "TASK_C"]}},
        "TASK_D",
    ]


def test_the_schema_takes_the_recorded_payloads_and_no_other_scenario() -> None:
    schema = json.loads((PROJECT / "schemas" / "pipeline.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert tuple(schema["properties"]["scenario"]["enum"]) == SCENARIOS
    for scenario in SCENARIOS:
        validator.validate(recorded(scenario)["payload"])
    for wrong in ({"scenario": "sunny"}, {"raw": 1}, []):
        assert not validator.is_valid(wrong)
