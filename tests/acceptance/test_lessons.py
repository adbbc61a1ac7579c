"""Every lesson, taken on a real stack by a learner who does everything right: its claims hold in real traces."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.learners import answers, run_all, run_step, until_recorded
from tests.stacks import await_worker
from tests.waiting import wait_until
from umbel.client import Client
from umbel.errors import UmbelError, WrongState
from umbel.learn.lessons import find, lessons
from umbel.stack import identity
from umbel.stack.options import demo_options
from umbel.stack.run import Stack, run_stack

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not identity.available(), reason="needs Linux 5.3: the failure lab acts in some lessons"),
]


FEW = (3, 4, 9)
"""Lessons that `make test` plays; `make test-parts` plays the others."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with run_stack(demo_options(port=0, data=tmp_path_factory.mktemp("lessons")), lambda line: None) as stack:
        yield stack


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """Asks when everything is up: a lesson before may have killed the worker."""
    with Client(stack.urls.server) as client:
        await_worker(stack, client)
        yield client


@pytest.mark.parametrize(
    "slug", [pytest.param(each.slug, marks=() if each.number in FEW else pytest.mark.long) for each in lessons()]
)
def test_each_claim_holds_and_each_check_can_be_passed(client: Client, slug: str) -> None:
    lesson = find(slug)
    runs = run_all(client, lesson)
    asked = {name for name, each in lesson.machine.checks.items() if each.kind not in ("edit", "act")}
    wrong = until_recorded(lambda: client.check_lesson(slug, dict.fromkeys(asked, "987654"), runs))
    assert [(each.name, each.step) for each in wrong.claims if each.holds is not True] == []
    assert {each.name for each in wrong.verdicts if not each.ok} == asked
    assert all(each.why and each.advice for each in wrong.verdicts if not each.ok)
    assert "${" not in wrong.happened
    right = client.check_lesson(slug, answers(client, lesson, runs), runs)
    assert [each.name for each in right.verdicts if not each.ok] == []
    assert right.passed


def learn(stack: Stack, home: Path, *args: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """`umbel learn` in a terminal of its own."""
    env = {**os.environ, **stack.urls.env(), "XDG_STATE_HOME": str(home), "EDITOR": "true"}
    program = [sys.executable, "-P", "-m", "umbel", "learn", *args]
    return subprocess.run(program, env=env, input=said, capture_output=True, text=True, timeout=120, check=False)


def test_a_lesson_in_the_terminal(stack: Stack, client: Client, tmp_path: Path) -> None:
    # The prediction, Enter twice for the steps, a wrong answer, the right ones.
    said = "1\n\n\ncelery-task-meta-none\n\n\n86400\n"
    taken = learn(stack, tmp_path, "6", said=said)
    assert taken.returncode == 1, taken.stderr
    assert "It was another answer:" in taken.stdout
    assert "8 of 8 claims of this text hold in your own run." in taken.stdout
    assert taken.stdout.count("✓ right") == 1  # the key was never named
    assert "look for `SETEX`" in taken.stdout
    text = tmp_path / "chain.yml"
    text.write_text(find("2").machine.checks["longer"].text, encoding="utf-8")
    taken = learn(stack, tmp_path, "chain", "--yes", "--answer", "rest=2", "--edit", f"longer={text}")
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert "Lesson 2 is passed. Go on with: umbel learn 3" in taken.stdout
    assert "yes" in learn(stack, tmp_path).stdout


def of_scene(run_id: str) -> list[int]:
    """Processes of a scene: the program, and its workers with their pools."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if run_id.encode() in known and state != "Z":
            found.append(int(entry.name))
    return found


def test_nothing_of_a_scene_outlives_its_server(stack: Stack, client: Client) -> None:
    started = client.run_step("10", "slow")
    with pytest.raises(WrongState, match="Another scene"):
        client.run_step("1", "prefetch")
    wait_until(lambda: len(of_scene(started.run_id)) >= 3, 60, "scene with a worker")
    stack.kill("server", signal.SIGKILL)
    wait_until(lambda: not of_scene(started.run_id), 60, "end of the scene")


def test_an_edit_with_mistakes_is_refused_with_its_place(client: Client) -> None:
    lesson = find("2")
    with pytest.raises(UmbelError, match="needs"):
        run_step(client, lesson, "longer", "lesson.CHAIN: {tasks: {a: {task: ADD_ONE, needs: [nobody]}}}")
