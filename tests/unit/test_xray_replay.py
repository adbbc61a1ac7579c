"""The values behind keys, replayed from commands."""

from typing import Any

import pytest

from umbel.service.xray.replay import LONGEST, MOST, Replay


def play(*commands: tuple[str, ...]) -> list[tuple[str, str, Any]]:
    """What the last of these commands changed."""
    replay, changes = Replay(), []
    for name, *arguments in commands:
        changes = replay.apply(0, name, arguments)
    return [tuple(each) for each in changes]


@pytest.mark.parametrize(
    ("commands", "kind", "value"),
    [
        ([("SET", "k", "1")], "string", "1"),
        ([("SETEX", "k", "60", "1")], "string", "1"),
        ([("SET", "k", "1"), ("SET", "k", "2", "XX")], "string", "2"),
        ([("SET", "k", "1", "NX", "EX", "6")], "string", "1"),
        ([("INCR", "k"), ("INCRBY", "k", "4")], "string", "5"),
        ([("HSET", "k", "a", "1", "b", "2"), ("HSET", "k", "a", "3")], "hash", {"b": "2", "a": "3"}),
        ([("HSET", "k", "a", "1"), ("HSETNX", "k", "b", "2")], "hash", {"a": "1", "b": "2"}),
        ([("HINCRBY", "k", "a", "1"), ("HINCRBY", "k", "a", "-3")], "hash", {"a": "-2"}),
        ([("HSET", "k", "a", "1", "b", "2"), ("HDEL", "k", "a")], "hash", {"b": "2"}),
        ([("HSET", "k", "a", "1"), ("HDEL", "k", "a")], "none", None),
        ([("LPUSH", "k", "a"), ("LPUSH", "k", "b", "c")], "list", ["c", "b", "a"]),
        ([("LPUSH", "k", "a", "b"), ("RPUSH", "k", "c")], "list", ["b", "a", "c"]),
        ([("LPUSH", "k", "a", "b"), ("RPOP", "k")], "list", ["b"]),
        ([("LPUSH", "k", "a"), ("LPOP", "k")], "none", None),
        ([("SADD", "k", "a", "b"), ("SREM", "k", "a")], "set", ["b"]),
        ([("ZADD", "k", "1", "late", "0", "early")], "zset", [["early", "0"], ["late", "1"]]),
        ([("ZADD", "k", "1", "a"), ("ZADD", "k", "GT", "2", "a")], "zset", [["a", "2"]]),
        ([("ZADD", "k", "1", "a", "2", "b"), ("ZREM", "k", "a")], "zset", [["b", "2"]]),
        (
            [("XADD", "k", "MAXLEN", "~", "9", "*", "a", "1"), ("XADD", "k", "5-1", "b", "2")],
            "stream",
            [{"a": "1"}, {"b": "2"}],
        ),
        ([("SET", "k", "1"), ("DEL", "k", "never")], "none", None),
    ],
)
def test_what_a_command_leaves(commands: list[tuple[str, ...]], kind: str, value: Any) -> None:
    assert play(*commands) == [("k", kind, value)]


@pytest.mark.parametrize(
    "commands",
    [
        [("SET", "k", "1"), ("SET", "k", "2", "NX")],
        [("SET", "k", "1", "XX")],
        [("HSET", "k", "a", "1"), ("HSETNX", "k", "a", "2")],
        [("HSET", "k", "a", "1"), ("HDEL", "k", "b")],
        [("ZADD", "k", "1", "a"), ("ZADD", "k", "NX", "2", "a")],
        [("ZADD", "k", "2", "a"), ("ZADD", "k", "GT", "1", "a")],
        [("ZADD", "k", "XX", "1", "a")],
        [("ZREM", "k", "a")],
        [("RPOP", "k")],
        [("SADD", "k", "a"), ("SADD", "k", "a")],
        [("DEL", "k")],
        [("GET", "k")],
        [("EXPIRE", "k", "9")],
        [("HSET", "k", "a")],
        [("HINCRBY", "k", "a", "many…")],
    ],
)
def test_what_changes_nothing(commands: list[tuple[str, ...]]) -> None:
    assert play(*commands) == []


def test_a_brpop_takes_from_the_list_that_answered_it() -> None:
    replay = Replay()
    replay.apply(0, "LPUSH", ["celery", "a"])
    assert replay.apply(0, "BRPOP", ["celery", "celery3", "1"], "celery") == [("celery", "none", None)]


def test_databases_are_apart() -> None:
    replay = Replay()
    replay.apply(0, "SET", ["k", "1"])
    assert replay.apply(1, "SET", ["k", "2", "NX"]) == [("k", "string", "2")]


def test_long_values_are_cut_and_the_newest_fields_stay() -> None:
    assert play(("SET", "k", "x" * 1000)) == [("k", "string", "x" * LONGEST + "…")]
    fields = [word for number in range(MOST + 5) for word in (f"f{number}", "v")]
    ((_, _, value),) = play(("HSET", "k", *fields))
    assert (len(value), value["…"], list(value)[-1]) == (MOST + 1, "5 more", f"f{MOST + 4}")


def test_of_many_members_the_first_are_shown_and_the_rest_counted() -> None:
    numbers = [str(number) for number in range(MOST + 5)]
    ((_, _, value),) = play(("ZADD", "k", *[word for number in reversed(numbers) for word in (number, f"m{number}")]))
    assert value == [*([f"m{number}", number] for number in numbers[:MOST]), "… 5 more"]
    ((_, _, value),) = play(("SADD", "k", *numbers))
    assert value == [*numbers[:MOST], "… 5 more"]
