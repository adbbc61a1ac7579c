"""`/api/v1`: starting, reading, waiting, ending runs."""

import json
import threading
from typing import Any

import pytest

from tests.serving import Call, Fail, Served
from tests.waiting import wait_until
from umbel.celery.codec import MAX_DEPTH
from umbel.service.models import Problem, Run, RunDetail, RunList


def start(server: Served, definition: str = "demo.DIAMOND", **more: Any) -> RunDetail:
    answer = server.http.post("/api/v1/runs", json={"definition": definition, **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/runs/{answer.json()['id']}"
    return RunDetail.model_validate_json(answer.content)


def get(server: Served, run_id: str) -> RunDetail:
    return RunDetail.model_validate_json(server.http.get(f"/api/v1/runs/{run_id}").content)


def problem(answer: Any, status: int) -> Problem:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    found = Problem.model_validate_json(answer.content)
    assert (found.status, found.instance) == (status, answer.request.url.path)
    return found


def echo(call: Call) -> Any:
    return {"key": call.node.key, "argument": call.arguments[0]}


def test_a_run_from_start_to_end(server: Served) -> None:
    run = start(server, payload={"size": 2}, comment="hello")
    assert (run.state, run.status, run.tasks_total, run.payload) == ("pending", "pending", 4, {"size": 2})
    assert [task.state for task in run.tasks] == ["waiting"] * 4
    server.work(echo)
    server.settled(run.id)
    done = get(server, run.id)
    assert (done.state, done.settled, done.tasks_done, done.comment) == ("success", True, 4, "hello")
    assert [task.key for task in done.tasks] == ["A", "B", "C", "D"]
    assert [task.needs for task in done.tasks] == [[], ["A"], ["A"], ["B", "C"]]
    assert done.result == done.tasks[3].result
    assert done.result["argument"][0] == {"key": "B", "argument": {"key": "A", "argument": None}}
    assert [(each.attempt, each.outcome, each.worker) for each in done.tasks[0].attempts] == [(1, "success", "w1@host")]
    assert done.created_at <= done.finished_at  # type: ignore[operator]
    task = server.http.get(f"/api/v1/runs/{run.id}/tasks/B").json()
    assert task == json.loads(done.tasks[1].model_dump_json())


def test_defaults_and_schema_of_the_payload(server: Served) -> None:
    assert start(server).payload == {"size": 1}
    refused = server.http.post("/api/v1/runs", json={"definition": "demo.DIAMOND", "payload": {"size": "big"}})
    found = problem(refused, 422)
    assert found.code == "UMB-012"
    assert [each.detail for each in found.errors] == ["'big' is not of type 'integer'"]
    assert "/api/v1/definitions/demo.DIAMOND" in (found.hint or "")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{nope", 400, "UMB-022"),
        (b"[]", 400, "UMB-022"),
        (b'{"definition": "demo.ONE", "payload": {"x": NaN}}', 400, "UMB-022"),
        (b'{"definition": "demo.ONE", "wait": 3}', 400, "UMB-022"),
        (b'{"definition": "demo.ONE", "idempotency_key": "x"}', 400, "UMB-022"),
        (b'{"payload": {}}', 422, "UMB-022"),
        (b'{"definition": "demo.ONE", "nonsense": 1}', 422, "UMB-022"),
        (b'{"definition": "demo.ONE", "payload": []}', 422, "UMB-022"),
        (b'{"definition": "demo.NOPE"}', 404, "UMB-011"),
        (b'{"definition": "demo.BROKEN"}', 409, "UMB-010"),
        (b'{"definition": "demo.ONE", "payload": {"x": "%s"}}' % (b"x" * 21_000), 413, "UMB-013"),
        (b'{"definition": "demo.ONE", "payload": {"x": "%s"}}' % (b"x" * 99_000), 413, "UMB-013"),
    ],
)
def test_bad_requests_are_problems(server: Served, body: bytes, status: int, code: str) -> None:
    found = problem(server.http.post("/api/v1/runs", content=body), status)
    assert (found.code, bool(found.hint)) == (code, True)


def lists(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize("depth", [MAX_DEPTH, 900])
def test_a_payload_nested_too_deep_is_refused(server: Served, depth: int) -> None:
    director = {"project": "demo", "name": "ONE", "payload": {"x": lists(depth)}}
    refused = server.http.post("/api/workflows", json=director)
    assert (refused.status_code, refused.json()["error"]) == (
        400,
        "The payload nests lists and objects more than 190 deep.",
    )
    problem(server.http.post("/api/v1/runs", json={"definition": "demo.ONE", "payload": director["payload"]}), 400)


def test_the_deepest_values_come_back(server: Served) -> None:
    run = start(server, "demo.ONE", payload={"x": lists(MAX_DEPTH - 1)})
    server.work(lambda _: lists(MAX_DEPTH))
    server.settled(run.id)
    done = get(server, run.id)
    assert (done.payload, done.result) == ({"x": lists(MAX_DEPTH - 1)}, lists(MAX_DEPTH))


def test_a_result_that_an_older_worker_nested_deeper_comes_back(server: Served) -> None:
    run = start(server, "demo.ONE")
    server.work(lambda _: lists(400))
    server.settled(run.id)
    for path in ("", "/tasks/A"):
        answer = server.http.get(f"/api/v1/runs/{run.id}{path}")
        assert answer.status_code == 200
        assert answer.json()["result"] == lists(400)
        assert answer.json()["finished_at"].endswith("Z")
        assert len(answer.json()["finished_at"]) == len("2026-11-22T16:58:34.123Z")


def test_validation_problems_point_at_the_field(server: Served) -> None:
    found = problem(server.http.post("/api/v1/runs?wait=99", json={"definition": 1, "extra": 2}), 422)
    assert {each.pointer for each in found.errors} == {"/definition", "/extra", "query wait"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/nope", 404),
        ("/api/v1/runs/x", 404),
        ("/api/v1/runs/280d0c40-65d0-4063-a800-a3b674562711", 404),
        ("/api/v1/runs/280d0c40-65d0-4063-a800-a3b674562711/events", 404),
        ("/api/v1/definitions/demo.NOPE", 404),
        ("/api/v1/runs?nonsense=1", 400),
        ("/api/v1/runs?cursor=zzz", 400),
        ("/api/v1/runs?since=yesterday", 400),
        ("/api/v1/runs?limit=0", 422),
        ("/api/v1/runs?status=great", 422),
        ("/api/v1/tools?format=basic", 400),
        ("/nope", 404),
    ],
)
def test_bad_paths_and_queries_are_problems(server: Served, path: str, status: int) -> None:
    problem(server.http.get(path), status)


def test_wrong_method(server: Served) -> None:
    answer = server.http.delete("/api/v1/runs/x")
    problem(answer, 405)
    assert "GET" in answer.headers["allow"]


def test_idempotency_key(server: Served) -> None:
    def post(key: str, size: int) -> Any:
        body = {"definition": "demo.DIAMOND", "payload": {"size": size}}
        return server.http.post("/api/v1/runs", json=body, headers={"Idempotency-Key": key})

    first = post('"order \\"7\\""', 1)
    assert first.status_code == 201
    assert post('order "7"', 1).json()["id"] == first.json()["id"], "quoted or bare"
    found = problem(post('order "7"', 2), 422)
    assert found.code == "UMB-023"
    assert post("another", 1).json()["id"] != first.json()["id"]
    problem(post('""', 1), 422)
    assert len(server.messages) == 2, "a repeated request sends nothing"


def test_the_same_key_from_many_clients_starts_one_run(server: Served) -> None:
    ids: list[str] = []

    def post() -> None:
        body = {"definition": "demo.ONE"}
        ids.append(server.http.post("/api/v1/runs", json=body, headers={"Idempotency-Key": "race"}).json()["id"])

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_wait(server: Served) -> None:
    run = start(server)
    assert server.http.get(f"/api/v1/runs/{run.id}/wait?timeout=0").status_code == 202
    assert server.http.get(f"/api/v1/runs/{run.id}/wait?timeout=0.01").json()["state"] == "pending"
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(server.http.get(f"/api/v1/runs/{run.id}/wait?timeout=20")))
    thread.start()
    wait_until(lambda: server.umbel.feed.wanted(run.id), what="waiting client")
    server.work(echo)
    thread.join(20)
    assert (answers[0].status_code, answers[0].json()["state"]) == (200, "success")
    assert server.http.get(f"/api/v1/runs/{run.id}/wait").status_code == 200


def test_start_and_wait(server: Served) -> None:
    early = server.http.post("/api/v1/runs?wait=0.01", json={"definition": "demo.ONE"})
    assert (early.status_code, early.json()["state"]) == (202, "pending")
    server.messages.clear()
    answers: list[Any] = []
    thread = threading.Thread(
        target=lambda: answers.append(server.http.post("/api/v1/runs?wait=20", json={"definition": "demo.ONE"}))
    )
    thread.start()
    wait_until(lambda: server.messages and server.umbel.feed.wanted(server.messages[0].run), what="waiting client")
    server.work(echo)
    thread.join(20)
    assert (answers[0].status_code, answers[0].json()["state"]) == (200, "success")
    assert answers[0].json()["result"] == {"key": "A", "argument": None}


def test_cancel(server: Served) -> None:
    run = start(server)
    server.work(echo, only=["A"])
    answer = server.http.post(f"/api/v1/runs/{run.id}/cancel")
    assert (answer.status_code, Run.model_validate_json(answer.content).state) == (200, "canceled")
    found = get(server, run.id)
    assert found.state == "canceled"
    assert [task.state for task in found.tasks] == ["success", "canceled", "canceled", "canceled"]
    server.work(echo)
    assert server.http.post(f"/api/v1/runs/{run.id}/cancel").json()["state"] == "canceled"


def test_cancel_of_a_finished_run_changes_nothing(server: Served) -> None:
    run = start(server, "demo.ONE")
    server.work(echo)
    server.settled(run.id)
    assert server.http.post(f"/api/v1/runs/{run.id}/cancel").json()["state"] == "success"


def test_relaunch(server: Served) -> None:
    run = start(server, payload={"size": 7})
    answer = server.http.post(f"/api/v1/runs/{run.id}/relaunch")
    assert answer.status_code == 201
    again = get(server, answer.json()["id"])
    assert (again.relaunch_of, again.payload) == (run.id, {"size": 7})
    assert answer.headers["location"].endswith(again.id)


def test_lists_pages_and_filters(server: Served) -> None:
    ids = [start(server, "demo.GPU", comment=f"needle {number}").id for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = RunList.model_validate_json(
            server.http.get(f"/api/v1/runs?definition=demo.GPU&q=needle&limit=2{cursor}").content
        )
        seen += [run.id for run in page.items]
        if page.next_cursor is None:
            break
        cursor = f"&cursor={page.next_cursor}"
    assert seen == ids[::-1]
    assert server.http.get("/api/v1/runs?status=error,canceled&q=needle").json()["items"] == []
    assert len(server.http.get("/api/v1/runs?status=pending&status=error&q=needle").json()["items"]) == 5
    assert (
        len(server.http.get("/api/v1/runs?q=needle&since=2020-01-01T00:00:00Z&until=2100-01-01").json()["items"]) == 5
    )
    assert server.http.get("/api/v1/runs?q=needle&until=1000000000").json()["items"] == []


def test_failed_run(server: Served) -> None:
    run = start(server)
    server.work(lambda call: Fail("boom", "ValueError") if call.node.key == "B" else echo(call))
    server.settled(run.id)
    found = get(server, run.id)
    assert (found.state, found.failed_task, found.error, found.result) == ("error", "B", "boom", None)
    assert [task.state for task in found.tasks] == ["success", "error", "success", "upstream_failed"]
    assert found.tasks[1].error is not None
    assert (found.tasks[1].error.type, found.tasks[1].error.message) == ("ValueError", "boom")


def test_values_that_json_cannot_carry(server: Served) -> None:
    run = start(server, "demo.ONE")
    date = {"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}
    server.work(lambda call: {"nan": float("nan"), "date": date, "half": "\ud800", "big": 10**30})
    server.settled(run.id)
    found = json.loads(server.http.get(f"/api/v1/runs/{run.id}").text, parse_constant=pytest.fail)
    assert found["result"] == {"nan": None, "date": "2026-01-02T03:04:05", "half": "?", "big": 10**30}


def test_logs(server: Served) -> None:
    run = start(server)
    server.work(echo, only=["A"])
    token, _ = server.claim(server.messages[0])  # type: ignore[misc]
    server.engine.log(token, [(1, "stdout", "one"), (2, "warning", "two"), (3, "stdout", "three")])
    server.projected(run.id, "task.log")
    page = server.http.get(f"/api/v1/runs/{run.id}/logs?limit=2").json()
    assert [(line["task"], line["stream"], line["line"]) for line in page["items"]] == [
        ("B", "stdout", "one"),
        ("B", "warning", "two"),
    ]
    rest = server.http.get(f"/api/v1/runs/{run.id}/tasks/B/logs?after={page['next_after']}").json()
    assert ([line["line"] for line in rest["items"]], rest["next_after"]) == (["three"], None)
    assert server.http.get(f"/api/v1/runs/{run.id}/tasks/A/logs").json()["items"] == []
    problem(server.http.get(f"/api/v1/runs/{run.id}/tasks/NOPE/logs"), 404)


def test_definitions(server: Served) -> None:
    found = server.http.get("/api/v1/definitions").json()
    assert [each["name"] for each in found["items"]] == ["demo.BROKEN", "demo.DIAMOND", "demo.GPU", "demo.ONE"]
    assert "nobody" in found["items"][0]["problems"][0]
    one = server.http.get("/api/v1/definitions/demo.DIAMOND").json()
    assert one["schema"]["properties"]["size"] == {"type": "integer"}
    assert [(task["key"], task["needs"]) for task in one["tasks"]] == [
        ("A", []),
        ("B", ["A"]),
        ("C", ["A"]),
        ("D", ["B", "C"]),
    ]


def test_workers(server: Served) -> None:
    server.engine.beat(0, "w9@box", {"queues": ["celery"], "pid": 7, "concurrency": 2, "pool": "prefork"})
    (found,) = [each for each in server.http.get("/api/v1/workers").json()["items"] if each["name"] == "w9@box"]
    assert (found["alive"], found["queues"], found["pid"], found["pool"]) == (True, ["celery"], 7, "prefork")
    server.engine.beat(0, "w9@box", {}, leaving=True)


def test_health(server: Served) -> None:
    assert server.http.get("/healthz").json() == {"status": "ok"}
    assert server.http.get("/readyz").json() == {"status": "ok", "state": "ok", "database": "ok"}
