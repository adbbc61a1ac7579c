"""A learner who does everything right: runs a lesson's steps on a real stack, edits, acts, and answers."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.waiting import wait_until
from umbel.client import Client
from umbel.learn.lessons import Lesson
from umbel.learn.lessons.judge import Judge, evidence
from umbel.learn.lessons.prose import filled
from umbel.service.models.lessons import LessonCheck, StepRun

PATIENCE = 150.0
_SCENES = threading.Lock()  # a server plays one at a time


def run_step(client: Client, lesson: Lesson, name: str, text: str | None = None) -> StepRun:
    """Run a step to its end."""
    step = lesson.machine.steps[name]

    def over() -> StepRun | None:
        run = client.get_step_run(lesson.slug, name, started.run_id)
        return run if run.over else None

    if not step.scene:
        started = client.run_step(lesson.slug, name, text)
        found = wait_until(over, PATIENCE, f"end of {lesson.slug}.{name}")
    else:
        with _SCENES:
            started = client.run_step(lesson.slug, name)
            found = wait_until(over, PATIENCE, f"end of {lesson.slug}.{name}")
    assert found is not None
    assert found.error is None, found.error
    return found


def run_all(client: Client, lesson: Lesson) -> dict[str, str]:
    """Run all steps as the lesson wants it, with texts that are right, and do what is asked; run ids by step."""
    machine = lesson.machine
    right = {each.step: each for each in machine.checks.values() if each.kind in ("edit", "act")}

    def do(name: str) -> tuple[str, str]:
        check = right.get(name)
        run = run_step(client, lesson, name, check.text if check and check.kind == "edit" else None)
        if check and check.kind == "act":
            assert check.expect == "retry"
            client.retry_run(run.run_id)
            client.wait_for_run(run.run_id, PATIENCE)
        return name, run.run_id

    scenes = [name for name, step in machine.steps.items() if step.scene]
    runs = [name for name in machine.steps if name not in scenes]
    with ThreadPoolExecutor(2) as pool:  # scenes have workers of their own; runs share the stack's
        done = [pool.submit(lambda names: [do(each) for each in names], names) for names in (scenes, runs)]
        return dict(pair for each in done for pair in each.result())


def answers(client: Client, lesson: Lesson, runs: Mapping[str, str]) -> dict[str, str]:
    """The right answers, with names as these runs had them."""
    steps = {}
    shown = [each.step for each in lesson.machine.checks.values() if "${" in each.expect]
    for name, run_id in runs.items():
        if name not in shown:
            continue
        if not lesson.machine.steps[name].scene:
            trace = client.get_trace(run_id, limit=20_000).model_dump(mode="json")
            steps[name] = evidence(client.get_run(run_id).model_dump(mode="json"), trace)
        else:
            steps[name] = evidence(client.get_step_run(lesson.slug, name, run_id).outcome, None)
    values = Judge(lesson, steps, {}).values()
    checks = lesson.machine.checks.items()
    return {name: filled(each.expect, values) for name, each in checks if each.kind not in ("edit", "act")}


def until_recorded(check: Callable[[], LessonCheck], seconds: float = 15.0) -> LessonCheck:
    """The check as it is once all claims hold, or as it is after so long: the last records may be on their way."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if all(each.holds for each in found.claims) or time.monotonic() > deadline:
            return found
