"""Failpoints: armed by files, used up line by line; nothing at all unless they are on."""

import time
from pathlib import Path

import pytest

from umbel import failpoints
from umbel.errors import StateUnavailable
from umbel.failpoints import FailpointError, failpoint


@pytest.fixture
def armed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(failpoints, "_where", tmp_path)
    return tmp_path


def test_off_unless_a_directory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not failpoints.on()
    failpoint("here")
    monkeypatch.setenv(failpoints.ENV, str(tmp_path / "missing"))
    assert failpoints._find() is None
    monkeypatch.setenv(failpoints.ENV, str(tmp_path))
    assert failpoints._find() == tmp_path


def test_each_line_is_one_hit(armed: Path) -> None:
    (armed / "here").write_text("pass\nraise\ndrop-reply\nsleep:0\n")
    failpoint("elsewhere")
    failpoint("here")
    with pytest.raises(FailpointError, match="failpoint here"):
        failpoint("here", StateUnavailable)
    with pytest.raises(StateUnavailable, match="the answer is lost"):
        failpoint("here", StateUnavailable)
    assert (armed / "here").exists()
    failpoint("here")
    assert list(armed.iterdir()) == []
    failpoint("here")


def test_off_costs_next_to_nothing() -> None:
    """Some 60 ns; the limit leaves room for a busy machine."""
    began = time.process_time()
    for _ in range(100_000):
        failpoint("here")
    assert time.process_time() - began < 0.1
