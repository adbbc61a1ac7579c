"""Which line a traceback blames."""

from pathlib import Path

import pytest

from umbel.service.blame import file_line


def trace(*frames: str) -> str:
    lines = [
        f'  File "{frame.rpartition(":")[0]}", line {frame.rpartition(":")[2]}, in f\n    code()' for frame in frames
    ]
    return "Traceback (most recent call last):\n" + "\n".join(lines) + "\nValueError: x\n"


LIBRARY = "/venv/lib/python3.11/site-packages"


CELERY = f"{LIBRARY}/celery/app/trace.py:453"
OWN = "/srv/app/tasks/a.py:7"
DEMO = "umbel/demo/project/tasks/p.py:5"
ATTEMPT = "/src/umbel/celery/attempt.py:3"


@pytest.mark.parametrize(
    ("frames", "blamed"),
    [
        ([CELERY, OWN, f"{LIBRARY}/requests/models.py:9"], OWN),
        ([OWN, "/srv/app/lib/b.py:8", "/usr/lib/python3.11/json/decoder.py:3"], "/srv/app/lib/b.py:8"),
        ([ATTEMPT, f"/src/{DEMO}"], f"/src/{DEMO}"),
        ([f"{LIBRARY}/{DEMO}", f"{LIBRARY}/httpx/_c.py:2"], f"{LIBRARY}/{DEMO}"),
        (["/srv/umbel/tasks/a.py:1", ATTEMPT], "/srv/umbel/tasks/a.py:1"),
        ([CELERY, "<frozen importlib._bootstrap>:1"], "<frozen importlib._bootstrap>:1"),
        ([], None),
    ],
)
def test_the_last_frame_of_ones_own_code(frames: list[str], blamed: str | None) -> None:
    assert file_line(trace(*frames)) == blamed


def test_a_chained_exception_is_blamed_where_it_was_raised_last() -> None:
    first, second = trace("/srv/tasks/a.py:1"), trace("/srv/tasks/a.py:2")
    text = f"{first}\nDuring handling of the above exception, another exception occurred:\n\n{second}"
    assert file_line(text) == "/srv/tasks/a.py:2"


def test_paths_below_the_project_are_short(tmp_path: Path) -> None:
    assert file_line(trace(f"{tmp_path}/tasks/a.py:3"), tmp_path) == "tasks/a.py:3"


@pytest.mark.parametrize("text", [None, "", "no frames here"])
def test_no_traceback_blames_nobody(text: str | None) -> None:
    assert file_line(text) is None
