"""X-rays as they are put together: of recorded runs, and of what is missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import xray_claims
from umbel.service.models.trace import Trace
from umbel.service.xray.assemble import Assembly
from umbel.service.xray.fields import FIELDS
from umbel.service.xray.keys import shown, whose

TRACES = Path(__file__).parent.parent / "data" / "traces"


@pytest.mark.parametrize("engine", ["canvas", "relay"])
def test_recorded_traces(engine: str) -> None:
    trace = Trace.model_validate_json((TRACES / f"{engine}.json").read_text(encoding="utf-8"))
    getattr(xray_claims, engine)(trace)


def test_every_explanation_has_a_source_and_an_end() -> None:
    assert all(each.source and each.means.endswith(".") for each in FIELDS.values())


@pytest.mark.parametrize(
    ("key", "name", "lane"),
    [
        ("celery", "queue", "broker"),
        ("celery\x06\x163", "queue", "broker"),
        ("unacked", "unacknowledged messages", "broker"),
        ("unacked_index", "delivery times", "broker"),
        ("_kombu.binding.celery", "bindings", "broker"),
        ("celery-task-meta-f530540e-0b77-4c5b-89d0-8fc09047d2bd", "task result", "state"),
        ("celery-taskset-meta-f530540e-0b77-4c5b-89d0-8fc09047d2bd", "group", "state"),
        ("celery-taskset-meta-f530540e-0b77-4c5b-89d0-8fc09047d2bd.j", "chord results", "state"),
        ("umbel:{0}:run:f530540e-0b77-4c5b-89d0-8fc09047d2bd", "run", "state"),
        ("umbel:{12}:ready:gpu", "ready", "state"),
    ],
)
def test_whose_keys_are(key: str, name: str, lane: str) -> None:
    assert (whose(key).name, whose(key).lane) == (name, lane)


def test_a_queue_of_another_priority_can_be_read() -> None:
    assert shown("celery\x06\x163") == "celery (priority 3)"


def plain(**more: Any) -> dict[str, Any]:
    headers = {"id": more.pop("id", "1"), "task": more.pop("task", "t"), "root_id": "1"}
    raw = json.dumps({"body": "[[], {}, {}]", "headers": headers, "properties": {}})
    return {
        "k": "published",
        "t": 1,
        "w": "producer 1",
        "q": "q",
        "id": headers["id"],
        "n": len(raw),
        "raw": raw,
        **more,
    }


def test_tasks_of_a_plain_app_are_named_by_their_tasks_and_numbered() -> None:
    raw = [plain(t=3, id="c", task="u"), plain(t=2, id="b"), plain(t=1, id="a"), plain(t=4, id="a")]
    records = Assembly("run", None, lambda index: 0).assemble(raw, ())
    assert [each.task for each in records] == ["t", "t#2", "u", "t"]
    assert [each.us for each in records] == [0, 1, 2, 3]


def test_a_message_that_was_too_long_to_keep() -> None:
    raw = plain(raw='{"body": "aaaa', h={"id": "1", "task": "t"}, p={}, b=100_000, n=100_300)
    (record,) = Assembly("run", None, lambda index: 0).assemble([raw], ())
    assert record.message is not None
    assert (record.message.body, record.message.body_bytes, record.message.bytes) == (None, 100_000, 100_300)
    assert record.message.headers["task"] == "t"


def test_what_celery_calls_json() -> None:
    raw = json.dumps({"body": '[[NaN, "\\ud800"], {}, {}]', "headers": {"id": "1", "task": "t"}, "properties": {}})
    (record,) = Assembly("run", None, lambda index: 0).assemble([plain(raw=raw)], ())
    assert record.message is not None
    assert record.message.body[0][1] == "?"
    assert '"body":[[null,"?"],{},{}]' in record.model_dump_json()


def test_a_message_is_told_whole_once() -> None:
    raw = [plain(), {"k": "delivered", "t": 2, "w": "worker w@h 2", "id": "1", "q": "q", "tag": "x", "again": True}]
    published, delivered = Assembly("run", None, lambda index: 0).assemble(raw, ())
    assert published.message
    assert published.message.raw
    assert delivered.message is not None
    assert (delivered.message.published, delivered.message.raw) == (1, "")
    assert delivered.says == "worker w@h 2 takes the message of t from queue q, again."


def test_a_script_that_the_store_did_not_have_did_nothing() -> None:
    call = {
        "k": "command",
        "w": "server 1",
        "c": "EVALSHA",
        "a": ["sha", "1", "p", "run"],
        "db": 1,
        "cl": "a:1",
        "s": "launch",
    }
    inner = {"k": "command", "t": 3, "w": "server 1", "c": "TIME", "a": [], "db": 1, "cl": "lua", "s": "launch"}
    records = Assembly("run", None, lambda index: 0).assemble([{**call, "t": 1}, {**call, "t": 2}, inner], ())
    assert "has no script by this hash" in records[0].says
    assert records[1].says == "server 1 runs script launch."


def test_sealed_values_are_not_shown() -> None:
    sealed = json.dumps({"secret": {"__umbel_sealed__": "gAAAAA=="}})
    command = {
        "k": "command",
        "t": 1,
        "w": "s 1",
        "c": "HSET",
        "a": ["umbel:{0}:run:x", "payload", sealed],
        "db": 1,
        "cl": "a",
    }
    (record,) = Assembly("run", None, lambda index: 0).assemble([command], ())
    assert "gAAAAA" not in record.model_dump_json()
