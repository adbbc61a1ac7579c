"""Words for people."""

from datetime import UTC, datetime
from unicodedata import category

import pytest
from rich.text import Text

from tests.xss import TERMINAL
from umbel.cli.output import columns, say, say_json
from umbel.cli.words import brief_error, clean, count, first_line, seconds
from umbel.service.models import LogLine


@pytest.mark.parametrize(
    ("kind", "message", "brief"),
    [
        ("HTTPError", "500 Server Error: INTERNAL SERVER ERROR for url: http://127.0.0.1:9000/v1/predict", "HTTP 500"),
        ("HTTPError", "404 Client Error: Not Found for url: http://x", "HTTP 404"),
        ("HTTPStatusError", "Server error '503 Service Unavailable' for url 'http://x'", "HTTP 503"),
        ("HTTPError", "HTTP Error 502: Bad Gateway", "HTTP 502"),
        ("ValueError", "500 apples", "ValueError: 500 apples"),
        ("KeyError", "'raw'", "KeyError: 'raw'"),
        ("KeyError", "", "KeyError"),
        (None, "it broke\nin two", "it broke"),
        (None, None, "unknown error"),
        ("ReadTimeout", "ReadTimeout: too late", "ReadTimeout: too late"),
    ],
)
def test_an_error_on_one_line(kind: str | None, message: str | None, brief: str) -> None:
    assert brief_error(kind, message) == brief


def test_long_texts_are_cut() -> None:
    assert first_line("x" * 200) == "x" * 119 + "…"


def test_what_a_task_writes_cannot_change_the_terminal() -> None:
    assert clean("\x1b[2Jgone\x07\r\x9b1m \u202eback\ttab\n") == "\ufffd[2Jgone\ufffd\ufffd\ufffd1m \ufffdback\ttab\n"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "0.00 s"),
        (0.306, "0.31 s"),
        (9.996, "10.0 s"),
        (59.96, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3599.7, "1 h 0 min"),
        (3780, "1 h 3 min"),
    ],
)
def test_durations(value: float, words: str) -> None:
    assert seconds(value) == words


def test_counts() -> None:
    assert [count(1, "task"), count(1200, "task"), count(2, "retry", "retries")] == [
        "1 task",
        "1,200 tasks",
        "2 retries",
    ]


@pytest.mark.parametrize("text", TERMINAL)
def test_no_text_of_others_reaches_the_terminal_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither as lines, nor in colours, nor in tables, nor as JSON, where it stays the same value."""
    line = LogLine(id=1, task=text, attempt=1, at=datetime(2026, 1, 1, tzinfo=UTC), stream="stdout", line=text)
    say(text)
    say(Text(text, "red"))
    columns([["A", "B"], [text, text]])
    say_json(line)
    say_json(line, line=True)
    said = capsys.readouterr().out
    assert {each for each in said if category(each) in ("Cc", "Cf", "Cs") and each != "\n"} == set()
    last = said.removesuffix("\n").rpartition("\n")[2]
    assert LogLine.model_validate_json(last) == line
