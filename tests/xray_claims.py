"""What is true of the X-ray of the demo's pipeline, recorded or live."""

import json
from collections.abc import Iterator
from typing import Final

from umbel.service.models.trace import KeyChange, Trace, TraceRecord
from umbel.service.xray.fields import FIELDS
from umbel.service.xray.messages import EMPTY

CHORD: Final = "celery-taskset-meta-"


def commands(trace: Trace, name: str, key: str = "") -> list[TraceRecord]:
    """The commands of this name, with `key` in one of their arguments."""
    found = [each for each in trace.records if each.command is not None and each.command.name == name]
    return [each for each in found if each.command and any(key in word for word in each.command.args)]


def changes(trace: Trace, key: str) -> list[KeyChange]:
    """What became of the keys that contain or end with `key`, in order."""
    return [change for each in trace.records for change in each.keys if change.key.endswith(key)]


def sound(trace: Trace) -> None:
    """Any trace: numbered, in order, each record with a sentence; nothing of the recording itself."""
    assert [each.n for each in trace.records] == list(range(1, trace.total + 1))
    times = [each.us for each in trace.records]
    assert times == sorted(times)
    assert times[0] == 0
    for each in trace.records:
        assert each.says.endswith((".", "?")), each.says
        assert not {"{", "…"} & set(each.says), each.says
        assert each.phase
        if each.command is not None:
            assert each.command.means
            assert not any(":trace:" in word for word in each.command.args)
        for field in each.message.fields if each.message else ():
            assert field.means == FIELDS[field.path].means


def unexplained(trace: Trace) -> set[str]:
    """Fields of messages that the table leaves out."""

    def paths() -> Iterator[str]:
        for each in trace.records:
            if each.message is not None and each.message.published is None:
                yield from (f"headers.{name}" for name in each.message.headers)
                yield from (f"properties.{name}" for name in each.message.properties)
                yield from (f"body[2].{name}" for name in (each.message.body or [0, 0, {}])[2])

    return set(paths()) - FIELDS.keys()


def both(trace: Trace) -> None:
    """What the pipeline does on both engines: kombu's queue and its acknowledgements; the model; the run's phases."""
    sound(trace)
    assert unexplained(trace) == set()
    assert trace.recording == "commands"
    published = [each for each in trace.records if each.kind == "published"]
    delivered = [each for each in trace.records if each.kind == "delivered"]
    acknowledged = [each for each in trace.records if each.kind == "acknowledged"]
    assert len(published) == len(delivered) == len(acknowledged) == len(commands(trace, "BRPOP"))
    for one, push in zip(published, commands(trace, "LPUSH"), strict=True):
        assert one.n < push.n
        assert (one.message and one.message.raw) == (push.command and push.command.args[1])
    assert len(commands(trace, "HSET", "unacked")) == len(commands(trace, "HDEL", "unacked")) == len(delivered)
    assert [change.type for change in changes(trace, "unacked")][-1] == "none"
    assert [change.type for change in changes(trace, "celery")][-1] == "none"  # the queue is empty again
    asked = [each for each in trace.records if each.kind == "call" and each.target == "model"]
    assert sorted(each.task or "" for each in asked) == ["TASK_A", "TASK_B", "TASK_C"]
    phases = list(dict.fromkeys(each.phase for each in trace.records))
    assert (phases[0], phases[-1]) == ("launch", "end")
    assert {"TASK_A", "TASK_B", "TASK_C", "barrier", "TASK_D"} <= set(phases)
    who = {each.who.rstrip(" 0123456789") for each in trace.records}
    assert {"server", "pool child", "engine", "model service"} <= who


def canvas(trace: Trace) -> None:
    """Celery's own chain and chord: what follows travels in the messages, and a sorted set is the barrier."""
    both(trace)
    assert trace.engine == "canvas"
    messages = {each.task: each.message for each in trace.records if each.kind == "published" and each.message}
    first, member, last = messages["TASK_A"], messages["TASK_B"], messages["TASK_D"]
    (chord,) = first.body[2]["chain"]
    assert chord["task"] == "celery.chord"
    assert (member.body[2]["chord"]["task"], member.headers["group_index"]) == ("TASK_D", 0)
    assert messages["TASK_C"].headers["group_index"] == 1
    assert first.bytes > member.bytes > last.bytes > 1500
    assert not last.body[2]["chain"]
    assert not last.body[2]["chord"]
    group = CHORD + member.headers["group"]
    assert messages["TASK_C"].headers["group"] == member.headers["group"]
    (size,) = commands(trace, "SET", f"{group}.s")
    assert size.command is not None
    assert size.command.args[1] == "2"
    added = [change for change in changes(trace, f"{group}.j") if change.type == "zset"]
    assert [len(change.value) for change in added] == [1, 2]
    assert [score for _, score in added[-1].value] == ["0", "1"]
    assert len(commands(trace, "ZCOUNT", f"{group}.j")) == 2
    assert commands(trace, "GET", f"{group}.t")
    claims = [change.value for change in changes(trace, f"{group}.c")]
    assert claims[-1] == "done"
    assert changes(trace, f"{group}.j")[-1].type == "none"
    assert not commands(trace, "DECR")
    assert not any("chord-unlock" in json.dumps(each.model_dump(mode="json")) for each in trace.records)
    barrier = next(each for each in trace.records if each.command and each.command.name == "ZADD" and each.keys)
    assert all(each.phase == "barrier" for each in commands(trace, "ZCOUNT")), barrier.phase


def relay(trace: Trace) -> None:
    """Umbel's relay: messages that carry nothing, and scripts that decide."""
    both(trace)
    assert trace.engine == "relay"
    messages = [each.message for each in trace.records if each.kind == "published" and each.message]
    assert all(each.body == EMPTY for each in messages)
    assert max(each.bytes for each in messages) - min(each.bytes for each in messages) < 20
    scripts = [each.command.script for each in trace.records if each.command and " runs script " in each.says]
    assert {name: scripts.count(name) for name in ("claim", "succeed", "forget")} == {
        "claim": 4,
        "succeed": 4,
        "forget": 1,
    }
    joins = [each.says for each in trace.records if "tasks that TASK_D needs" in each.says]
    assert [says.partition(": ")[2][:6] for says in joins] == ["1 of t", "2 of t"]
    assert not commands(trace, "ZADD", CHORD)
