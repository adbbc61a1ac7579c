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


def held(output: Output) -> int:
    """Bytes that wait for their line's end."""
    return sum(len(piece) for line in output._open.values() for piece in line.pieces)


def test_output_without_a_line_end_is_bounded() -> None:
    limit, most = 262_144, 0
    output = Output(TOKEN, limit)
    lines: list[tuple[str, str]] = []
    for _ in range(30_000):
        output.write("stdout", "." * 100)
        lines += texts(output)
        most = max(most, held(output))
    output.close()
    assert texts(output) == []
    assert most < 8192
    assert 30 <= len(lines) <= 33
    assert lines[-1][1].endswith("[output limit reached, the rest is dropped]")
    assert sum(text.count(".") for _, text in lines) == limit


def test_an_output_that_just_fits_its_limit_says_that_more_was_dropped() -> None:
    output = Output(TOKEN, 3)
    output.write("stdout", "abc\n")
    assert texts(output) == [("stdout", "abc")]
    output.write("stdout", "d\n" * 1000)
    assert texts(output) == [("stdout", " [output limit reached, the rest is dropped]")]


def test_empty_lines_use_up_the_limit() -> None:
    output = Output(TOKEN, 100)
    output.write("stdout", "\n" * 100_000)
    assert len(texts(output)) == 101


def test_a_long_line_has_one_end() -> None:
    output = Output(TOKEN, 100_000)
    for piece in ("x" * 9000, "\n", "\n", "next", "\r", "\n", "last\r\n"):
        output.write("stdout", piece)
    assert texts(output) == [("stdout", text) for text in ("x" * 9000, "", "next", "last")]


def test_of_a_progress_bar_a_few_states_are_kept() -> None:
    output = Output(TOKEN, 262_144)
    for done in range(1000):
        output.write("stderr", f"\r{done} of 1000")
        assert held(output) < 100
    output.write("stderr", "\rready    \nnext\r")
    output.close()
    states = texts(output)
    assert [states[0], *states[-2:]] == [("stderr", text) for text in ("0 of 1000", "ready    ", "next")]
    assert len(states) < 20


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


def nested(depth: int) -> object:
    """Lists and objects in turn."""
    value: object = "[{ \\"
    for level in range(depth):
        value = [value, "]"] if level % 2 else {'"[': value}
    return value


@pytest.mark.parametrize("depth", [codec.MAX_DEPTH + 1, 400, 100_000])
def test_a_result_nested_too_deep_fails_its_task(depth: int) -> None:
    result = outcome.of((nested(depth), None, 0.0, ""), (), {}, 10**7)
    assert isinstance(result, outcome.Failed)
    assert (result.info["type"], result.info["reason"]) == ("ValueError", "result")
    assert result.info["exception"] == "The result nests lists and objects more than 190 deep."


@pytest.mark.parametrize("value", [nested(codec.MAX_DEPTH), [[[]]] * 1000, "[" * 1000, {"[" * 300: "\\"}])
def test_a_wide_result_is_not_deep(value: object) -> None:
    assert codec.decode(codec.encode(value, 10**6)) == value


def test_the_arguments_of_a_retry_may_be_deeper_than_a_result() -> None:
    asked = outcome.Asked(0, (nested(codec.MAX_DEPTH),), {})
    assert isinstance(outcome.of(("", None, 0.0, ""), (), {}, 1000, asked), outcome.Retried)


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
        (lambda: datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60), 1, 60),
        (lambda: datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=60), 1, 60),
    ],
)
def test_a_retry_is_asked_for_at_any_time(when: object, low: float, high: float) -> None:
    moment = when() if callable(when) else when  # "in a minute" counts from here, not from the collection of the tests
    result = outcome.of(("ignored", None, 0.0, ""), (), {}, 1000, outcome.Asked(moment, (), {}))
    assert isinstance(result, outcome.Retried)
    assert low <= result.delay <= high
    assert result.args == ""
