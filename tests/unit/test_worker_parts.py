"""What a worker makes of output, results and errors, without a worker."""

import datetime
import decimal
import uuid

import pytest

from umbel.celery import codec, outcome
from umbel.celery.capture import Output
from umbel.engine.engine import Token
from umbel.errors import ResultTooLarge

TOKEN = Token("run", 0, 1, 1)


def texts(output: Output) -> list[tuple[str, str]]:
    return [(stream, text) for _, stream, text in output.take()]


def test_pieces_become_lines() -> None:
    output = Output(TOKEN, 1000)
    for piece in ("one ", "line\nand ", "another\n", "", "rest"):
        output.write("stdout", piece)
    output.write("stderr", "apart\n")
    assert texts(output) == [("stdout", "one line"), ("stdout", "and another"), ("stderr", "apart")]
    output.close()
    assert texts(output) == [("stdout", "rest")]
    output.close()
    assert texts(output) == []


def test_output_ends_at_its_limit_in_bytes() -> None:
    output = Output(TOKEN, 7)
    output.add("stdout", "abc")
    output.add("stdout", "äöü")
    output.add("stdout", "never")
    assert texts(output) == [("stdout", "abc"), ("stdout", "äö [output limit reached, the rest is dropped]")]


def test_output_takes_odd_text() -> None:
    output = Output(TOKEN, 100)
    output.add("info", "half \ud800 a letter")
    assert texts(output) == [("info", "half \\ud800 a letter")]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, 2.5, "drei", {"vier": True}],
        "Zürich 🦀",
        datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC),
        decimal.Decimal("1.10"),
        uuid.UUID(int=1),
        b"\xff",
    ],
)
def test_results_come_back(value: object) -> None:
    assert codec.decode(codec.encode(value, 1000)) == value


def test_the_limit_counts_bytes() -> None:
    assert codec.encode("ä" * 4, 10) == '"ääää"'
    with pytest.raises(ResultTooLarge, match=r"The result has 12 bytes of JSON; the limit is 10\."):
        codec.encode("ä" * 5, 10)


@pytest.mark.parametrize("value", ["\ud800", object(), {(1,): 2}])
def test_results_without_json(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        codec.encode(value, 1000)


def test_numbers_that_are_none_pass_as_in_celery() -> None:
    assert codec.encode([float("nan"), float("inf")], 1000) == "[NaN, Infinity]"


def test_a_loop_is_an_outcome_too() -> None:
    loop: list[object] = []
    loop.append(loop)
    result = outcome.of((loop, None, 0.0, ""), (), {}, 1000)
    assert isinstance(result, outcome.Failed)
    assert (result.info["type"], result.info["reason"]) == ("ValueError", "result")


@pytest.mark.parametrize(
    ("when", "low", "high"),
    [
        (None, 0, 0),
        (-5, 0, 0),
        (2, 2, 2),
        (float("inf"), outcome.MAX_DELAY, outcome.MAX_DELAY),
        (float("nan"), 0, 0),
        (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60), 1, 60),
        (datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=60), 1, 60),
    ],
)
def test_a_retry_is_asked_for_at_any_time(when: object, low: float, high: float) -> None:
    result = outcome.of(("ignored", None, 0.0, ""), (), {}, 1000, outcome.Asked(when, (), {}))
    assert isinstance(result, outcome.Retried)
    assert low <= result.delay <= high
    assert result.args == ""
