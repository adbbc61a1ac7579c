"""Scenes of lessons, played by any program."""

import sys

import pytest

from umbel.service.scenes import Scene


@pytest.mark.parametrize(
    ("program", "state", "error"),
    [
        ("""print('{"outcome": {"begun": 1}}')""", "success", None),
        ("print('a warning of a library')", "error", "cannot be read"),
        ("import sys; sys.exit('no worker')", "error", "no worker"),
    ],
)
def test_however_it_ends_it_is_over(program: str, state: str, error: str | None) -> None:
    scene = Scene("04-chord", "canvas", "run", [sys.executable, "-I", "-S", "-c", program])
    assert scene.over.wait(10)
    assert scene.state == state
    assert (error or "") in (scene.error or "")
