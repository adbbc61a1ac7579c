"""The loops' common part."""

import logging
import threading

import pytest

from tests.waiting import wait_until
from umbel.errors import HistoryUnavailable
from umbel.keeper import loop
from umbel.keeper.loop import ThreadLoop


class Counting(ThreadLoop):
    """Fails as often as it is told, then works; waits an hour between turns."""

    def __init__(self, failures: list[Exception]) -> None:
        super().__init__("counting")
        self.failures = failures
        self.turns = 0
        self.worked = threading.Event()

    def turn(self) -> float:
        self.turns += 1
        if self.failures:
            raise self.failures.pop(0)
        self.worked.set()
        return 3600.0


def test_errors_delay_and_are_counted_and_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FIRST_BACKOFF", 0.001)
    one = Counting([HistoryUnavailable("The disk is full."), ValueError("a bug")])
    with caplog.at_level(logging.WARNING):
        one.start()
        assert one.worked.wait(10)
        one.stop()
    assert (one.turns, one.errors) == (3, 2)
    assert "The disk is full." in caplog.text
    assert "Traceback" in caplog.text, "a bug is told with its traceback"
    assert caplog.text.count("Traceback") == 1, "a database that is down needs none"


def test_waking_and_stopping_do_not_wait_for_the_pause() -> None:
    one = Counting([])
    one.start()
    assert one.worked.wait(10)
    one.worked.clear()
    wait_until(lambda: one.wake() or one.worked.is_set(), 10, "second turn")
    one.stop(10)
    assert one.stopping.is_set()
    assert "counting" not in [thread.name for thread in threading.enumerate()]


def test_a_loop_that_was_never_started_can_be_stopped() -> None:
    Counting([]).stop()
