"""What MONITOR says, read and attributed to runs."""

import json
from typing import Any

import pytest

from umbel.engine.scripts import SCRIPTS
from umbel.machine import Verb
from umbel.stack.monitor.attribution import Attribution
from umbel.stack.monitor.lines import Line, parse

RUN, OTHER = "f530540e-0b77-4c5b-89d0-8fc09047d2bd", "00000000-0b77-4c5b-89d0-8fc09047d2bd"
TASK, TAG, GROUP = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "abc")
Records = list[tuple[str, dict[str, Any]]]


@pytest.mark.parametrize(
    ("raw", "client", "db", "words"),
    [
        (
            rb'+1.556896 [0 127.0.0.1:4934] "LPUSH" "celery" "x"',
            "127.0.0.1:4934",
            0,
            ("LPUSH", "celery", "x"),
        ),
        (rb'1.000001 [15 lua] "GET" "a] \"b\""', "lua", 15, ("GET", 'a] "b"')),
        (rb'1.000001 [0 [::1]:6379] "PING"', "[::1]:6379", 0, ("PING",)),
        (rb'1.000001 [0 unix:/run/a b.sock] "PING"', "unix:/run/a b.sock", 0, ("PING",)),
        (rb'1.000001 [0 lua] "SET" "\\n\n\t\a" ""', "lua", 0, ("SET", "\\n\n\t\a", "")),
        (rb'1.000001 [0 lua] "SET" "celery\x06\x163" "\xe4\xb8\xad"', "lua", 0, ("SET", "celery\x06\x163", "中")),
        (rb'1.000001 [0 lua] "SET" "k" "\xff\x00"', "lua", 0, ("SET", "k", "\\xff\x00")),
    ],
)
def test_lines(raw: bytes, client: str, db: int, words: tuple[str, ...]) -> None:
    line = parse(raw + b"\r\n")
    assert line is not None
    assert (line.client, line.db, line.words) == (client, db, words)


@pytest.mark.parametrize("raw", [b"+OK\r\n", b"", b"-ERR no\r\n", b"+1.000001 [0 lua] \r\n"])
def test_what_is_no_command(raw: bytes) -> None:
    assert parse(raw) is None


def test_microseconds_and_name() -> None:
    line = parse(rb'+1795419275.000007 [0 lua] "lpush" "q"')
    assert line is not None
    assert (line.at, line.name) == (1795419275000007, "LPUSH")


class Wire:
    """Feeds lines, each a microsecond after the one before."""

    def __init__(self) -> None:
        self.attribution = Attribution()
        self.at = 1_000_000

    def __call__(self, client: str, *words: str, db: int = 0) -> Records:
        self.at += 1
        return list(self.attribution.take(Line(self.at, db, client, words)))


def names(records: Records) -> list[tuple[str, str]]:
    return [(run, record["c"]) for run, record in records]


def envelope(run: str | None = RUN, *, root: str = RUN, embed: Any = None) -> str:
    headers = {"id": TASK, "task": "t", "root_id": root, "group": GROUP}
    if run is not None:
        headers |= {"umbel": {"run": run, "task": 0, "epoch": 1}}  # type: ignore[dict-item]
    body = json.dumps([[], {}, embed or {}])
    return json.dumps({"body": body, "headers": headers, "properties": {"delivery_tag": TAG, "reply_to": OTHER}})


def test_a_message_teaches_its_ids() -> None:
    wire = Wire()
    assert wire("a", "GET", f"celery-task-meta-{TASK}") == []
    assert names(wire("a", "LPUSH", "celery", envelope())) == [(RUN, "LPUSH")]
    assert names(wire("a", "GET", f"celery-task-meta-{TASK}", db=1)) == [(RUN, "GET")]
    assert names(wire("a", "SET", f"celery-taskset-meta-{GROUP}.s", "2")) == [(RUN, "SET")]
    assert wire("a", "GET", f"{OTHER}.reply.celery.pidbox") == []  # a sender's address is nobody's run
    (run, record), *_ = wire("a", "HDEL", "unacked", TAG)
    assert (run, record["i"]) == (RUN, TASK)


def test_ids_that_the_canvas_carries() -> None:
    carried = "dddddddd-1111-4111-8111-111111111111"
    wire = Wire()
    wire("a", "LPUSH", "celery", envelope(embed={"chord": {"task": "x", "options": {"task_id": carried}}}))
    assert names(wire("a", "GET", f"celery-task-meta-{carried}")) == [(RUN, "GET")]


def test_a_transaction_is_shown_with_what_stands_in_it() -> None:
    wire = Wire()
    wire("a", "LPUSH", "celery", envelope())
    assert wire("b", "MULTI") == []
    assert names(wire("b", "ZREM", "unacked_index", TAG)) == [(RUN, "MULTI"), (RUN, "ZREM")]
    assert wire("c", "PING") == []  # somebody else, in between
    assert names(wire("b", "HDEL", "unacked", TAG)) == [(RUN, "HDEL")]
    assert names(wire("b", "EXEC")) == [(RUN, "EXEC")]
    wire("b", "MULTI")
    wire("b", "LLEN", "celery")
    assert wire("b", "EXEC") == []


def test_a_waiting_brpop_is_answered_by_the_push() -> None:
    wire = Wire()
    assert wire("worker", "BRPOP", "celery", "celery\x06\x163", "1") == []
    waited_since = wire.at
    pushed, popped = wire("server", "LPUSH", "celery", envelope())
    assert (pushed[1]["c"], popped[1]["c"], popped[1]["cl"]) == ("LPUSH", "BRPOP", "worker")
    assert (popped[1]["since"], popped[1]["key"], popped[1]["t"]) == (waited_since, "celery", pushed[1]["t"] + 1)
    assert names(wire("server", "LPUSH", "celery", envelope())) == [(RUN, "LPUSH")]  # nobody waits any more
    assert names(wire("worker", "BRPOP", "celery", "1")) == [(RUN, "BRPOP")]  # it is there
    assert wire("worker", "BRPOP", "celery", "1") == []


def test_who_waited_longest_gets_it_and_only_from_its_own_database() -> None:
    wire = Wire()
    wire("elsewhere", "BRPOP", "celery", "1", db=2)
    wire("first", "BRPOP", "celery", "1")
    wire("second", "BRPOP", "celery", "1")
    wire("first", "PING")  # it waits no longer
    assert [record["cl"] for _, record in wire("server", "LPUSH", "celery", envelope())] == ["server", "second"]


def test_a_script_of_the_engine_and_what_it_does() -> None:
    wire = Wire()
    script = SCRIPTS[Verb.SUCCEED]
    called = wire("w", "EVALSHA", script.sha, "1", "umbel:{0}:", RUN, "0", "1", "1", "null", "r", "by", db=1)
    assert names(called) == [(RUN, "EVALSHA")]
    assert called[0][1]["s"] == "succeed"
    inner = wire("lua", "TIME", db=1)
    assert (names(inner), inner[0][1]["s"], inner[0][1]["caller"]) == ([(RUN, "TIME")], "succeed", "w")
    assert names(wire("w", "EVAL", script.text, "1", "umbel:{0}:", RUN, "0", db=1)) == [(RUN, "EVAL")]


def test_a_script_for_many_runs_is_shown_to_those_it_touches() -> None:
    wire = Wire()
    assert wire("s", "EVALSHA", SCRIPTS[Verb.PROMOTE].sha, "1", "umbel:{0}:", "100", "server") == []
    assert wire("lua", "ZRANGEBYSCORE", "umbel:{0}:timers", "-inf", "1") == []
    touched = wire("lua", "HSET", f"umbel:{{0}}:run:{RUN}", "state", "running")
    assert [(record["c"], record.get("s")) for _, record in touched] == [("EVALSHA", "promote"), ("HSET", "promote")]
    assert names(wire("lua", "HSET", f"umbel:{{0}}:run:{OTHER}", "x", "y")) == [(OTHER, "EVALSHA"), (OTHER, "HSET")]
    assert wire("lua", "GET", "umbel:{0}:clock") == []


def test_celerys_chord_script_is_about_its_task() -> None:
    wire = Wire()
    wire("a", "LPUSH", "celery", envelope())
    keys = [f"celery-taskset-meta-{GROUP}.{each}" for each in "jtsd"] + [f"celery-taskset-meta-{GROUP}"] * 2
    (_, called), *_ = wire("w", "EVALSHA", "0" * 40, "6", *keys, TASK, "result", db=1)
    assert (called["s"], called["i"]) == ("chord_part_return", TASK)
    assert names(wire("lua", "ZCOUNT", keys[0], "-inf", "+inf", db=1)) == [(RUN, "ZCOUNT")]


def test_a_plain_apps_messages_belong_to_who_announced_them() -> None:
    wire = Wire()
    assert wire("p", "LPUSH", "celery", envelope(None, root=TASK)) == []
    said = json.dumps({"k": "begin", "root": TASK}, separators=(",", ":"))
    assert wire("p", "XADD", f"umbel:{{0}}:trace:{OTHER}", "MAXLEN", "~", "9", "*", "r", said, db=1) == []
    assert names(wire("p", "LPUSH", "celery", envelope(None, root=TASK))) == [(OTHER, "LPUSH")]


def test_the_trails_themselves_are_not_recorded() -> None:
    wire = Wire()
    wire("a", "LPUSH", "celery", envelope())
    assert wire("a", "EXPIRE", f"umbel:{{0}}:trace:{RUN}", "9") == []
    assert wire("a", "ZADD", "umbel:{0}:traces", "NX", "1", RUN) == []


def test_a_restart_forgets_what_was_in_the_lists_but_not_whose_is_what() -> None:
    wire = Wire()
    wire("worker", "BRPOP", "celery", "1")
    wire.attribution.forget_state()
    assert names(wire("server", "LPUSH", "celery", envelope())) == [(RUN, "LPUSH")]
    assert names(wire("w", "HDEL", "unacked", TAG)) == [(RUN, "HDEL")]


def test_arguments_are_cut() -> None:
    wire = Wire()
    (_, record), *_ = wire("a", "HSET", f"umbel:{{0}}:run:{RUN}", "payload", "x" * 5000)
    assert len(record["a"][2]) == 4097
