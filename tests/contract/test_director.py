"""celery-director's recorded answers, replayed: status, headers and body to the byte, ids and times aside.

Not replayed:
- `yaml-RETURN_BYTES`: Director breaks (500) on its own row; here bytes are shown as base64.
- `pg-*`, `ui-*`: not in this folder. Times are written as Director does on SQLite; pages come with later versions.
  `auth-*` and `periodic-*` have tests of their own: `test_director_auth.py`, `test_director_periodic.py`.
- `cancel-running-get-8s-later` and the `canceled` of `cancel-finished-get`: in Director 0.10 cancel is a no-op for the
  tasks and overwrites the state of a finished workflow. Here a canceled run stops, and a finished one stays finished.
The recorded 500s are replaced by 404 and 400 (`REPAIRED`), or the workflow runs (`yaml-NESTED_GROUP`, ...).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import Call, Fail, Served, serving
from tests.valkey import valkey_url as valkey_url  # a fixture
from tests.waiting import wait_until

HERE = Path(__file__).parent
FOLDER = HERE / "director"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"')

NOT_A_UUID = '{"error":"Workflow %s not found"}\n'
NOT_UNDERSTOOD = '{"error":"The browser (or proxy) sent a request that this server could not understand."}\n'
REPAIRED = {
    "cancel-bad-uuid": (404, NOT_A_UUID % "xyz"),
    "relaunch-bad-uuid": (404, NOT_A_UUID % "xyz"),
    "get-one-bad-uuid": (404, NOT_A_UUID % "not-a-uuid"),
    "get-one-bad-uuid-number": (404, NOT_A_UUID % "123"),
    "post-body-array": (400, NOT_UNDERSTOOD),
    "post-body-null": (400, NOT_UNDERSTOOD),
    "post-body-string": (400, NOT_UNDERSTOOD),
}


def recording(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json"
    found: dict[str, Any] = json.loads((path if path.exists() else HERE / "data" / f"{name}.json").read_text("utf-8"))
    return found


def names(pattern: str) -> list[str]:
    return sorted(path.stem for path in FOLDER.glob(f"{pattern}.json"))


def raw(response: dict[str, Any]) -> str:
    """The recorded text; long ones were recorded as values only."""
    text = response.get("body_raw")
    if text is None or (text == "" and response["body"]):
        text = json.dumps(response["body"], sort_keys=True, separators=(",", ":")) + "\n"
    return str(text)


def neutral(text: str) -> str:
    """Ids by the order in which they appear, times without their value."""
    seen: dict[str, str] = {}
    text = UUID.sub(lambda match: seen.setdefault(match.group(), f"<id {len(seen)}>"), text)
    return TIME.sub('"<time>"', text)


def send(server: Served, recorded: dict[str, Any], path: str | None = None) -> Any:
    asked = recorded["request"]
    body = asked["body"]
    content = None
    if isinstance(body, dict) and "__raw__" in body:
        content = body["__raw__"]
    elif body is not None:
        content = json.dumps(body)
    url = (path or asked["path"]) + (f"?{asked['query']}" if asked["query"] else "")
    return server.http.request(asked["method"], url, content=content, headers=asked["headers"])


def assert_same(answer: Any, recorded: dict[str, Any]) -> None:
    said = recorded["response"]
    assert (answer.status_code, neutral(answer.text)) == (said["status"], neutral(raw(said)))
    for header in ("Content-Type", "Allow"):
        if header in said["headers"]:
            assert answer.headers[header] == said["headers"][header]
    if said.get("body_raw") is not None:
        assert answer.headers["content-length"] == said["headers"]["Content-Length"]


def lab(call: Call) -> Any:
    """What the tasks of the recorded project do."""
    if call.node.task == "ERR":
        return Fail("boom: caf\u00e9 \u2713")
    if call.node.task == "HOOK_BAD":
        return Fail("hook failed")
    if call.node.task == "R_NAN":
        return float("nan")
    if call.node.task == "R_OBJECT":
        return Fail("Object of type Opaque is not JSON serializable", "EncodeError")
    return {"task": call.node.task, "args": list(call.arguments), "payload": call.payload, "workflow_id": call.run}


@pytest.fixture(scope="module")
def server(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(FOLDER / "lab", tmp_path_factory.mktemp("lab"), f"{valkey_url[:-1]}7") as served:
        yield served


@pytest.fixture(autouse=True)
def no_messages(server: Served) -> None:
    """What earlier tests started and left is not for the next one to work on."""
    server.messages.clear()


@pytest.fixture
def empty(valkey_url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(FOLDER / "lab", tmp_path, f"{valkey_url[:-1]}8") as served:
        yield served


def start(server: Served, name: str, payload: Any, **more: Any) -> dict[str, Any]:
    project, _, rest = name.partition(".")
    body = {"project": project, "name": rest, "payload": payload, **more}
    answer = server.http.post("/api/workflows", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


STATELESS = [
    *names("api-*"),
    *names("ping*"),
    *names("put-*"),
    *names("options-*"),
    "definitions",
    "get-one-unknown-uuid",
    "relaunch-unknown",
    *(name for name in names("post-*") if recording(name)["response"]["status"] < 500),
]


@pytest.mark.parametrize("name", STATELESS)
def test_answer_is_the_recorded_one(server: Served, name: str) -> None:
    recorded = recording(name)
    assert_same(send(server, recorded), recorded)


@pytest.mark.parametrize("name", sorted(REPAIRED))
def test_recorded_500_is_a_clear_refusal(server: Served, name: str) -> None:
    answer = send(server, recording(name))
    assert recording(name)["response"]["status"] == 500
    assert (answer.status_code, answer.text) == REPAIRED[name]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["list-empty", "head-workflows"])
def test_answer_without_any_workflow(empty: Served, name: str) -> None:
    recorded = recording(name)
    assert_same(send(empty, recorded), recorded)


@pytest.fixture(scope="module")
def world(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The workflows that were there when the lists were recorded."""
    with serving(FOLDER / "lab", tmp_path_factory.mktemp("world"), f"{valkey_url[:-1]}9") as served:
        for row in reversed(recording("list-default")["response"]["body"]):
            more = {"comment": row["comment"]} if "comment" in row else {}
            run = start(served, row["fullname"], row["payload"], **more)
            if row["status"] == "canceled":
                served.http.post(f"/api/workflows/{run['id']}/cancel")
            served.work(lab)
            served.settled(run["id"])
        yield served


@pytest.mark.parametrize("name", [name for name in names("list-*") if name != "list-empty"])
def test_list_is_the_recorded_one(world: Served, name: str) -> None:
    recorded = recording(name)
    assert_same(send(world, recorded), recorded)


@pytest.mark.parametrize(
    "query", ["per_page=0", "per_page=x&page=", "page=1&page=2&per_page=1", "page=99999999999999999"]
)
def test_lists_that_were_not_recorded_do_not_fail(world: Served, query: str) -> None:
    assert world.http.get(f"/api/workflows?{query}").status_code in (200, 404)


@pytest.mark.parametrize("name", ["get-one-success", "get-one-with-payload-param", "get-one-braces-uuid"])
def test_finished_workflow_looks_as_recorded(server: Served, name: str) -> None:
    recorded = recording(name)
    run = start(server, "lab.CHAIN", {"k": "v"})
    server.work(lab)
    server.settled(run["id"])
    path = UUID.sub(run["id"], recorded["request"]["path"])
    assert_same(send(server, recorded, path), recorded)


YAML = [name for name in names("yaml-*") if recording(name)["response"]["status"] == 200]


@pytest.mark.parametrize("name", YAML)
def test_workflow_of_each_kind_ends_as_recorded(server: Served, name: str) -> None:
    recorded = recording(name)
    fullname = recorded["workflow_yaml"].partition(":")[0]
    posted = start(server, fullname, {})
    assert neutral(json.dumps(posted, sort_keys=True)) == neutral(json.dumps(recorded["post"]["body"], sort_keys=True))
    server.work(lab)
    run = server.settled(posted["id"])
    text = server.http.get(f"/api/workflows/{run.id}").text
    said = raw(recorded["response"])
    trace = re.compile(r'"traceback":"(?:[^"\\]|\\.)*"')
    assert neutral(trace.sub("<traceback>", text)) == neutral(trace.sub("<traceback>", said))


def test_hooks_use_the_queue_of_their_definition(server: Served) -> None:
    """In Director a failure hook went to the default queue (`hook-queue-worker-on-q1-only`), where nobody listened."""
    start(server, "lab.HOOK_QUEUE", {})
    server.work(lab, only=["ERR"])
    (hook,) = server.messages
    assert server.engine.node(server.engine.partition(hook.run), hook.plan, hook.task).queue == "q1"


RUNS_HERE = ["yaml-NESTED_GROUP", "yaml-UNKNOWN_TASK", "yaml-GROUP_NO_TYPE"]


@pytest.mark.parametrize("name", RUNS_HERE)
def test_what_broke_director_is_taken_or_refused_cleanly(server: Served, name: str) -> None:
    recorded = recording(name)
    project, _, rest = recorded["workflow_yaml"].partition(":")[0].partition(".")
    answer = server.http.post("/api/workflows", json={"project": project, "name": rest, "payload": {}})
    assert recorded["response"]["status"] == 500
    assert answer.status_code in (201, 400)
    assert answer.status_code == 201 or list(answer.json()) == ["error"]


@pytest.mark.parametrize("scenario", ["happy", "flaky", "slow", "down", "partial_fail"])
def test_scenario_looks_as_recorded(
    scenario: str, valkey_url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("seed")
    (home / "workflows.yml").write_text(
        "demo.PIPELINE:\n  tasks: [TASK_A, {G: {type: group, tasks: [TASK_B, TASK_C]}}, TASK_D]\n"
    )
    post, final = recording(f"seed-{scenario}-post"), recording(f"seed-{scenario}-get-final")
    results = {task["key"]: task for task in final["response"]["body"]["tasks"]}

    def as_recorded(call: Call) -> Any:
        task = results[call.node.key]
        if task["status"] == "error":
            return Fail(task["result"]["exception"], "HTTPError", task["result"]["traceback"])
        return task["result"]

    with serving(home, tmp_path, f"{valkey_url[:-1]}10") as server:
        posted = send(server, post)
        # In two of the recordings a worker had begun before the answer was written.
        said = raw(post["response"]).replace('"status":"progress"', '"status":"pending"')
        assert (posted.status_code, neutral(posted.text)) == (201, neutral(said))
        server.work(as_recorded)
        run_id = posted.json()["id"]
        server.settled(run_id)
        assert_same(send(server, final, f"/api/workflows/{run_id}"), final)


def test_cancel_while_it_runs(server: Served) -> None:
    run = start(server, "lab.DIAMOND", {"sleep_b": 5, "sleep_c": 1})
    server.work(lab, only=["A"])
    b, c = server.messages
    server.claim(b)
    server.claim(c)
    wait_until(
        lambda: (
            [task["status"] for task in server.http.get(f"/api/workflows/{run['id']}").json()["tasks"]]
            == ["success", "progress", "progress", "pending"]
        ),
        what="progress of B and C",
    )
    before = recording("cancel-running-before")
    for task in before["response"]["body"]["tasks"][1:3]:
        assert task["status"] in ("progress", "success")
    canceled = recording("cancel-running")
    assert_same(send(server, canceled, f"/api/workflows/{run['id']}/cancel"), canceled)
    after = server.http.get(f"/api/workflows/{run['id']}").json()
    assert after["status"] == recording("cancel-running-get-immediately")["response"]["body"]["status"] == "canceled"
    assert [task["status"] for task in after["tasks"]] == ["success", "canceled", "canceled", "canceled"]
    twice = recording("cancel-twice")
    assert_same(send(server, twice, f"/api/workflows/{run['id']}/cancel"), twice)
    relaunched = recording("relaunch-canceled")
    assert_same(send(server, relaunched, f"/api/workflows/{run['id']}/relaunch"), relaunched)


def test_cancel_leaves_a_finished_workflow_as_it_is(server: Served) -> None:
    run = start(server, "lab.SINGLE", {})
    server.work(lab)
    server.settled(run["id"])
    answer = server.http.post(f"/api/workflows/{run['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (201, "success")


@pytest.mark.parametrize("name", ["relaunch-ok", "relaunch-with-json-body"])
def test_relaunch_is_a_new_workflow(server: Served, name: str) -> None:
    recorded = recording(name)
    run = start(server, "lab.CHAIN", {"k": "v"}, comment="once")
    answer = send(server, recorded, f"/api/workflows/{run['id']}/relaunch")
    assert_same(answer, recorded)
    assert answer.json()["id"] != run["id"]


def test_dates_are_written_as_flask_does(server: Served) -> None:
    run = start(server, "lab.SINGLE", {})
    stored = {"__type__": "datetime", "__value__": "2026-01-02T03:04:05.678900"}
    server.work(lambda call: stored)
    server.settled(run["id"])
    assert (
        server.http.get(f"/api/workflows/{run['id']}").json()["tasks"][0]["result"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    )
