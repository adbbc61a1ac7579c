"""`umbel check-app` on apps that stand in files: what is read from them, and what is said of those that cannot be."""

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from celery import Celery, _state
from typer.testing import CliRunner

from umbel.celery.locate import import_app, traceless
from umbel.celery.survival.ask import told
from umbel.celery.survival.read import read
from umbel.celery.survival.record import AppFacts, Finding, QueueFacts
from umbel.cli.main import app as umbel
from umbel.errors import SettingsError

SHOP = """
from datetime import timedelta
from celery import Celery, chord
from kombu import Exchange, Queue
print("this is no part of the answer")
app = Celery("shop", broker="redis://:secret@127.0.0.1:1/0", backend="redis://:secret@127.0.0.1:1/1",
             set_as_current=False)
app.conf.update(task_acks_late=True, task_annotations={"shop.marked": {"acks_late": False}})
app.conf.broker_transport_options = {"visibility_timeout": 900}
HOUR = 3600

@app.task(shared=False, time_limit=7, soft_time_limit=5, ignore_result=True, reject_on_worker_lost=True)
def plain(): ...

@app.task(shared=False)
def marked(): ...

@app.task(shared=False, bind=True, default_retry_delay=77)
def asks(self):
    self.retry(countdown=2 * 60 * 60)
    plain.apply_async(countdown=HOUR)
    plain.apply_async(eta=now() + timedelta(minutes=90))

@app.task(shared=False, autoretry_for=(ValueError,), retry_backoff=2, retry_backoff_max=500, max_retries=4)
def few(): ...

@app.task(shared=False, autoretry_for=(ValueError,), retry_backoff=True, retry_backoff_max=500, max_retries=None)
def forever(): ...

@app.task(shared=False, autoretry_for=(ValueError,), default_retry_delay=9)
def steady(): ...

rabbit = Celery("rabbit", broker="pyamqp://user:secret@127.0.0.1//", set_as_current=False)
rabbit.conf.task_queues = [
    Queue("a", Exchange("a", type="topic"), queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": 3}),
    Queue("b", queue_arguments={"x-queue-type": "quorum", "x-dead-letter-exchange": "d"}, durable=False),
]
bare = Celery("bare", set_as_current=False)
broken = Celery("broken", set_as_current=False)
broken.config_from_object("no_such_settings")
missing = Celery("missing", include=["no_such_tasks"], set_as_current=False)
number = 7
good = Celery("good", broker="amqp://127.0.0.1", backend="redis://127.0.0.1", set_as_current=False)
good.conf.update(task_acks_late=True, task_retry_on_worker_lost=True)
@good.task(shared=False)
def one(): ...
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module `checked_shop` stands. It is imported once: a task exists once in a process."""
    place = tmp_path_factory.mktemp("apps")
    (place / "checked_shop.py").write_text(SHOP.replace("shop.marked", "checked_shop.marked"))
    (place / "leaving.py").write_text("raise SystemExit(3)")
    return place


@pytest.fixture(autouse=True)
def no_shared_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every app takes in the shared tasks of its process (celery/_state.py), which here are those of other tests."""
    own = {each for each in _state._on_app_finalizers if each.__module__ == "celery.app.builtins"}
    monkeypatch.setattr(_state, "_on_app_finalizers", own)


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def found(name: str) -> AppFacts:
    with traceless():
        return read(import_app(name), name)


def test_what_is_read_of_an_app(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = found("checked_shop:app")
    assert (app.transport, app.backend, app.visibility) == ("redis", "redis", 900)
    assert app.settings["task_acks_late"] is True
    assert app.origins["task_acks_late"] == "set in the app"
    assert "task_time_limit" not in app.origins
    assert app.chords == ("checked_shop",)
    assert [(wait.seconds, wait.where) for wait in app.waits] == [
        (7200.0, "checked_shop, line 20"),
        (5400.0, "checked_shop, line 22"),
    ]
    assert "secret" not in repr(app)
    assert capsys.readouterr().out == ""


def test_what_is_read_of_tasks(here: Path) -> None:
    tasks = {task.name.partition(".")[2]: task for task in found("checked_shop:app").tasks}
    assert set(tasks) == {"plain", "marked", "asks", "few", "forever", "steady"}
    plain = tasks["plain"]
    assert (plain.acks_late, plain.reject_on_worker_lost, plain.ignore_result, plain.limit) == (True, True, True, 7)
    assert not tasks["marked"].acks_late, "task_annotations count"
    assert tasks["marked"].limit is None
    assert {name: task.pause for name, task in tasks.items()} == {
        "plain": 0,
        "marked": 0,
        "asks": 77,
        "few": 32,
        "forever": 500,
        "steady": 9,
    }


def test_what_is_read_of_queues(here: Path) -> None:
    app = found("checked_shop:rabbit")
    assert app.transport == "amqp"
    assert app.visibility is None
    a, b = app.queues
    assert a == QueueFacts(name="a", quorum=True, direct=False, delivery_limit=3)
    assert b == QueueFacts(name="b", quorum=True, durable=False, dead_letters=True)


def test_an_app_without_settings_has_celerys_defaults(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (found("checked_shop:bare").transport, found("checked_shop:bare").backend) == ("amqp", "disabled")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    app = found("checked_shop:bare")
    assert app.transport == "redis"
    assert app.said("broker_url") == "broker_url = 'redis://:**@127.0.0.1:1/0' (CELERY_BROKER_URL in the environment)"


@pytest.mark.parametrize(
    ("name", "said", "hint"),
    [
        ("checked_shop:ap", "the module checked_shop is there, but has no `ap`", "Did you mean checked_shop:app?"),
        ("checked_shp:app", "No module named 'checked_shp'", "Did you mean checked_shop:app?"),
        ("checked_shop:number", "is no Celery app, but a int", "Did you mean checked_shop:"),
        ("entirely.different", "No module named 'entirely'", "There are checked_shop:app, checked_shop:bare, "),
        ("leaving:app", "cannot be imported: SystemExit: 3", "There are "),
        ("checked_shop:broken", "The settings of checked_shop:broken cannot be read: ModuleNotFoundError", "report"),
        ("checked_shop:missing", "The tasks of checked_shop:missing cannot be imported: ", "would not start"),
        ("", "cannot be imported", ""),
        (":", "cannot be imported", ""),
    ],
)
def test_what_cannot_be_checked(here: Path, name: str, said: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        found(name)
    assert said in str(caught.value)
    assert hint in caught.value.hint


def test_what_redis_says() -> None:
    class Client:
        def __init__(self, closed: bool) -> None:
            self.closed = closed

        def info(self) -> dict[str, object]:
            return {
                "valkey_version": "9.1.0",
                "redis_version": "7.2.4",
                "maxmemory": 10,
                "maxmemory_policy": "allkeys-lru",
                "aof_enabled": 1,
                "connected_slaves": 2,
            }

        def config_get(self, name: str) -> dict[str, str]:
            if self.closed:
                raise RuntimeError("unknown command CONFIG")
            return {name: "3600 1"}

    server = told(Client(closed=False))
    assert (server.version, server.policy, server.maxmemory) == ("9.1.0", "allkeys-lru", 10)
    assert (server.aof, server.snapshots, server.replicas) == (True, "3600 1", 2)
    assert told(Client(closed=True)).snapshots is None


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-m", "umbel", "check-app", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_ends_with_a_verdict_and_leaves_no_files(here: Path) -> None:
    before = sorted(here.rglob("*"))
    done = command(here, "checked_shop:app", "--broker")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1].startswith(
        "kill -9 of a worker loses: what it runs of checked_shop.marked; of "
    )
    assert "danger   early-ack" in done.stdout
    assert "note: the broker was not asked: " in done.stderr
    assert "this is no part of the answer" in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert sorted(here.rglob("*")) == before


def test_json_is_for_programs(here: Path) -> None:
    done = CliRunner().invoke(umbel, ["check-app", "checked_shop:good", "--json"])
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    assert answer["tasks"] == ["checked_shop.one"]
    assert answer["verdict"].startswith("kill -9 of a worker loses: nothing; what it runs runs again as soon as")
    ids = {finding["id"] for finding in answer["findings"]}
    assert "unconfirmed" in ids
    assert not {"early-ack", "worker-lost"} & ids
    assert set(answer["findings"][0]) == {each.name for each in fields(Finding)}


def test_a_mistyped_name_is_one_sentence_and_a_hint(here: Path) -> None:
    done = CliRunner().invoke(umbel, ["check-app", "checked_shp:app"])
    assert done.exit_code == 1
    assert done.stderr == (
        "umbel: The app checked_shp:app cannot be imported: ModuleNotFoundError: No module named 'checked_shp'\n"
        "hint: Did you mean checked_shop:app?\n"
    )


def test_an_app_that_umbel_is_installed_in_has_no_task_more() -> None:
    from umbel.celery.install import know_steps

    app = Celery("stepping", broker="memory://", set_as_current=False)
    know_steps(app)
    assert read(app, "stepping").tasks == ()
