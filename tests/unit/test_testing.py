"""`umbel.testing`: definitions in memory behave as on real workers."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Ignore

from umbel.errors import BadRequest, DefinitionError, DefinitionNotFound, PayloadInvalid
from umbel.testing import TestRun, run

app = Celery("rehearsed", broker="memory://", set_as_current=False)


@app.task(name="ECHO")
def echo(previous: Any, *, payload: dict[str, Any], workflow_id: str) -> Any:
    return {"previous": previous, "payload": payload}


@app.task(name="NUMBER")
def number(previous: Any, *, payload: dict[str, Any], workflow_id: str) -> int:
    return payload["n"] + (previous or 0)


@app.task(name="JOIN")
def join(previous: list[int], *, payload: dict[str, Any], workflow_id: str) -> int:
    return sum(previous)


@app.task(name="FLAKY", bind=True, autoretry_for=(OSError,), retry_backoff=2, retry_jitter=False, max_retries=3)
def flaky(self: Any, previous: Any, *, payload: dict[str, Any], workflow_id: str) -> list[Any]:
    if self.request.retries < payload["failures"]:
        raise OSError(f"no {self.request.retries}")
    return [self.request.retries, self.request.id, workflow_id]


@app.task(name="AGAIN", bind=True)
def again(self: Any, previous: Any, *, payload: dict[str, Any], workflow_id: str, tried: int = 0) -> int:
    if tried < 2:
        raise self.retry(countdown=90, kwargs={"payload": payload, "workflow_id": workflow_id, "tried": tried + 1})
    return tried


@app.task(name="BROKEN")
def broken(previous: Any, *, payload: dict[str, Any], workflow_id: str) -> None:
    raise ValueError("broken on purpose")


@app.task(name="IGNORED")
def ignored(previous: Any, *, payload: dict[str, Any], workflow_id: str) -> None:
    raise Ignore


@app.task(name="EXITS")
def exits(previous: Any, *, payload: dict[str, Any], workflow_id: str) -> None:
    raise SystemExit(3)


@app.task(name="OPAQUE")
def opaque(previous: Any, *, payload: dict[str, Any], workflow_id: str) -> Any:
    return object()


@app.task(name="ALERT")
def alert(*, payload: dict[str, Any], workflow_id: str) -> str:
    return "alerted"


def rehearsed(tasks: str, payload: dict[str, Any] | None = None, more: str = "") -> TestRun:
    return run(f"a.B:\n  tasks: {tasks}\n{more}", payload=payload, app=app)


def test_a_chain_with_a_group() -> None:
    done = rehearsed("[NUMBER, {G: {type: group, tasks: [NUMBER, NUMBER]}}, JOIN]", {"n": 2})
    assert (done.status, done.result, done.seconds) == ("success", 8, 0.0)
    assert {key: task.result for key, task in done.tasks.items()} == {
        "NUMBER": 2,
        "NUMBER#2": 4,
        "NUMBER#3": 4,
        "JOIN": 8,
    }
    assert done.order() == ["NUMBER", "NUMBER#2", "NUMBER#3", "JOIN"]


def test_any_dag_with_several_ends() -> None:
    done = rehearsed(
        "{a: {task: NUMBER}, b: {task: NUMBER, needs: a}, c: {task: JOIN, needs: [a, b]}, d: {task: NUMBER, needs: a}}",
        {"n": 1},
    )
    assert done.result == [3, 2]
    assert done.order()[0] == "a"
    assert done.order().index("c") > done.order().index("b")


def test_celerys_retries_cost_no_time() -> None:
    done = rehearsed("[FLAKY]", {"failures": 3})
    task = done.tasks["FLAKY"]
    assert (done.status, task.attempts, task.waits, done.seconds) == ("success", 4, (2.0, 4.0, 8.0), 14.0)
    assert task.result[0] == 3
    assert task.result[2] == done.id
    spent = rehearsed("[FLAKY, ECHO]", {"failures": 9})
    assert (spent.status, spent.error, spent.tasks["FLAKY"].error_type) == ("error", "no 3", "OSError")
    assert (spent.tasks["ECHO"].state, spent.tasks["ECHO"].attempts) == ("upstream_failed", 0)


def test_a_retry_with_other_arguments() -> None:
    done = rehearsed("[AGAIN]")
    assert (done.result, done.tasks["AGAIN"].attempts, done.seconds) == (2, 3, 180.0)


def test_a_failure_and_its_hook() -> None:
    hooks = "  hooks: {failure: ALERT, success: ECHO}\n"
    done = rehearsed("[{G: {type: group, tasks: [BROKEN, NUMBER]}}, ECHO]", {"n": 1}, hooks)
    assert (done.status, done.result, done.error) == ("error", None, "broken on purpose")
    assert "ValueError: broken on purpose" in (done.tasks["BROKEN"].traceback or "")
    assert done.tasks["NUMBER"].result == 1
    assert done.tasks["ALERT"].result == "alerted"
    assert "ECHO#2" not in done.tasks
    assert "ALERT" not in rehearsed("[NUMBER]", {"n": 1}, hooks).tasks


@pytest.mark.parametrize(
    ("task", "kind"), [("IGNORED", "TaskRejected"), ("EXITS", "SystemExit"), ("OPAQUE", "TypeError")]
)
def test_what_leaves_no_result_is_an_error_as_on_a_worker(task: str, kind: str) -> None:
    done = rehearsed(f"[{task}]")
    assert (done.status, done.tasks[task].error_type) == ("error", kind)


def test_payloads_take_defaults_and_are_checked() -> None:
    more = "  defaults: {n: 5}\n  schema: {properties: {n: {type: integer}}}\n"
    assert rehearsed("[NUMBER]", more=more).result == 5
    assert rehearsed("[ECHO]", {"m": [1, (2,)]}, more).result["payload"] == {"n": 5, "m": [1, [2]]}
    with pytest.raises(PayloadInvalid, match="'x' is not of type 'integer'"):
        rehearsed("[NUMBER]", {"n": "x"}, more)


def test_what_cannot_be_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"no task 'NUMBR' \(Did you mean 'NUMBER'\?\)"):
        rehearsed("[NUMBR]")
    with pytest.raises(DefinitionNotFound):
        run("a.B: {tasks: [NUMBER]}", "a.C", app=app)
    with pytest.raises(BadRequest, match=r"a\.B, a\.C"):
        run("a.B: {tasks: [NUMBER]}\na.C: {tasks: [NUMBER]}", app=app)
    with pytest.raises(DefinitionError, match=r"there is no workflows\.yml"):
        run(tmp_path, app=app)


def test_a_file_and_the_apps_tasks_stay_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "flows.yml").write_text("a.B: {tasks: [NUMBER]}\n")
    before = number.apply_async
    assert run(str(tmp_path / "flows.yml"), "a.B", {"n": 3}, app=app).result == 3
    assert number.apply_async == before


def test_a_wide_group_is_released_in_portions() -> None:
    names = ", ".join(["NUMBER"] * 1200)
    assert rehearsed(f"[{{G: {{type: group, tasks: [{names}]}}}}, JOIN]", {"n": 1}).result == 1200


@app.task(name="ADD")
def add(*, a: int, b: int) -> int:
    return a + b


STEPS = """
shop.ORDER:
  tasks:
    parts: {task: ADD, map: "${payload.parts}", with: {a: "${item}", b: 1}, max_parallel: 2}
    big: {task: ADD, needs: parts, when: "size(tasks.parts.result) > 5", with: {a: 1, b: 1}}
    asked: {type: approval, needs: big, timeout: 24h}
    report: {workflow: shop.REPORT, needs: [asked, parts], payload: {n: "${tasks.parts.result[0]}"}}
shop.REPORT:
  schema: {properties: {n: {type: integer}}}
  tasks: [NUMBER, NUMBER]
"""


def test_control_steps_are_the_workers_own() -> None:
    done = run(STEPS, "shop.ORDER", {"parts": [1, 2, 3]}, app=app, approvals={"asked": True})
    assert (done.status, done.result) == ("success", 4)
    tasks = done.tasks
    assert (tasks["parts"].result, tasks["parts[2]"].result) == ([2, 3, 4], 4)
    assert tasks["big"].state == "skipped"
    assert tasks["asked"].result["approved"] is True
    child = tasks["report"].run
    assert child is not None
    assert (child.status, child.payload, child.result) == ("success", {"n": 2}, 4)


def test_the_end_of_a_run_wakes_all_that_wait_for_it() -> None:
    text = """
a.ONE: {tasks: {a: {workflow: a.TWO}, b: {task: NUMBER, needs: a}}, defaults: {n: 1}}
a.TWO: {tasks: {a: {workflow: a.THREE}}}
a.THREE: {tasks: [NUMBER], defaults: {n: 2}}
"""
    assert run(text, "a.ONE", app=app).status == "success"


def test_an_approval_may_be_refused_or_forgotten() -> None:
    refused = run(STEPS, "shop.ORDER", {"parts": []}, app=app, approvals={"asked": False})
    assert (refused.status, refused.tasks["asked"].error_type) == ("error", "Rejected")
    late = run(STEPS, "shop.ORDER", {"parts": []}, app=app)
    assert (late.status, late.error, late.seconds) == ("error", "Nobody decided in time.", 86_400.0)
    open_ = run(STEPS.replace(", timeout: 24h", ""), "shop.ORDER", {"parts": []}, app=app)
    assert (open_.status, open_.tasks["asked"].state) == ("running", "awaiting_input")


def test_the_engines_retries_cost_no_time() -> None:
    retry = "retry: {max_attempts: 3, backoff: constant, initial: 1h}"
    done = rehearsed(f"{{x: {{task: BROKEN, {retry}}}}}")
    assert (done.status, done.tasks["x"].attempts, done.seconds) == ("error", 3, 7200.0)


def test_what_a_projects_tasks_define_is_found_and_may_be_a_step(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "own_canvas.py").write_text(
        "import umbel\nfrom celery import chain\n\n\n@umbel.task(name='CV_ADD')\ndef add(x, y=1): return x + y\n\n\n"
        "umbel.define('cv.PIPE', chain(add.s(1), add.s(5)))\n"
    )
    program = (
        "import sys; from pathlib import Path; from umbel.testing import run\n"
        "from umbel.service.check import read_project; home = Path(sys.argv[1])\n"
        "print(run(home, 'cv.PIPE').result)\n"
        "(home / 'workflows.yml').write_text('a.ONE: {tasks: {x: {workflow: cv.PIPE}}}')\n"
        "print(run(home).result, run(home, 'a.ONE').tasks['x'].run.status)\n"
        "print([str(each) for each in read_project(home, None)[0].catalog.problems])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["7", "7 success", "[]"], done.stderr


def test_wrong_arguments_are_told_by_name() -> None:
    with pytest.raises(TypeError, match="payload is a mapping of names to values, not list"):
        run("a.ONE: {tasks: [ECHO]}", payload=[1], app=app)  # type: ignore[arg-type]
    text = "a.ONE: {tasks: {ok: {type: approval}}}"
    with pytest.raises(BadRequest, match=r"a\.ONE has no approval 'okk'") as caught:
        run(text, app=app, approvals={"okk": True})
    assert caught.value.hint == "Did you mean 'ok'?"
