"""The parts of production: RabbitMQ as the broker, PostgreSQL for the history, real workers and a real server."""

import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import kombu
import pytest
from amqp.exceptions import AMQPError
from celery import Celery

from tests.chaos.lab import PROJECT, Lab, open_lab
from tests.postgres import postgres
from tests.rabbitmq import RabbitMQ, running_rabbitmq
from tests.waiting import wait_until
from umbel.celery.dispatch import Dispatcher
from umbel.client import Client
from umbel.engine.wire import Item
from umbel.machine import RunState
from umbel.plan.model import Node, Plan
from umbel.stack.options import StackOptions
from umbel.stack.run import run_stack

__all__ = ["postgres"]

pytestmark = [pytest.mark.chaos, pytest.mark.rabbitmq]

ONCE = Counter({0: 1, 1: 1, 2: 1, 3: 1})
# RabbitMQ lets no two workers of one name in: the queue for their commands is exclusive (kombu, pidbox).
ALONE = ("-c", "2", "--loglevel", "INFO", "--without-mingle", "--without-gossip")


@pytest.fixture(scope="module")
def node() -> Iterator[RabbitMQ]:
    with running_rabbitmq() as node:
        yield node


@pytest.fixture(scope="module")
def lab(node: RabbitMQ, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("rabbitmq")
    with open_lab(home, *ALONE, broker=node.url, UMBEL_REDISPATCH_AFTER="3") as lab:
        yield lab


def gives(lab: Lab, run: str) -> None:
    assert lab.settled(run) == "run.succeeded"
    assert lab.outcomes(run) == ONCE


def messages(node: RabbitMQ, queue: str) -> list[tuple[str, int]]:
    """Takes what is in a queue: run and task of each message."""
    found = []
    with kombu.Connection(node.url) as connection, connection.channel() as channel:
        while message := channel.basic_get(queue, no_ack=True):
            mark = message.headers["umbel"]
            found.append((mark["run"], mark["task"]))
    return found


def kept(node: RabbitMQ, queue: str) -> list[tuple[str, int]]:
    """The same from a queue that may still be recovering."""
    try:
        return messages(node, queue)
    except AMQPError:
        return []


def lives(server: str) -> bool:
    try:
        return httpx.get(f"{server}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


def test_the_pipeline(lab: Lab) -> None:
    gives(lab, lab.start())


def test_the_pipeline_with_a_retry(lab: Lab) -> None:
    run = lab.start(do={"B": {"retry": 1}})
    gives(lab, run)
    assert Counter(line[:2] for line in lab.ledger(run))["start", "B"] == 2


def test_kill_9_of_the_worker(lab: Lab) -> None:
    """[U-2]"""
    run = lab.start(hold=["B"])
    lab.started(run, "B")
    lab.wait_event(run, "task.succeeded", task=2)
    lab.stack.kill("worker")
    lab.stack.start("worker")
    back = time.monotonic()
    lab.let_go(run, "B")
    gives(lab, run)
    assert time.monotonic() - back < 20
    assert [e.task for e in lab.events(run) if e.type == "task.lost"] == [1]


def test_a_restart_of_the_broker_in_the_middle(lab: Lab, node: RabbitMQ) -> None:
    """What a worker cannot publish stays released, and is published when the broker is back. A message that waits in
    the queue is still there."""
    elsewhere = Plan("lab.ELSEWHERE", (Node(0, "A", "A", queue="elsewhere"),))
    waiting = lab.run(elsewhere)
    run = lab.start(hold=["A"])
    lab.started(run, "A")
    node.stop()
    lab.let_go(run, "A")
    lab.wait_event(run, "task.succeeded", task=0)
    node.start()
    gives(lab, run)
    assert (waiting, 0) in wait_until(lambda: kept(node, "elsewhere"), 60, "the queue's leader")


@pytest.mark.parametrize("own_app", [False, True])
def test_a_queue_that_nobody_has_declared_swallows_nothing(lab: Lab, node: RabbitMQ, own_app: bool) -> None:
    """RabbitMQ drops what is for no queue, and confirms it. An app of your own may not ask for confirms at all."""
    queue = f"new-{own_app}"
    plan = Plan(f"lab.NEW{own_app}", (Node(0, "A", "A", queue=queue), Node(1, "B", "B", queue=queue)))
    run = str(uuid.uuid4())
    lab.engine.launch(run, plan, "{}", by="lab")
    app = Celery("own", broker=node.url) if own_app else lab.app
    dispatcher = Dispatcher(app, lab.engine)
    dispatcher.publish([Item(run, task, 1, plan.hash) for task in (0, 1)])
    assert Counter(messages(node, queue))[run, 0] == 1
    with kombu.Connection(node.url) as connection, connection.channel() as channel:
        channel.queue_delete(queue)
    dispatcher.publish([Item(run, 1, 1, plan.hash)])
    assert Counter(messages(node, queue))[run, 1] == 1
    if own_app:
        app.close()


def test_a_queue_of_another_type_is_taken_as_it_is(lab: Lab, node: RabbitMQ) -> None:
    with kombu.Connection(node.url) as connection, connection.channel() as channel:
        channel.queue_declare("classic", durable=True, auto_delete=False)
    run = lab.run(Plan("lab.CLASSIC", (Node(0, "A", "A", queue="classic"),)))
    assert (run, 0) in messages(node, "classic")


def test_queues_are_replicated_ones(lab: Lab, node: RabbitMQ) -> None:
    with kombu.Connection(node.url) as connection, connection.channel() as channel:
        kombu.Queue("celery", queue_arguments={"x-queue-type": "quorum"}, exchange=kombu.Exchange("celery"))(
            channel
        ).queue_declare()  # of another type it would be refused


@pytest.mark.postgres
def test_server_and_two_workers(node: RabbitMQ, postgres, tmp_path: Path) -> None:
    """The whole of production: a worker is killed while it works, the server too; history and engine agree."""
    database = postgres.database()
    env = {**os.environ, "LAB_HOME": str(tmp_path), "UMBEL_DEFAULT_QUEUE": "shop"}
    options = StackOptions(
        project=PROJECT,
        data=tmp_path / "one",
        port=0,
        broker_url=node.url,
        database_url=database,
        no_restart=frozenset({"worker"}),
        worker_args=(*ALONE, "-n", "one@%h"),
        env=env,
    )
    upgrade = [sys.executable, "-m", "umbel", "db", "upgrade"]
    subprocess.run(upgrade, env={**env, "UMBEL_DATABASE_URL": database}, check=True, capture_output=True)
    with run_stack(options, lambda line: None) as one:
        second = replace(
            options,
            data=tmp_path / "two",
            state_url=one.urls.state,
            start=frozenset({"worker"}),
            worker_args=(*ALONE, "-n", "two@%h"),
        )
        with run_stack(second, lambda line: None) as two, Client(one.urls.server) as client:
            first = client.start_run("lab.DIAMOND", {"hold": ["B", "C"]})
            quick = [client.start_run("lab.DIAMOND", {}).id for _ in range(10)]
            ledger = tmp_path / "ledger"
            wait_until(lambda: ledger.exists() and f"start B {first.id}" in ledger.read_text(), 30, "start of B")
            one.kill("worker")
            one.kill("server")
            for task in "BC":
                (tmp_path / f"{first.id}.{task}.go").touch()
            wait_until(lambda: lives(one.urls.server), 30, "the server to be back")
            ends = [client.wait_for_run(run_id, 60) for run_id in (first.id, *quick)]
            assert [run.state for run in ends] == [RunState.SUCCESS] * 11
            assert "worker" in two.pids
            client.wait_for_run(client.start_run("lab.DIAMOND", {}).id, 30)
