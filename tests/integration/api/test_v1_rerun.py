"""Retry: failed tasks once more in the same run, whatever happens in between. Proves its part of [U-1]."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from tests.serving import Call, Expand, Fail, Served, Spawn, serving
from tests.waiting import wait_until
from umbel.service.models import Problem, Retry, RunDetail

WORKFLOWS = """
demo.DIAMOND:
  tasks: [A, {G: {type: group, tasks: [B, C]}}, D]
  hooks: {success: GOOD, failure: BAD}
demo.MAP:
  tasks:
    list: {task: LIST}
    score: {task: SCORE, needs: [list], map: "${tasks.list.result}"}
    after: {task: AFTER, needs: [score]}
demo.SUB:
  tasks: {sub: {workflow: demo.MAP, payload: {}}}
demo.CLEAN:
  tasks:
    try: {task: A}
    clean: {task: B, needs: [try], run_if: all_done}
demo.LIMITED: {tasks: [A], concurrency: {limit: 1}}
"""


@pytest.fixture(scope="module")
def shared(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    (home / "workflows.yml").write_text(WORKFLOWS)
    with serving(home, tmp_path_factory.mktemp("database"), f"{valkey_url[:-1]}5") as served:
        yield served


@pytest.fixture
def server(shared: Served) -> Served:
    shared.messages.clear()
    return shared


def start(server: Served, definition: str) -> str:
    answer = server.http.post("/api/v1/runs", json={"definition": definition})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def retry(server: Served, run: str, *tasks: str, preview: bool = False) -> Retry:
    answer = server.http.post(
        f"/api/v1/runs/{run}/retry",
        params={"preview": "true"} if preview else {},
        json={"tasks": tasks} if tasks else {},
    )
    assert answer.status_code == 200, answer.text
    return Retry.model_validate_json(answer.content)


def refused(server: Served, run: str, *tasks: str) -> Problem:
    answer = server.http.post(f"/api/v1/runs/{run}/retry", json={"tasks": tasks} if tasks else {})
    assert answer.status_code == 409, answer.text
    return Problem.model_validate_json(answer.content)


def get(server: Served, run: str) -> RunDetail:
    return RunDetail.model_validate_json(server.http.get(f"/api/v1/runs/{run}").content)


class Worker:
    """Does what is asked; the tasks in `failing` fail. Remembers what it was called for."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.called: list[str] = []

    def __call__(self, call: Call) -> Any:
        self.called.append(call.key)
        if call.key in self.failing:
            return Fail("boom", "ValueError")
        if call.node.workflow is not None:
            return Spawn({})
        if call.node.map is not None and call.key == call.node.key:
            return Expand([10, 20, 30])
        return f"{call.key}!"


def failed_diamond(server: Served) -> str:
    run = start(server, "demo.DIAMOND")
    server.work(Worker("B"))
    server.settled(run)
    return run


def states(run: RunDetail) -> dict[str, str]:
    return {task.key: task.state.value for task in run.tasks}


def test_what_failed_runs_again_and_what_succeeded_keeps_its_result(server: Served) -> None:
    run = failed_diamond(server)
    before = retry(server, run, preview=True)
    assert [(each.key, each.state, each.attempts, each.repeats) for each in before.would_run] == [
        ("B", "error", 1, False),
        ("D", "upstream_failed", 0, False),
    ]
    assert (before.kept, before.repeats, before.state, before.epoch) == (["A", "C"], [], "error", 1)
    assert server.messages == []
    after = retry(server, run)
    assert (after.id, after.state, after.epoch, after.settled, after.failed_task) == (run, "pending", 2, False, None)
    assert states(get(server, run)) == {"A": "success", "B": "queued", "C": "success", "D": "waiting"}
    again = Worker()
    server.work(again)
    server.settled(run)
    assert again.called == ["B", "D", "GOOD"]
    done = get(server, run)
    assert (done.state, done.tasks_done, done.result, done.retries) == ("success", 4, "D!", 0)
    (b,) = [task for task in done.tasks if task.key == "B"]
    assert [(each.attempt, each.epoch, each.outcome) for each in b.attempts] == [(1, 1, "error"), (2, 2, "success")]
    events = server.umbel.store.events(run)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


def test_from_a_chosen_task_even_of_a_run_that_succeeded(server: Served) -> None:
    run = start(server, "demo.DIAMOND")
    server.work(Worker())
    server.settled(run)
    found = refused(server, run)
    assert (found.code, "Name the tasks" in (found.hint or "")) == ("UMB-029", True)
    assert retry(server, run, "C", preview=True).repeats == ["C", "D"]
    retry(server, run, "C")
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert worker.called == ["C", "D", "GOOD"], "the hook is called once for each epoch"
    assert server.http.post(f"/api/v1/runs/{run}/retry", json={"tasks": ["X"]}).status_code == 404


def test_what_runs_after_a_failure_runs_again_too(server: Served) -> None:
    run = start(server, "demo.CLEAN")
    server.work(Worker("try"))
    server.settled(run)
    assert retry(server, run, preview=True).repeats == ["clean"]
    retry(server, run)
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert (worker.called, get(server, run).state) == (["try", "clean"], "success")


def test_a_failed_task_that_is_kept_keeps_the_run_an_error(server: Served) -> None:
    run = failed_diamond(server)
    assert retry(server, run, "C").state == "error"
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert (worker.called, get(server, run).failed_task) == (["C"], "B")


def test_a_map_keeps_the_items_that_succeeded(server: Served) -> None:
    run = start(server, "demo.MAP")
    server.work(Worker("score[1]"))
    server.settled(run)
    failed = get(server, run)
    assert (failed.failed_task, failed.tasks_total, failed.tasks_done) == ("score[1]", 6, 5)
    score = next(task for task in failed.tasks if task.key == "score")
    assert (score.kind, score.items and score.items.model_dump()) == (
        "map",
        {"total": 3, "states": {"success": 2, "error": 1}},
    )
    (would, _) = retry(server, run, preview=True).would_run
    assert (would.key, would.items, would.items_kept, would.repeats) == ("score", 1, 2, False)
    retry(server, run)
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert worker.called == ["score", "score[1]", "after"]
    done = get(server, run)
    assert (done.state, done.tasks_done, done.tasks_total) == ("success", 6, 6)
    found = server.http.get(f"/api/v1/runs/{run}/tasks/score").json()
    assert found["result"] == ["score[0]!", "score[1]!", "score[2]!"]
    retry(server, run, "score[2]")
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert worker.called == ["score", "score[2]", "after"], "one item, if it is asked for"
    retry(server, run, "list")
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert worker.called == ["list", "score", "score[0]", "score[1]", "score[2]", "after"], "what it needs ran again"


def test_it_works_without_the_keys_of_the_state_store(server: Served, valkey_url: str) -> None:
    run = failed_diamond(server)
    wait_until(lambda: server.umbel.store.position(0) is not None, what="position")
    with redis.Redis.from_url(f"{valkey_url[:-1]}5") as client:
        client.flushdb()
    retry(server, run)
    server.work(Worker())
    server.settled(run)
    assert get(server, run).state == "success"


def test_a_crash_between_the_commit_and_the_restore(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    run = failed_diamond(server)
    with monkeypatch.context() as crashed:
        crashed.setattr(server.umbel, "try_launch", lambda row: None)
        crashed.setattr("umbel.service.rerun.once", lambda umbel, run_id, *_: umbel.store.run(run_id))
        assert retry(server, run).state == "pending"
    assert refused(server, run).code == "UMB-029"
    later = server.umbel.store.unlaunched_runs(2**53)
    assert [row.id for row in later] == [run]
    server.umbel.launch(later[0])
    server.umbel.launch(later[0])  # and once more: harmless
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert (worker.called, get(server, run).state) == (["B", "D", "GOOD"], "success")
    assert server.umbel.store.unlaunched_runs(2**53) == []


def test_what_cannot_run_again(server: Served) -> None:
    run = start(server, "demo.DIAMOND")
    assert "has not ended" in refused(server, run).detail
    server.work(Worker("C"), only=["A", "C"])
    server.claim(server.messages[0])  # B is in the hands of a worker
    wait_until(lambda: get(server, run).state == "error", what="error")
    assert retry(server, run, preview=True).preview
    parent = start(server, "demo.SUB")
    server.messages[:] = [item for item in server.messages if item.run == parent]
    server.work(Worker("score[0]"))
    child = wait_until(lambda: get(server, parent).tasks[0].run, what="child")
    server.settled(child)
    found = refused(server, child)
    assert parent in (found.hint or "")
    server.tick()
    server.settled(parent)
    assert get(server, parent).failed_task == "sub"
    retry(server, parent)
    server.work(Worker())
    server.tick()
    server.settled(parent)
    done = get(server, parent)
    assert (done.state, done.result, done.tasks[0].run == child) == ("success", "after!", False)
    sub = get(server, str(done.tasks[0].run))
    assert (sub.parent_run, sub.parent_task, sub.definition, sub.state) == (parent, "sub", "demo.MAP", "success")


def test_a_canceled_run_goes_on_where_it_stopped(server: Served) -> None:
    run = start(server, "demo.DIAMOND")
    server.work(Worker(), only=["A"])
    server.http.post(f"/api/v1/runs/{run}/cancel")
    server.settled(run)
    server.messages.clear()
    retry(server, run)
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert (sorted(worker.called), get(server, run).state) == (["B", "C", "D", "GOOD"], "success")


def test_a_retry_waits_for_its_turn_like_any_run(server: Served) -> None:
    run = start(server, "demo.LIMITED")
    server.work(Worker("A"))
    server.settled(run)
    other = start(server, "demo.LIMITED")
    assert retry(server, run).held
    server.work(Worker())
    server.settled(other)
    wait_until(lambda: server.messages, what="turn")
    server.work(Worker())
    server.settled(run)
    assert (get(server, run).state, get(server, run).epoch) == ("success", 2)


def lost(server: Served, valkey_url: str, *runs: str) -> None:
    """The state store loses these runs, when the history has it all; the next looks rebuild them, in this order."""
    rows = [server.umbel.store.run(run) for run in runs]
    with redis.Redis.from_url(f"{valkey_url[:-1]}5") as client:
        for run in runs:
            client.delete(*client.scan_iter(f"*:{run}"))
    server.messages.clear()
    for row in rows:
        assert row is not None
        server.umbel.try_rebuild(row)


@pytest.mark.parametrize(("failing", "hook", "state"), [("B", "BAD", "error"), ("", "GOOD", "success")])
def test_a_hook_that_had_been_called_is_not_lost(
    server: Served, valkey_url: str, failing: str, hook: str, state: str
) -> None:
    run = start(server, "demo.DIAMOND")
    server.work(Worker(failing), only=["A", "B", "C", "D"])
    wait_until(lambda: [task for task in get(server, run).tasks if task.hook], what="hook")
    ended = wait_until(lambda: get(server, run).finished_at, what="end")
    lost(server, valkey_url, run)
    worker = Worker()
    server.work(worker)
    server.settled(run)
    found = get(server, run)
    assert (worker.called, found.state, found.epoch, found.finished_at) == ([hook], state, 2, ended)
    assert (states(found)[hook], found.failed_task) == ("success", failing or None)
    types = [event.type for event in server.umbel.store.events(run)]
    assert sum(each in ("run.failed", "run.succeeded") for each in types) == 1


def test_a_hook_that_has_ended_is_not_called_again(server: Served, valkey_url: str) -> None:
    run = start(server, "demo.DIAMOND")
    server.work(Worker("B"), only=["A", "B", "BAD"])
    wait_until(lambda: states(get(server, run)).get("BAD") == "success", what="end of the hook")
    lost(server, valkey_url, run)
    worker = Worker()
    server.work(worker)
    server.settled(run)
    assert (worker.called, states(get(server, run))["BAD"]) == (["C"], "success")


@pytest.mark.parametrize("first", ["parent", "child"])
def test_a_run_that_a_lost_run_waits_for_goes_on(server: Served, valkey_url: str, first: str) -> None:
    """[U-1] What it has done is not done again."""
    parent = start(server, "demo.SUB")
    server.work(Worker(), only=["sub", "list"])
    child = wait_until(lambda: get(server, parent).tasks[0].run, what="child")
    wait_until(lambda: states(get(server, child)).get("score") == "queued", what="first task of the child")
    lost(server, valkey_url, *((parent, child) if first == "parent" else (child, parent)))
    worker = Worker()
    server.work(worker)
    server.settled(child)
    server.tick()
    server.settled(parent)
    done = get(server, parent)
    assert (done.state, done.tasks[0].run, get(server, child).epoch) == ("success", child, 2)
    assert sorted(worker.called) == ["after", "score", "score[0]", "score[1]", "score[2]"]
    assert done.result == "after!"


@pytest.mark.parametrize("end", ["success", "canceled"])
def test_a_lost_run_hears_of_an_end_that_only_the_history_knows(server: Served, valkey_url: str, end: str) -> None:
    parent = start(server, "demo.SUB")
    server.work(Worker(), only=["sub"])
    child = wait_until(lambda: get(server, parent).tasks[0].run, what="child")
    if end == "success":
        server.work(Worker(), only=["list", "score", "score[0]", "score[1]", "score[2]", "after"])
    else:
        server.http.post(f"/api/v1/runs/{child}/cancel").raise_for_status()
    server.settled(child)
    assert states(get(server, parent))["sub"] == "expanded", "its loops do not run here"
    lost(server, valkey_url, parent)
    server.tick()
    server.settled(parent)
    done = get(server, parent)
    assert (done.state, done.tasks[0].run) == ("success" if end == "success" else "error", child)


def test_a_retry_that_keeps_a_failed_task_is_waited_for(server: Served) -> None:
    run = failed_diamond(server)
    again = retry(server, run, "C")
    assert (again.state, again.over, again.finished_at) == ("error", False, None)
    wait = server.http.get(f"/api/v1/runs/{run}/wait", params={"timeout": 0.1})
    assert (wait.status_code, wait.json()["finished_at"]) == (202, None)
    server.work(Worker())
    server.settled(run)
    wait = server.http.get(f"/api/v1/runs/{run}/wait", params={"timeout": 10})
    assert (wait.status_code, wait.json()["finished_at"] is None) == (200, False)


def test_cancel_between_the_commit_and_the_restore(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for tasks, state in ((), "canceled"), (("C",), "error"):
        run = failed_diamond(server)
        with monkeypatch.context() as crashed:
            crashed.setattr(server.umbel, "try_launch", lambda row: None)
            crashed.setattr("umbel.service.rerun.once", lambda umbel, run_id, *_: umbel.store.run(run_id))
            retry(server, run, *tasks)
        server.messages.clear()
        canceled = server.http.post(f"/api/v1/runs/{run}/cancel").json()
        assert (canceled["state"], canceled["stopped"]) == (state, True)
        server.settled(run)
        server.umbel.try_launch(server.umbel.store.run(run))  # type: ignore[arg-type]
        assert (server.messages, server.umbel.store.unlaunched_runs(2**53)) == ([], [])


def test_a_retry_of_no_task_is_refused(server: Served) -> None:
    run = failed_diamond(server)
    answer = server.http.post(f"/api/v1/runs/{run}/retry", json={"tasks": []})
    assert answer.status_code == 422, answer.text
    assert "leave `tasks` out" in answer.json()["detail"]
    assert get(server, run).epoch == 1
