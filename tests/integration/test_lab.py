"""The failure lab of a real stack: each act does what it says, hits nothing else, and the runs end well."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.stacks import await_worker
from tests.waiting import wait_until
from umbel.client import Client
from umbel.errors import LabMissed, ServerUnavailable, WrongState
from umbel.service.models.lab import LabAct, LabDone
from umbel.stack import identity
from umbel.stack.options import demo_options
from umbel.stack.run import Stack, run_stack

pytestmark = pytest.mark.skipif(not identity.available(), reason="needs Linux 5.3: /proc and pidfd")

PATIENCE = 40.0
QUICK = {
    "UMBEL_AUTH": "none",
    "UMBEL_XRAY": "off",
    "UMBEL_HEARTBEAT": "0.5",
    "UMBEL_LEASE": "2",
    "UMBEL_REDISPATCH_AFTER": "1.5",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    said: list[str] = []
    options = replace(demo_options(port=0, data=tmp_path_factory.mktemp("lab")), env=QUICK)
    with run_stack(options, said.append) as stack:
        yield stack
    assert not [line for line in said if " of 5 in 60 s" in line]


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """Asks when everything is up."""
    with Client(stack.urls.server) as client:
        await_worker(stack, client, PATIENCE)
        yield client


def pids(stack: Stack, client: Client) -> dict[str, Any]:
    """The parts, and the pool."""
    pool = [each.pid for each in client.get_lab().processes if not each.main]
    return {**stack.pids, "pool": pool}


def held(client: Client) -> str:
    """A run whose first task waits for the model service's answer."""
    client.act_in_lab("trouble-model", delay=4.5, seconds=30)
    return client.start_run("demo.PIPELINE", {"raw": "x"}).id


def ended(client: Client, run: str) -> list[tuple[str, int | None]]:
    """How the attempts of the first task ended, and where they ran; the model service is well again."""
    client.act_in_lab("trouble-model", fail=1, seconds=0.001)
    found = client.wait_for_run(run, PATIENCE)
    assert found.state == "success"
    return [(each.outcome, each.pid) for each in found.tasks[0].attempts]


def test_a_killed_child_loses_its_attempt_and_nothing_else(stack: Stack, client: Client) -> None:
    run, before = held(client), pids(stack, client)
    done = client.act_in_lab("kill-child", run_id=run, task="TASK_A", within=30)
    (victim,) = done.pids
    assert (done.run_id, done.task) == (run, "TASK_A")
    assert victim in before["pool"]
    (lost, where), (good, elsewhere) = ended(client, run)
    assert (lost, where, good) == ("lost", victim, "success")
    assert elsewhere != victim
    after = pids(stack, client)
    assert {**after, "pool": 0} == {**before, "pool": 0}
    assert set(before["pool"]) - set(after["pool"]) == {victim}
    assert [each.id for each in client.get_lab(run).done][:2][-1] == done.id  # the model's mending came later
    with pytest.raises(WrongState):
        client.act_in_lab("kill-child", run_id=run, task="TASK_A")


def test_a_frozen_child_is_given_up_and_thaws_though_the_server_is_restarted(stack: Stack, client: Client) -> None:
    run, before = held(client), pids(stack, client)
    done = client.act_in_lab("freeze-child", run_id=run, seconds=4, within=30)
    assert [each.pid for each in client.get_lab().processes if each.frozen] == done.pids
    restarted = client.act_in_lab("restart-server")
    assert restarted.pids == [before["server"]]  # it has answered first

    def back() -> bool:
        try:
            return client.get_lab().done[0].id == restarted.id and stack.pids["server"] != before["server"]
        except (ServerUnavailable, KeyError):
            return False

    wait_until(back, PATIENCE, "server")
    wait_until(lambda: not any(each.frozen for each in client.get_lab().processes), PATIENCE, "thaw")
    assert [outcome for outcome, _ in ended(client, run)] == ["lost", "success"]
    after = pids(stack, client)
    # A zombie that is still at work when it thaws ends itself; one that has just ended stays.
    assert {name for name in before if before[name] != after[name]} - {"pool"} == {"server"}
    with pytest.raises(LabMissed):
        client.act_in_lab("thaw")


def test_a_killed_worker_comes_back_and_its_task_runs_again(stack: Stack, client: Client) -> None:
    run, before = held(client), pids(stack, client)
    done = client.act_in_lab("kill-worker", run_id=run, task="TASK_A", within=30)
    assert done.pids == [before["worker"], *before["pool"]]
    assert [outcome for outcome, _ in ended(client, run)] == ["lost", "success"]
    after = pids(stack, client)
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {"worker", "pool"}


@pytest.mark.parametrize("what", ["drop-message", "duplicate-message"])
def test_a_message_is_lost_or_doubled_and_the_task_runs_once(client: Client, what: LabAct) -> None:
    client.act_in_lab("trouble-model", fail=1, seconds=0.001)
    with ThreadPoolExecutor() as others:
        asking = others.submit(client.act_in_lab, what, within=30)
        runs: list[str] = []

        def caught() -> bool:
            # Until the worker asks anew (each second), its question is older than the lab's.
            runs.append(client.start_run("demo.PIPELINE", {"raw": "x"}).id)
            return wait_until(lambda: asking.done() or client.get_run(runs[-1]).over, PATIENCE) and asking.done()

        wait_until(caught, PATIENCE, "message")
        done: LabDone = asking.result()
    assert done.run_id in runs
    assert ended(client, done.run_id) == [("success", client.get_run(done.run_id).tasks[0].attempts[0].pid)]


def test_a_paused_broker_goes_on_by_itself(client: Client) -> None:
    done = client.act_in_lab("pause-broker", seconds=1.5)
    run = client.start_run("demo.PIPELINE", {"raw": "x"}).id
    found = client.wait_for_run(run, PATIENCE)
    assert found.state == "success"
    assert found.tasks[0].attempts[0].started_at >= done.until  # type: ignore[operator]


def test_without_a_victim_it_says_so(client: Client) -> None:
    with pytest.raises(LabMissed):
        client.act_in_lab("freeze-child", within=0)
