"""Hooks on a real worker: called after the end, with Celery's arguments, also when the end is a process that dies."""

from collections.abc import Iterator

import pytest

from tests.chaos.lab import Lab, open_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("hooks")) as lab:
        yield lab


def ran(lab: Lab, run: str) -> list[str]:
    return [task for word, task, _ in lab.ledger(run) if word == "start"]


def test_the_success_hook_after_the_last_task(lab: Lab) -> None:
    run = lab.start("lab.HOOKED")
    assert lab.settled(run) == "run.succeeded"
    assert ran(lab, run) == ["A", "B", "C"]
    assert lab.outcomes(run) == {0: 1, 1: 1, 2: 1}


def test_the_failure_hook_with_the_first_error(lab: Lab) -> None:
    run = lab.start("lab.HOOKED", do={"A": {"fail": "no"}})
    assert lab.settled(run) == "run.failed"
    assert ran(lab, run) == ["A", "D"]
    assert lab.outcomes(run) == {0: 1, 3: 1}


def test_the_failure_hook_after_the_last_loss(lab: Lab) -> None:
    run = lab.start("lab.HOOKED", do={"B": "die"})
    assert lab.settled(run, timeout=40) == "run.failed"
    assert ran(lab, run) == ["A", "B", "B", "B", "D"]


def test_a_hook_that_fails_changes_nothing_of_the_run(lab: Lab) -> None:
    run = lab.start("lab.HOOKED", do={"C": {"fail": "hook"}})
    assert lab.settled(run) == "run.succeeded"
    assert [event.task for event in lab.events(run) if event.type == "task.failed"] == [2]


def test_the_failure_hook_of_a_task_that_ran_too_long(lab: Lab) -> None:
    """The worker's main process records it, and sends the hook's message itself."""
    run = lab.start("lab.HARD_HOOKED")
    assert lab.settled(run, timeout=12) == "run.failed"
    assert ran(lab, run)[-1] == "D"
