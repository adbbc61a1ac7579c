"""What the diagnosis says of runs in all conditions."""

import json
import re
from typing import Any

import pytest

from tests.serving import Call, Fail, Retry, Served
from umbel.errors import StateUnavailable
from umbel.service.models import Diagnosis

TRACE = (
    'Traceback (most recent call last):\n  File "/srv/app/tasks/lab.py", line 37, in b\n    raise\nValueError: boom\n'
)


def start(server: Served, definition: str = "demo.DIAMOND") -> str:
    return str(server.http.post("/api/v1/runs", json={"definition": definition}).json()["id"])


def diagnose(server: Served, run: str) -> Diagnosis:
    answer = server.http.get(f"/api/v1/runs/{run}/diagnosis")
    assert answer.status_code == 200, answer.text
    assert len(answer.content) <= 1500
    assert len(json.dumps(answer.json())) <= 1500
    return Diagnosis.model_validate_json(answer.content)


def alive(server: Served, name: str, **info: Any) -> None:
    server.engine.beat(0, name, info)


@pytest.fixture(autouse=True)
def no_workers(server: Served) -> None:
    for row in server.engine.workers():
        server.engine.beat(0, row["worker"], {}, leaving=True)
    server.engine.sweep(0)


def test_a_failed_run_names_cause_line_and_consequences(server: Served) -> None:
    run = start(server)

    def behave(call: Call) -> Any:
        if call.node.key != "B":
            return call.node.key
        return Retry("HTTP 500", "HTTPError") if call.attempt < 3 else Fail("boom\nmore", "ValueError", TRACE)

    server.work(behave)
    server.settled(run)
    found = diagnose(server, run)
    assert found.verdict == "B failed on attempt 3: ValueError: boom; 1 task never ran."
    assert found.root_cause is not None
    assert found.root_cause.model_dump() == {
        "run_id": None,
        "task": "B",
        "attempt": 3,
        "type": "ValueError",
        "message": "boom\nmore",
        "file_line": "/srv/app/tasks/lab.py:37",
    }
    assert [(each.attempt, each.outcome, each.wait) for each in found.attempts] == [
        (1, "retrying", 0.0),
        (2, "retrying", 0.0),
        (3, "error", None),
    ]
    assert found.chain == ["D never ran: needs B"]
    assert [(each.tool, each.arguments) for each in found.suggested_actions] == [
        ("get_task_logs", {"run_id": run, "key": "B"}),
        ("retry_run", {"run_id": run, "preview": True}),
        ("relaunch_run", {"run_id": run}),
    ]


def test_a_successful_run_is_short(server: Served) -> None:
    run = start(server)
    server.work(lambda call: Retry("x") if call.node.key == "C" and call.attempt == 1 else 1)
    server.settled(run)
    found = diagnose(server, run)
    assert found.verdict.startswith("Succeeded in ")
    assert found.verdict.endswith(" s after 1 retry: all 4 tasks are done.")
    assert (found.root_cause, found.waiting, found.chain) == (None, [], [])
    assert [(each.task, each.outcome) for each in found.attempts] == [("C", "retrying")]


def test_a_canceled_run(server: Served) -> None:
    run = start(server)
    server.work(lambda call: 1, only=["A"])
    server.projected(run, "task.succeeded")
    server.http.post(f"/api/v1/runs/{run}/cancel")
    found = diagnose(server, run)
    assert "; 1 of 4 tasks had finished." in found.verdict
    assert found.chain[0] == "B did not finish: the run was canceled"


def test_a_queued_task_without_any_worker(server: Served) -> None:
    run = start(server)
    server.projected(run, "run.launched")
    found = diagnose(server, run)
    reasons = {each.task: each.reason for each in found.waiting}
    assert reasons["A"].endswith(": no worker is alive")
    assert (reasons["B"], reasons["D"]) == ("needs A (queued)", "needs B (waiting), C (waiting)")
    assert found.waiting[0].task == "A"
    assert "A: queued for" in found.verdict
    assert [each.tool for each in found.suggested_actions] == ["list_workers", "wait_for_run"]


def test_a_task_that_waits_for_its_retry(server: Served) -> None:
    run = start(server, "demo.ONE")
    server.work(lambda call: Retry("HTTP 500", "HTTPError", delay=60.0))
    server.projected(run, "task.retrying")
    found = diagnose(server, run)
    # A minute only if the question comes within 50 ms.
    due = r"retry due in (5\d\.\d s|60\.0 s|1 min 0 s) \(attempt 1 failed: HTTP 500\)"
    assert re.fullmatch(due, found.waiting[0].reason)
    assert [(each.attempt, each.wait) for each in found.attempts] == [(1, 60.0)]


def test_a_run_that_was_accepted_but_not_launched(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise StateUnavailable("gone")

    monkeypatch.setattr(server.engine, "launch", down)
    monkeypatch.setattr(server.engine, "ping", down)
    monkeypatch.setattr(server.engine, "require_room", down)
    answer = server.http.post("/api/v1/runs", json={"definition": "demo.ONE"})
    assert answer.status_code == 201, "what is on disk is accepted"
    found = diagnose(server, answer.json()["id"])
    assert found.verdict.endswith(
        "and not launched yet: the state store does not answer; it is launched when that is back."
    )
    assert server.http.get("/readyz").status_code == 503
    monkeypatch.undo()
    canceled = server.http.post(f"/api/v1/runs/{answer.json()['id']}/cancel")
    assert canceled.json()["state"] == "canceled"
