"""The queues, what a definition has been, and removing one that is kept."""

from typing import Any

import pytest
from celery import Celery

from tests.serving import Fail, Served
from umbel.celery.lengths import Depth, queue_lengths
from umbel.client import Client
from umbel.errors import BrokerUnavailable, DefinitionError, DefinitionNotFound, VersionNotFound
from umbel.service import queues
from umbel.service.models import QueueList, QueueView


@pytest.fixture
def client(server: Served, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(queues, "KEPT", -1.0)
    return Client(str(server.http.base_url))


def look(client: Client, name: str) -> QueueView:
    return next(each for each in client.list_queues().items if each.name == name)


def test_queues_say_what_waits_and_who_takes_it(
    server: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in server.engine.workers():
        server.engine.beat(0, row["worker"], {}, leaving=True)
    server.engine.sweep(0)
    server.engine.beat(0, "w1@host", {"queues": ["celery"], "concurrency": 2, "tasks": ["A", "B", "C", "D"]})
    with client:
        before = look(client, "gpu")
        run = client.start_run("demo.GPU").id
        server.projected(run, "run.launched")
        found = look(client, "gpu")
        assert (found.healthy, found.waiting, found.workers) == (False, before.waiting + 1, [])
        assert found.why == "no worker listens on queue gpu; they listen on celery"
        assert "demo.GPU" in found.definitions
        assert found.oldest is not None
        assert client.list_queues().items[0].name == "gpu", "unhealthy ones first"

        # A worker that does not know the task is no help; the first message is sent again, and counts from its release.
        server.engine.beat(0, "w2@host", {"queues": ["gpu"], "concurrency": 1, "tasks": ["B"], "tasks_total": 1})
        assert look(client, "gpu").why == "no worker of queue gpu knows the task A"
        server.engine.beat(0, "w2@host", {"queues": ["gpu"], "concurrency": 1, "tasks": ["A"], "tasks_total": 1})
        assert (look(client, "gpu").healthy, look(client, "gpu").why) == (True, None)

        item = next(each for each in server.messages if each.run == run)
        assert server.claim(item, "w2@host") is not None
        server.projected(run, "task.started")
        taken = look(client, "gpu")
        assert (taken.waiting, taken.running, taken.slots) == (before.waiting, 1, 1)
        assert [(each.run_id, each.task, each.worker) for each in taken.runs] == [(run, "A", "w2@host")]
        assert taken.runs[0].started_at is not None
        assert taken.healthy, "a busy queue is not ill"
        assert (taken.why or "").startswith("every worker of queue gpu is busy: 1 of 1 slots taken")

        # What the broker says, or that it says nothing.
        asked: list[Any] = []

        def lengths(names: Any) -> dict[str, Depth]:
            asked.extend(names)
            return {"gpu": Depth(7, 2)}

        monkeypatch.setattr(server.umbel, "lengths", lengths)
        told = look(client, "gpu")
        assert (told.messages, told.unacknowledged) == (7, 2)
        assert {"gpu", "celery"} <= set(asked)
        assert look(client, "celery").messages is None

        def away(names: Any) -> dict[str, Depth]:
            raise BrokerUnavailable("it is away")

        monkeypatch.setattr(server.umbel, "lengths", away)
        found_all = client.list_queues()
        assert isinstance(found_all, QueueList)
        assert found_all.broker == "it is away"
        client.cancel_run(run)


def test_the_depth_of_a_queue_counts_all_priorities_and_what_is_fetched(valkey_url: str) -> None:
    place = valkey_url.removeprefix("unix://").partition("?")[0]
    app = Celery(broker=f"redis+socket://{place}?virtual_host=13", set_as_current=False)
    app.conf.broker_transport_options = {"queue_order_strategy": "priority"}
    with app.connection_for_write() as connection:
        connection.default_channel.client.flushdb()
        with app.amqp.producer_pool.acquire(block=True) as producer:
            for priority in (0, 3, 9):
                app.send_task("X", queue="deep", priority=priority, producer=producer)
            assert queue_lengths(app, ["deep", "none"]) == {"deep": Depth(3, 0), "none": Depth(0, 0)}
        channel = connection.default_channel
        message = app.amqp.queues["deep"].bind(channel).get()
        assert message is not None
        assert queue_lengths(app, ["deep"]) == {"deep": Depth(2, 1)}
        message.ack()
        assert queue_lengths(app, ["deep"]) == {"deep": Depth(2, 0)}
    app.close()


def canvas(*tasks: str) -> dict[str, Any]:
    def one(name: str) -> dict[str, Any]:
        return {"task": name, "args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}

    chain = {"task": "celery.chain", "args": [], "options": {}, "subtask_type": "chain", "immutable": False}
    return {**chain, "kwargs": {"tasks": [one(name) for name in tasks]}}


def test_what_a_definition_has_been_and_its_end(server: Served, client: Client) -> None:
    def run(fails: bool = False) -> str:
        started = client.start_run("kept.PIPE").id
        server.work(lambda call: Fail("no") if fails else "ok")
        server.settled(started)
        return started

    def define(*tasks: str) -> None:
        server.http.put("/api/v1/definitions/kept.PIPE", json={"canvas": canvas(*tasks)}).raise_for_status()

    with client:
        with pytest.raises(DefinitionNotFound):
            client.list_definition_versions("kept.PIPE")
        define("A", "B")
        assert [(each.current, each.runs) for each in client.list_definition_versions("kept.PIPE").items] == [
            (True, {})
        ]
        first = run()
        run(fails=True)
        define("A", "B", "C")
        second = run()
        new, old = client.list_definition_versions("kept.PIPE").items
        assert (new.current, new.tasks, new.runs) == (True, 3, {"success": 1})
        assert (old.current, old.tasks, old.runs) == (False, 2, {"success": 1, "error": 1})
        assert client.get_run(first).version == old.version
        assert client.get_run(second).version == new.version
        assert old.first_used is not None
        assert old.last_used is not None
        assert old.first_used < old.last_used

        shown = client.get_definition_version("kept.PIPE", new.version[:8])
        assert [each.key for each in shown.task_definitions] == ["A", "B", "C"]
        assert shown.plan["C"]["needs"] == ["B"]
        assert shown.against == old.version
        assert shown.change is not None
        assert (shown.change.added, shown.change.removed) == (["C"], [])
        back = client.get_definition_version("kept.PIPE", old.version, against=new.version).change
        assert back is not None
        assert back.removed == ["C"]
        assert client.get_definition_version("kept.PIPE", old.version).change is None
        with pytest.raises(VersionNotFound):
            client.get_definition_version("demo.ONE", old.version)

        assert client.get_definition("kept.PIPE").kept
        assert not client.get_definition("demo.ONE").kept
        assert client.remove_definition("kept.PIPE").name == "kept.PIPE"
        with pytest.raises(DefinitionNotFound):
            client.get_definition("kept.PIPE")
        with pytest.raises(DefinitionNotFound):
            client.remove_definition("kept.PIPE")
        with pytest.raises(DefinitionError, match="by the project itself"):
            client.remove_definition("demo.ONE")
        assert len(client.list_definition_versions("kept.PIPE").items) == 2, "its runs stay"
