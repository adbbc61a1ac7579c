"""Maps, sub-runs, approvals, pauses and deadlines as `/api/v1` shows and controls them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serving import Ask, Call, Expand, Fail, Served, Spawn, serving
from tests.waiting import wait_until
from umbel.machine import Code
from umbel.service.models import Diagnosis, Event, Problem, RunDetail, TaskList

WORKFLOWS = """
demo.MAP:
  tasks:
    score: {task: SCORE, map: [1, 2, 3]}
    after: {task: AFTER, needs: [score]}
demo.SUB:
  tasks: {sub: {workflow: demo.MAP, payload: {}}}
demo.ASK:
  tasks:
    ask: {type: approval, timeout: 1h}
    go: {task: GO, needs: [ask]}
demo.TWO: {tasks: [{G: {type: group, tasks: [A, B]}}, C], deadline: 1h}
"""


@pytest.fixture(scope="module")
def shared(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    (home / "workflows.yml").write_text(WORKFLOWS)
    with serving(home, tmp_path_factory.mktemp("database"), f"{valkey_url[:-1]}6") as served:
        yield served


@pytest.fixture
def server(shared: Served) -> Served:
    shared.messages.clear()
    return shared


def start(server: Served, definition: str) -> str:
    return str(server.http.post("/api/v1/runs", json={"definition": definition}).json()["id"])


def get(server: Served, run: str) -> RunDetail:
    return RunDetail.model_validate_json(server.http.get(f"/api/v1/runs/{run}").content)


def post(server: Served, path: str, **body: Any) -> Any:
    answer = server.http.post(f"/api/v1/runs/{path}", **({"json": body} if body else {}))
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(server: Served, path: str) -> Problem:
    answer = server.http.post(f"/api/v1/runs/{path}")
    assert answer.status_code == 409, answer.text
    return Problem.model_validate_json(answer.content)


def diagnose(server: Served, run: str) -> Diagnosis:
    return Diagnosis.model_validate_json(server.http.get(f"/api/v1/runs/{run}/diagnosis").content)


def behave(call: Call) -> Any:
    if call.node.approval:
        return Ask(3600)
    if call.node.workflow:
        return Spawn({"x": 1})
    if call.node.map is not None and call.key == call.node.key:
        return Expand(call.node.map)
    return call.arguments[0]


def test_items_are_tasks_and_the_run_stays_small(server: Served) -> None:
    run = start(server, "demo.MAP")
    server.work(lambda _: Expand(list(range(10_000))), only=["score"])
    server.projected(run, "task.expanded")
    server.work(behave, only=["score[3]"])
    wait_until(lambda: get(server, run).tasks_done == 1, what="one item")
    answer = server.http.get(f"/api/v1/runs/{run}")
    assert len(answer.content) < 5_000
    score = RunDetail.model_validate_json(answer.content).tasks[0]
    assert score.items is not None
    assert (score.kind, score.state, score.items.total) == ("map", "expanded", 10_000)
    assert score.items.states == {"waiting": 9_499, "queued": 500, "success": 1}
    assert get(server, run).tasks_total == 10_002
    reason = diagnose(server, run).waiting[0].reason
    assert reason == "1 of 10000 items ended, 500 queued, 9499 waiting"
    page = TaskList.model_validate_json(server.http.get(f"/api/v1/runs/{run}/tasks?parent=score&limit=4").content)
    assert [(each.key, each.kind, each.parent, each.state) for each in page.items][2:] == [
        ("score[2]", "item", "score", "queued"),
        ("score[3]", "item", "score", "success"),
    ]
    last = server.http.get(f"/api/v1/runs/{run}/tasks?parent=score&cursor=10001").json()
    assert ([each["key"] for each in last["items"]], last["next_cursor"]) == (["score[9999]"], None)
    item = server.http.get(f"/api/v1/runs/{run}/tasks/score[3]").json()
    assert (item["result"], item["attempts"][0]["outcome"], item["task"]) == (3, "success", "SCORE")
    assert server.http.get(f"/api/v1/runs/{run}/tasks/score[10000]").status_code == 404
    assert [each["key"] for each in server.http.get(f"/api/v1/runs/{run}/tasks").json()["items"]] == ["score", "after"]
    assert server.http.get(f"/api/v1/runs/{run}/tasks?parent=after").status_code == 400
    told = [event for event in server.umbel.store.events(run) if event.type == "task.expanded"]
    names = server.umbel.names_of(run, *told[0].data["released"])
    assert names is not None
    assert names.key(told[0].data["released"][-1]) == "score[499]"
    post(server, f"{run}/cancel")
    assert get(server, run).tasks[0].items.states == {"success": 1, "canceled": 9_999}  # type: ignore[union-attr]
    assert server.http.get(f"/api/workflows/{run}").json()["tasks"][0]["status"] == "canceled"


def test_a_run_that_a_task_has_started(server: Served) -> None:
    run = start(server, "demo.SUB")
    server.work(behave, only=["sub"])
    child = wait_until(lambda: get(server, run).tasks[0].run, what="child")
    found = wait_until(lambda: server.http.get(f"/api/v1/runs/{child}").status_code == 200 and get(server, child))
    assert (found.definition, found.payload, found.parent_run, found.parent_task) == ("demo.MAP", {"x": 1}, run, "sub")
    assert get(server, run).tasks[0].kind == "workflow"
    assert f"waits for the run {child} that it started" in diagnose(server, run).waiting[0].reason
    server.work(behave)
    server.settled(child)
    server.tick()
    server.settled(run)
    assert get(server, run).result == get(server, child).result == [1, 2, 3]


@pytest.mark.parametrize("approved", [True, False])
def test_a_person_decides(server: Served, approved: bool) -> None:
    run = start(server, "demo.ASK")
    assert "does not wait for a decision" in refused(server, f"{run}/tasks/ask/approve").detail
    server.work(behave)
    server.projected(run, "task.asked")
    waiting = get(server, run).tasks[0]
    assert (waiting.kind, waiting.state, waiting.due_at is not None) == ("approval", "awaiting_input", True)
    found = diagnose(server, run)
    assert f"`umbel approve {run} ask`" in found.waiting[0].reason
    assert found.suggested_actions[0].tool == "approve_task"
    assert server.http.post(f"/api/v1/runs/{run}/tasks/nope/approve").status_code == 404
    post(server, f"{run}/tasks/ask/{'approve' if approved else 'reject'}", comment="as agreed")
    again = refused(server, f"{run}/tasks/ask/approve")
    assert again.code == "UMB-029"
    task = get(server, run).tasks[0]
    if approved:
        assert task.result == {"approved": True, "by": "api", "comment": "as agreed"}
        server.work(behave)
        server.settled(run)
        assert get(server, run).state == "success"
    else:
        assert task.error is not None
        assert (task.error.type, task.error.message) == ("Rejected", "Rejected by api: as agreed")
        server.settled(run)
        assert [each.state for each in get(server, run).tasks] == ["error", "upstream_failed"]


def test_pause_and_resume(server: Served) -> None:
    run = start(server, "demo.TWO")
    assert "is not paused" in refused(server, f"{run}/resume").detail
    server.work(behave, only=["A"])
    assert post(server, f"{run}/pause")["paused"] is True
    item = server.messages.pop()
    assert server.engine.claim(item.run, item.task, item.epoch, worker="w", pid=1).code is Code.PAUSED
    found = diagnose(server, run)
    assert found.verdict.startswith("Paused: nothing new begins. ")
    assert found.suggested_actions[0].tool == "resume_run"
    assert post(server, f"{run}/resume")["paused"] is False
    server.work(behave)
    server.settled(run)
    assert get(server, run).state == "success"
    assert "has ended" in refused(server, f"{run}/pause").detail


def test_cancel_of_a_failed_run_ends_what_it_still_does(server: Served) -> None:
    run = start(server, "demo.TWO")
    server.work(lambda call: Fail("boom"), only=["A"])
    wait_until(lambda: get(server, run).state == "error", what="error")
    found = post(server, f"{run}/cancel")
    assert (found["state"], found["stopped"]) == ("error", True)
    assert [task.state for task in get(server, run).tasks] == ["error", "canceled", "upstream_failed"]
    server.settled(run)
    assert post(server, f"{run}/cancel")["state"] == "error"


def test_a_deadline_is_shown(server: Served) -> None:
    run = start(server, "demo.TWO")
    wait_until(lambda: get(server, run).deadline_at, what="launch in SQL")
    shown = get(server, run)
    assert shown.deadline_at is not None
    assert 3500 < (shown.deadline_at - shown.created_at).total_seconds() < 3700


def test_the_feed_tells_keys_of_items(server: Served) -> None:
    run = start(server, "demo.MAP")
    server.work(behave)
    server.settled(run)
    with server.http.stream("GET", f"/api/v1/runs/{run}/events", headers={"Last-Event-ID": "0"}) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    events = [Event.model_validate_json(line) for line in lines]
    (expanded,) = [event for event in events if event.type == "task.expanded"]
    assert (expanded.state, expanded.data["released"]) == ("expanded", ["score[0]", "score[1]", "score[2]"])
    assert {event.task for event in events} >= {"score", "score[1]", "after"}
    assert json.loads(lines[-1])["type"] == "run.settled"


def test_a_run_that_failed_tells_the_task_that_has_started_it_why(server: Served) -> None:
    run = start(server, "demo.SUB")
    server.work(lambda call: Fail("boom", "ValueError") if call.key == "score[1]" else behave(call))
    child = str(wait_until(lambda: get(server, run).tasks[0].run, what="child"))
    server.settled(child)
    server.tick()
    server.settled(run)
    why = f"The run {child} that it started ended as error. score[1]: boom"
    found = get(server, run)
    assert (found.error, found.tasks[0].error and found.tasks[0].error.message) == (why, why)
    told = diagnose(server, run)
    assert f"{why};" in told.verdict or told.verdict.endswith(f"{why}.")
    assert told.root_cause is not None
    cause = told.root_cause
    assert (cause.run_id, cause.task, cause.attempt, cause.type, cause.message) == (
        child, "score[1]", 1, "ValueError", "boom",
    )  # fmt: skip
    assert [(each.tool, each.arguments.get("run_id")) for each in told.suggested_actions] == [
        ("diagnose_run", child),
        ("get_task_logs", child),
        ("retry_run", run),
        ("relaunch_run", run),
    ]
