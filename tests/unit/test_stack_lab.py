"""The failure lab's hands: whom they refuse to touch, and that a freeze ends by itself."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.waiting import wait_until
from umbel.errors import BadRequest, Forbidden, LabMissed
from umbel.service.lab import Ours
from umbel.service.lab_acts import act, get_lab
from umbel.service.lab_words import TITLES, what_next
from umbel.service.operations import ActInLab, GetLab
from umbel.settings import load_settings
from umbel.stack import identity, roster, thaw
from umbel.stack.lab import StackLab
from umbel.stack.roster import Roster

pytestmark = pytest.mark.skipif(not identity.available(), reason="needs Linux 5.3: /proc and pidfd")

ME = os.getpid()


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """A child of ours, with a child of its own, as a worker has its pool."""
    with subprocess.Popen(
        ["/bin/sh", "-c", "tail -f /dev/null & echo up; wait"], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def lab(tmp_path: Path, sleeper: "subprocess.Popen[bytes]") -> StackLab:
    """Of a stack whose supervisor is this process, with one part."""
    Roster(tmp_path, broker="", model="").born("worker", sleeper.pid)
    return StackLab(tmp_path, parent=ME)


def rewrite(folder: Path, **parts: str) -> None:
    path = folder / "parts.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "parts": parts}))


def frozen(pid: int) -> bool:
    found = identity.facts(pid)
    return found is not None and found.stopped


def test_it_sees_what_the_stack_started_and_its_pool(lab: StackLab, sleeper: Any) -> None:
    main, child = lab.processes()
    assert (main.part, main.pid, main.main, main.frozen) == ("worker", sleeper.pid, True, False)
    assert identity.facts(child.pid).parent == sleeper.pid  # type: ignore[union-attr]
    assert not child.main


def test_a_number_that_was_given_away_again_is_not_touched(lab: StackLab, sleeper: Any, tmp_path: Path) -> None:
    before = f"{sleeper.pid}:{int(identity.identity(sleeper.pid).partition(':')[2]) - 1}"
    rewrite(tmp_path, worker=before)
    assert lab.processes() == []
    with pytest.raises(LabMissed):
        lab.kill(Ours("worker", sleeper.pid, before, True, False))
    with pytest.raises(ProcessLookupError):
        identity.send(before, signal.SIGKILL)
    thaw.after(0.01, [before])
    assert sleeper.poll() is None
    assert not (tmp_path / "wanted").exists()


def test_what_the_supervisor_did_not_start_is_not_touched(lab: StackLab, tmp_path: Path) -> None:
    """Even if it stands in the roster: the process that runs the tests' own parent, as any other of this machine."""
    foreign = identity.identity(os.getppid())
    rewrite(tmp_path, worker=foreign)
    assert lab.processes() == []
    for hit in (lab.kill, lambda each: lab.freeze([each], 1)):
        with pytest.raises(LabMissed):
            hit(Ours("worker", os.getppid(), foreign, True, False))


def test_a_server_of_another_stack_has_no_lab(tmp_path: Path, lab: StackLab) -> None:
    with pytest.raises(Forbidden):
        StackLab(tmp_path, parent=os.getppid()).processes()
    with pytest.raises(Forbidden):
        StackLab(tmp_path / "nowhere", parent=ME).processes()


def test_kill_says_to_the_supervisor_that_it_was_wanted(lab: StackLab, sleeper: Any, tmp_path: Path) -> None:
    watch = Roster(tmp_path)
    watch.born("worker", sleeper.pid)
    assert not watch.excuses(sleeper.pid)
    main, child = lab.processes()
    lab.kill(main)
    assert sleeper.wait(5) == -signal.SIGKILL
    assert watch.excuses(sleeper.pid)
    assert not watch.excuses(child.pid)
    assert identity.facts(child.pid) is not None


def test_a_freeze_ends_by_itself(lab: StackLab, sleeper: Any) -> None:
    child = lab.processes()[1]
    lab.freeze([child], 0.3)
    assert not frozen(sleeper.pid)
    wait_until(lambda: frozen(child.pid), what="standstill")
    with pytest.raises(LabMissed):
        lab.freeze([child], 1)
    wait_until(lambda: not frozen(child.pid), what="end of the standstill")


def test_thaw_ends_it_at_once_and_its_timer_with_the_process(lab: StackLab, sleeper: Any) -> None:
    ours = lab.processes()
    lab.freeze(ours, 60)
    wait_until(lambda: all(frozen(each.pid) for each in ours), what="standstill")
    timer = next(each for each in identity.children(ME) if "thaw.py" in command(each.pid))
    assert sorted(lab.thaw()) == sorted(each.pid for each in ours)
    assert not any(frozen(each.pid) for each in ours)
    for each in ours:
        identity.send(each.identity, signal.SIGKILL)
    wait_until(lambda: identity.identity(timer.pid) != timer.identity, what="end of the timer")


def command(pid: int) -> str:
    return (identity.PROC / str(pid) / "cmdline").read_text()


def test_a_new_stack_begins_a_new_roster(tmp_path: Path, lab: StackLab) -> None:
    lab.note({"act": "thaw"})
    roster.want(tmp_path, "1:1")
    assert lab.notes() == [{"act": "thaw"}]
    Roster(tmp_path)
    assert lab.notes() == []
    assert not (tmp_path / "wanted").exists()


def test_without_a_lab_nothing_is_broken() -> None:
    off: Any = SimpleNamespace(lab=None)
    view = get_lab(off, GetLab())
    assert not view.enabled
    assert view.why_not
    with pytest.raises(Forbidden):
        act(off, ActInLab(act="kill-worker"))


@pytest.mark.parametrize(
    "asked",
    [
        ActInLab(act="kill-child", task="TASK_A"),
        ActInLab(act="trouble-model"),
        ActInLab(act="pause-broker", seconds=31),
        ActInLab(act="freeze-worker", seconds=61),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_hit(asked: ActInLab) -> None:
    """The stand-in can only say what there is; anything else would be an AttributeError."""
    with pytest.raises(BadRequest):
        act(SimpleNamespace(lab=SimpleNamespace(processes=list)), asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("celery", [True, False])
def test_every_act_says_what_happens_then(celery: bool) -> None:
    settings = load_settings(lease=4, redispatch_after=7)
    said = {each: what_next(settings, each, celery=celery, seconds=None) for each in TITLES}
    assert all(said.values())
    assert ("4 s" in said["kill-worker"], "7 s" in said["drop-message"]) == (not celery, not celery)
    assert "Nothing is lost" in what_next(settings, "freeze-child", celery=celery, seconds=3)
