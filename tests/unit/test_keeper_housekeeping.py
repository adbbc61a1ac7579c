"""Retention and launching what was forgotten, with stores made up."""

import time
from typing import Any

from tests.histories import new_run
from umbel.definition import parse
from umbel.keeper import relaunch
from umbel.keeper.prune import BATCH, BETWEEN, EVERY, FOLLOW, Prune
from umbel.keeper.relaunch import Relaunch
from umbel.store.accept import _row


class Old:
    """A history with so many old runs."""

    def __init__(self, runs: int) -> None:
        self.left = runs
        self.asked: list[int] = []
        self.rules: list[tuple[Any, ...]] = []
        self.keys: list[int] = []

    def prune(self, older_than: int, limit: int, *, among: Any = None, besides: Any = ()) -> int:
        self.asked.append(older_than)
        self.rules.append((None if among is None else sorted(among), sorted(besides)))
        taken = min(limit, self.left)
        self.left -= taken
        return taken

    def prune_beyond(self, definition: str, keep: int, limit: int) -> int:
        self.rules.append((definition, keep))
        return 0

    def prune_keys(self, older_than: int) -> int:
        self.keys.append(older_than)
        return 0


def pruning(old: Old, text: str = "a.B: {tasks: [A]}", *, leads: bool = True, runs: int = -1) -> Prune:
    catalog = parse(text)
    return Prune(old, lambda: catalog, lambda: leads, retention_days=30, retention_runs=runs, key_hours=24)


RULES = """
a.KEEPS: {tasks: [A], retention: {offset: 2}}
a.SHORT: {tasks: [A], retention: 1h}
a.EVER: {tasks: [A], retention: {offset: -1}}
a.PLAIN: {tasks: [A]}
"""


def test_a_definition_has_its_own_rule() -> None:
    old = Old(0)
    pruning(old, RULES).turn()
    assert old.rules == [(None, ["a.EVER", "a.KEEPS", "a.SHORT"]), ("a.KEEPS", 2), (["a.SHORT"], [])]
    assert old.asked[1] - old.asked[0] == 30 * 86_400_000 - 3_600_000


def test_nothing_is_deleted_whose_rule_cannot_be_read() -> None:
    old = Old(0)
    pruning(old, RULES + "a.LONG: {tasks: [], retention: 365d}").turn()
    assert old.rules[0] == (["a.PLAIN"], ["a.EVER", "a.KEEPS", "a.SHORT"])
    old = Old(0)
    pruning(old, "not: [yaml").turn()
    assert old.rules == [([], [])]


def test_settings_may_count_runs_too() -> None:
    old = Old(0)
    pruning(old, RULES, runs=5).turn()
    assert old.rules[-1] == ("a.PLAIN", 5)


def test_only_the_leader_deletes() -> None:
    old = Old(1)
    assert pruning(old, leads=False).turn() == FOLLOW
    assert (old.left, old.keys) == (1, [])


def test_retention_goes_in_small_steps_then_rests() -> None:
    old = Old(2 * BATCH + 1)
    prune = pruning(old)
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
        self.silent: list[Any] = []
        self.rebuilt: list[str] = []

    def unlaunched_runs(self, before: int, *, limit: int = 1000) -> list[Any]:
        assert before <= time.time() * 1000 - 1900
        return self.rows[:limit]

    def launched_runs(self, before: int, *, limit: int = 1000) -> list[Any]:
        return self.silent

    def knows(self, runs: Any) -> list[bool]:
        return [run in self.known for run in runs]

    def wait_caught_up(self, since: float, timeout: float) -> bool:
        self.rows = [row for row in self.rows if row.id != "projected meanwhile"]
        self.silent = [row for row in self.silent if row.id != "projected meanwhile"]
        return self.caught_up

    def loop(self) -> Relaunch:
        launch, rebuild = (lambda row: self.launched.append(row.id)), (lambda row: self.rebuilt.append(row.id))
        return Relaunch(self, self, [self], launch, rebuild)  # type: ignore[list-item]


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


def test_only_runs_that_are_really_lost_are_rebuilt() -> None:
    case = Waiting([], {"known"})
    case.silent = [_row(new_run(run_id=run)) for run in ("lost", "known", "projected meanwhile")]
    case.loop().turn()
    assert (case.rebuilt, case.launched) == (["lost"], [])
    late = Waiting([], set(), caught_up=False)
    late.silent = [_row(new_run(run_id="lost"))]
    late.loop().turn()
    assert late.rebuilt == []
