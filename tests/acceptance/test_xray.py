"""The X-ray of real runs on the demo's stack: both engines, a retry, and a store that was started again."""

import signal
from collections.abc import Iterator

import pytest

from tests import xray_claims
from tests.waiting import wait_until
from umbel.client import Client
from umbel.errors import BadRequest, RunNotFound
from umbel.service.models.trace import Trace
from umbel.stack.options import demo_options
from umbel.stack.run import Stack, run_stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with run_stack(demo_options(port=0, data=tmp_path_factory.mktemp("xray")), lambda line: None) as stack:
        yield stack


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.urls.server) as client:
        yield client


def traced(client: Client, definition: str, scenario: str = "happy") -> Trace:
    """The whole trace of a new run."""
    run = client.start_run(definition, {"raw": "hello world", "scenario": scenario})
    wait_until(lambda: client.get_run(run.id).settled, 60, f"end of {run.id}")
    last = {"forget"}  # the script that lets the run go

    def whole() -> Trace | None:
        trace = client.get_trace(run.id, limit=20_000)
        scripts = {each.command.script for each in trace.records if each.command}
        return trace if last <= scripts else None

    wait_until(lambda: whole() is not None, 15, "the last of the records")
    found = whole()
    assert found is not None
    return found


def test_canvas(client: Client) -> None:
    xray_claims.canvas(traced(client, "demo.CANVAS"))


def test_relay(client: Client) -> None:
    xray_claims.relay(traced(client, "demo.PIPELINE"))


def test_parts_of_it(client: Client) -> None:
    trace = traced(client, "demo.PIPELINE")
    part = client.get_trace(trace.run_id, after=5, limit=3)
    assert [each.n for each in part.records] == [6, 7, 8]
    assert part.total == trace.total
    some = client.get_trace(trace.run_id, kinds="published,event", limit=20_000)
    assert {each.kind for each in some.records} == {"published", "event"}
    with pytest.raises(BadRequest):
        client.get_trace(trace.run_id, kinds="gossip")
    with pytest.raises(RunNotFound):
        client.get_trace("00000000-0000-4000-8000-000000000000")


def test_a_store_that_is_started_again_is_recorded_again(stack: Stack, client: Client) -> None:
    stack.kill("valkey", signal.SIGKILL)
    wait_until(lambda: "valkey" in stack.pids, 20, "another Valkey")

    def recorded() -> bool:
        trace = traced(client, "demo.PIPELINE")
        return trace.recording == "commands"

    wait_until(recorded, 60, "commands of a run")
