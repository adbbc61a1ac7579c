"""Retention and launching what was forgotten, with stores made up."""

import time
from typing import Any

from tests.histories import new_run
from umbel.keeper import relaunch
from umbel.keeper.prune import BATCH, BETWEEN, EVERY, Prune
from umbel.keeper.relaunch import Relaunch
from umbel.store.accept import _row


class Old:
    """A history with so many old runs."""

    def __init__(self, runs: int) -> None:
        self.left = runs
        self.asked: list[int] = []
        self.keys: list[int] = []

    def prune(self, older_than: int, limit: int) -> int:
        self.asked.append(older_than)
        taken = min(limit, self.left)
        self.left -= taken
        return taken

    def prune_keys(self, older_than: int) -> int:
        self.keys.append(older_than)
        return 0


def test_retention_goes_in_small_steps_then_rests() -> None:
    old = Old(2 * BATCH + 1)
    prune = Prune(old, retention_days=30, key_hours=24)
    assert [prune.turn() for _ in range(3)] == [BETWEEN, BETWEEN, EVERY]
    assert prune.deleted == 2 * BATCH + 1
    now = time.time() * 1000
    assert abs(now - old.asked[0] - 30 * 86_400_000) < 60_000
    assert abs(now - old.keys[0] - 24 * 3_600_000) < 60_000


class Waiting:
    """A history with runs that have no event, an engine that knows some of them, and a projector."""

    def __init__(self, runs: list[str], known: set[str], caught_up: bool = True) -> None:
        self.rows = [_row(new_run(run_id=run)) for run in runs]
        self.known = known
        self.caught_up = caught_up
        self.launched: list[str] = []

    def unlaunched_runs(self, before: int, *, limit: int = 1000) -> list[Any]:
        assert before <= time.time() * 1000 - 1900
        return self.rows[:limit]

    def knows(self, runs: Any) -> list[bool]:
        return [run in self.known for run in runs]

    def wait_caught_up(self, since: float, timeout: float) -> bool:
        self.rows = [row for row in self.rows if row.id != "projected meanwhile"]
        return self.caught_up

    def loop(self) -> Relaunch:
        return Relaunch(self, self, [self], lambda row: self.launched.append(row.id))  # type: ignore[list-item]


def test_only_runs_that_nobody_knows_are_launched() -> None:
    case = Waiting(["a", "b", "projected meanwhile", "c"], {"b"})
    assert case.loop().turn() == relaunch.EVERY
    assert case.launched == ["a", "c"]


def test_nothing_is_launched_while_the_history_lags() -> None:
    case = Waiting(["a"], set(), caught_up=False)
    case.loop().turn()
    assert case.launched == []


def test_a_stop_ends_the_launching() -> None:
    case = Waiting(["a", "b"], set())
    loop = case.loop()
    case.knows = lambda runs: (loop.stop(), [False] * len(runs))[1]  # type: ignore[method-assign, func-returns-value]
    loop.turn()
    assert case.launched == []
