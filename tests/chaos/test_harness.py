"""The bounded form of the chaos programme, and the judge on evidence made by hand: each word for what must not be."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.harness import report, shapes, trial
from tests.chaos.harness.check import Check, Verdict
from tests.chaos.harness.client import Asked
from tests.chaos.harness.faults import Fault
from tests.chaos.harness.history import Event, History, Row
from tests.chaos.harness.ledger import Body, Key, Ledger
from tests.chaos.harness.planting import WAYS
from tests.chaos.harness.plants import PLANTS
from tests.chaos.harness.shapes import Wanted

SEED = int(os.environ.get("UMBEL_TEST_CHAOS_SEED") or 7)


@pytest.mark.chaos
def test_nothing_is_lost_doubled_early_or_stuck(tmp_path: Path) -> None:
    """Kills of a child and of a worker, a zombie, a restart of Valkey, and messages that come twice. [U-1] to [U-8]"""
    print(f"\nseed {SEED}; again: make chaos ARGS='--bounded {SEED}'")
    result = trial.run(trial.bounded(SEED), print, tmp_path / "kept")
    words = result.verdict.words
    print(f"{words['tasks']} tasks, {words['re-runs']} again; {report.quantiles(result.verdict.recovery)}")
    assert not result.red, result.verdict.problems
    # How quick a loaded machine is, and whom a kill happens to hit, is no fault of Umbel's: said, not failed.
    print(f"{result.colour} {result.invalid}")
    assert words["acknowledged"] >= 10
    assert words["losses"] >= 1


class Evidence:
    """One DIAMOND run that went well; tests spoil it."""

    def __init__(self) -> None:
        want = Wanted("k", "chaos.DIAMOND", {"seed": 1, "n": 1, "slow": 0})
        self.asked = [Asked(want, 0.0, run="r", answered_at=0.1)]
        self.bodies = [
            Body(Key("r", task, 1), 100 + task, at, 0.01, "end", at + 0.5)
            for task, at in ((0, 1.0), (1, 2.0), (2, 2.1), (3, 3.0))
        ]
        self.history = History({"r": Row("chaos.DIAMOND", want.payload, "success", True, None, 0)}, keys={"k": "r"})
        for task, key in enumerate("abcd"):
            self.history.states["r", task] = (key, "success", None)
        self.say("run.launched")
        for task in range(4):
            self.say("task.started", task)
            self.say("task.succeeded", task)
        self.say("run.succeeded")
        self.faults: list[Fault] = []
        self.ghosts: list[str] = []

    def say(self, kind: str, task: int | None = None, attempt: int | None = 1, at: int | None = None) -> None:
        """One more event, or (`at`) one in between."""
        events = self.history.events["r"]
        attempt = None if task is None else attempt
        events.insert(len(events) if at is None else at, Event(0, kind, 0, task, attempt, {}))
        events[:] = [event._replace(seq=number) for number, event in enumerate(events, 1)]
        self.history.runs["r"].last_seq = len(events)

    def verdict(self) -> Verdict:
        """The judge's."""
        return Check(self.asked, self.bodies, self.history, self.faults, ghosts=self.ghosts, bound=10).judge()


def forgotten(run: Evidence) -> None:
    del run.history.runs["r"]


def unasked(run: Evidence) -> None:
    run.history.runs["s"] = replace(run.history.runs["r"], last_seq=0)


def ended_twice(run: Evidence) -> None:
    run.say("task.succeeded", 3)


def begun_early(run: Evidence) -> None:
    run.bodies[3].began = 2.55  # C ends at 2.6


def begun_after_cancel(run: Evidence) -> None:
    run.say("run.canceled", at=1)


def begun_twice(run: Evidence) -> None:
    run.say("task.started", 1, 2, at=4)


def begun_after_its_end(run: Evidence) -> None:
    run.say("task.started", 0, 2, at=9)
    run.say("task.lost", 0, 2, at=10)


def two_bodies(run: Evidence) -> None:
    run.bodies.append(replace(run.bodies[0], pid=999))


def left_running(run: Evidence) -> None:
    run.history.runs["r"].settled = False


def ended_wrongly(run: Evidence) -> None:
    run.history.states["r", 2] = ("c", "error", "ValueError")


def missing_event(run: Evidence) -> None:
    del run.history.events["r"][2]


def unknown_body(run: Evidence) -> None:
    run.bodies.append(Body(Key("r", 0, 2), 1, 9.0, 0.0, "end", 9.1))


def left_behind(run: Evidence) -> None:
    run.ghosts.append("umbel:{0}:work:r")


def zombie(run: Evidence) -> None:
    run.say("task.lost", 0, at=2)


def taken_over_late(run: Evidence) -> None:
    run.say("task.lost", 0, at=2)
    run.say("task.started", 0, 2, at=3)
    run.history.events["r"][4] = run.history.events["r"][4]._replace(attempt=2)
    run.bodies[0].word = ""
    run.bodies[0].began = -20.0
    run.bodies.append(Body(Key("r", 0, 2), 1, 1.0, 0.0, "end", 1.5))
    run.faults.append(Fault("kill-child", -19.0, -19.0, [Key("r", 0, 1)]))


def poisoned(run: Evidence) -> None:
    run.history.runs["r"].state = "error"
    run.history.states["r", 3] = ("d", "error", "TaskPoisoned")
    run.faults += [Fault("kill-child", 3.0, 3.0, [Key("r", 3, attempt)]) for attempt in (1, 2)]


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (forgotten, "lost"),
        (unasked, "unexpected"),
        (ended_twice, "doubled"),
        (begun_early, "early"),
        (begun_after_cancel, "late"),
        (begun_twice, "twice"),
        (begun_after_its_end, "twice"),
        (two_bodies, "twice"),
        (left_running, "stuck"),
        (ended_wrongly, "wrong"),
        (missing_event, "broken"),
        (unknown_body, "broken"),
        (left_behind, "ghost"),
        (zombie, "accepted"),
        (taken_over_late, "unrecovered"),
        (poisoned, "wrong"),
    ],
)
def test_the_judge_sees(spoil: Callable[[Evidence], None], word: str) -> None:
    evidence = Evidence()
    spoil(evidence)
    assert evidence.verdict().words[word] >= 1, evidence.verdict().problems


def test_the_judge_lets_go_what_is_right() -> None:
    verdict = Evidence().verdict()
    assert verdict.problems == []
    assert verdict.words["ok"] == 1


def test_who_is_hit_three_times_fails_by_right() -> None:
    evidence = Evidence()
    poisoned(evidence)
    evidence.history.events["r"][-2] = evidence.history.events["r"][-2]._replace(type="task.failed")
    evidence.faults.append(Fault("kill-worker", 3.2, 3.2, [Key("r", 3, 3)]))
    words = evidence.verdict().words
    assert (words["poisoned"], words["wrong"]) == (1, 0)


def test_a_ledger_is_read_while_it_is_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.read()
    with (tmp_path / "ledger").open("a") as file:
        file.write("start r 0 1 17 2000000000 40\nstart r 1 1 18 2000")
        file.flush()
        assert [body.key for body in ledger.running()] == [Key("r", 0, 1)]
        file.write("000000 0\nend r 0 1 17 3000000000 40\n")
    assert [body.pid for body in ledger.running()] == [18]
    assert ledger.ended(2, 4) == 1


def test_every_planted_mistake_has_its_way() -> None:
    assert {plant.name for plant in PLANTS} == WAYS.keys()
    assert len(PLANTS) >= 10
    assert all(set(plant.words) <= set(trial.FORBIDDEN) for plant in PLANTS)


def test_what_is_counted_of_a_run_is_what_it_has() -> None:
    assert shapes.TASKS.keys() == shapes.DEFINITIONS.keys()


def test_a_report_adds_up(tmp_path: Path) -> None:
    evidence = Evidence()
    begun_early(evidence)
    result = trial.Result(trial.bounded(3), evidence.verdict(), [Fault("flush", 1.0, 2.0)], {"seconds": 60.0}, 0.0)
    for _ in range(2):
        report.append(tmp_path / "new" / "report", result, "2026-01-01T00:00Z")
    told = report.summary(report.read(tmp_path / "new" / "report"))
    assert "slices      2: 2 red" in told
    assert "early 2" in told
    assert "--slice 3" in told
