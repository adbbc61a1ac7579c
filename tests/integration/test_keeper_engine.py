"""The keeper on the real engine: a run's whole life from SQL to SQL. Proves its part of [U-1] and [U-9]."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.histories import new_run
from tests.waiting import wait_until
from umbel.engine.engine import Engine, Token
from umbel.keeper import Keeper, relaunch
from umbel.machine import Code, RunState, TaskState
from umbel.service.catalog import Definitions
from umbel.settings import Settings, load_settings
from umbel.stack.valkey import binary
from umbel.store import RunRow, Store


@pytest.fixture(scope="module")
def state_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("valkey")
    argv = [binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--logfile", ""]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    wait_until(answers, 20, "answer of Valkey")
    client.close()
    yield f"redis://127.0.0.1:{port}/1"
    process.terminate()
    process.wait(10)


@pytest.fixture
def settings(state_url: str, tmp_path: Path) -> Settings:
    return load_settings(state_url=state_url, database_url=f"sqlite:///{tmp_path}/umbel.db", partitions=2)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    one = Engine.open(settings)
    client = redis.Redis.from_url(settings.state_url)
    client.flushdb()
    client.close()
    yield one
    one.close()


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    one = Store(settings.database_url)
    one.database.upgrade()
    yield one
    one.close()


@pytest.fixture
def keeper(store: Store, engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeper]:
    monkeypatch.setattr(relaunch, "YOUNG", 0.0)
    monkeypatch.setattr(relaunch, "EVERY", 0.02)

    def launch(run: RunRow) -> None:
        plan = store.plan(run.plan_hash)
        assert plan
        engine.launch(run.id, plan, run.payload, by="server")

    one = Keeper(store, engine, settings, Definitions(settings.home), launch)
    one.start()
    yield one
    one.stop()


def claim(engine: Engine, run: str, task: int) -> Token:
    claimed = engine.claim(run, task, 1, worker="w", pid=1)
    assert claimed.code is Code.OK
    return Token(run, task, 1, claimed.attempt)


def test_a_run_that_was_only_committed_is_launched_and_its_life_ends_up_in_sql(
    store: Store, engine: Engine, keeper: Keeper
) -> None:
    run_id = store.accept(new_run()).run.id
    wait_until(lambda: store.events(run_id), 20, "launch")
    for task in range(4):
        token = claim(engine, run_id, task)
        engine.log(token, [(1, "stdout", f"task {task}")])
        if task == 1:
            engine.retry(token, 0.0, {"exception": "HTTP 500", "type": "HTTPError", "countdown": 0.0}, by="w")
            token = claim(engine, run_id, task)
        engine.succeed(token, f"[{task}]", by="w")
    run = wait_until(lambda: (row := store.run(run_id)) and row.settled and row, 10, "end in SQL")
    assert (run.state, run.tasks_done, run.retries) == (RunState.SUCCESS, 4, 1)
    assert [task.result for task in store.tasks(run_id)] == ["[0]", "[1]", "[2]", "[3]"]
    assert [one.outcome for one in store.attempts(run_id, 1)] == ["retrying", "success"]
    assert [line.line for line in store.logs(run_id)] == [f"task {n}" for n in range(4)]
    events = store.events(run_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert keeper.relaunch.launched == 1
    assert sum(projector.quarantined for projector in keeper.projectors) == 0


def test_failure_cancel_and_late_results(store: Store, engine: Engine, keeper: Keeper) -> None:
    failed, canceled = (store.accept(new_run()).run.id for _ in range(2))
    wait_until(lambda: store.events(failed) and store.events(canceled), 20, "launch of both")
    info = {"exception": "boom", "type": "ValueError", "traceback": "Traceback ...", "reason": "exception"}
    engine.fail(claim(engine, failed, 0), info, by="w")
    token = claim(engine, canceled, 0)
    engine.cancel(canceled)
    engine.succeed(token, "1", by="w")
    bad = wait_until(lambda: (row := store.run(failed)) and row.settled and row, 10, "end of the failed run")
    assert (bad.state, bad.failed_task, bad.error) == (RunState.ERROR, "A", "boom")
    states = [task.state for task in store.tasks(failed)]
    assert states == [TaskState.ERROR, *[TaskState.UPSTREAM_FAILED] * 3]
    over = wait_until(lambda: (row := store.run(canceled)) and row.settled and row, 10, "end of the canceled run")
    assert over.state is RunState.CANCELED
    (attempt,) = store.attempts(canceled)
    assert attempt.outcome == "canceled"
