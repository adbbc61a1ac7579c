"""Canaries: a secret that is given over REST is found nowhere, and an ordinary value beside it is found everywhere.

One stack. The secrets go through every way that a value can take: arguments, `with`, `map`, a sub-run, results, retries
with other arguments, output in pieces, log lines, errors, tracebacks. The ordinary value (the control) takes the same
ways, so that a sink that would show nothing at all fails the test.
"""

import base64
import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
import redis
from typer.testing import CliRunner

from tests.waiting import wait_until
from umbel.cli.main import app
from umbel.secrets import MARK
from umbel.settings import get_settings
from umbel.stack.options import StackOptions
from umbel.stack.run import Stack, run_stack

pytestmark = pytest.mark.slow

WORKFLOWS: Final = """
demo.GOOD:
  description: everything that a secret can go through
  schema:
    type: object
    required: [token]
    properties:
      token: {type: string, writeOnly: true, minLength: 8}
      pin: {type: integer, writeOnly: true}
      size: {type: integer}
      db: {$ref: "#/$defs/db"}
      hosts: {type: array, items: {type: object, properties: {key: {type: string, format: password}}}}
    $defs:
      db: {type: object, properties: {password: {type: string, format: password}}}
  tasks:
    a: {task: ECHO}
    b:
      task: SAY
      needs: a
      with: {text: "Bearer ${payload.token} ${tasks.a.result.token}", control: "${payload.control}"}
    c: {task: ITEM, needs: a, map: "${payload.hosts}"}
    d:
      workflow: demo.CHILD
      payload: {token: "${payload.token}", note: "x ${payload.token}", control: "${payload.control}"}
    e: {task: CHECK, needs: [a, c], when: "size(tasks.a.result.token) > 3"}
    f: {task: AGAIN, with: {text: "${payload.token}", control: "${payload.control}"}}
    g: {type: approval, needs: e}
demo.CHILD:
  schema: {type: object, properties: {token: {type: string, writeOnly: true}}}
  tasks: [ECHO]
demo.BAD:
  schema:
    type: object
    additionalProperties: {writeOnly: true}
    properties: {control: {type: string}}
  tasks:
    a: {task: FAIL, retry: {max_attempts: 2, initial: 0.05}}
"""

TASKS: Final = """
import base64, hashlib, json, logging, sys
from umbel import task

log = logging.getLogger("project")


@task(name="ECHO")
def echo(*args, payload, **kwargs):
    token = payload["token"]
    print("control", payload["control"], "token", token)
    for letter in token + payload["control"]:
        sys.stdout.write(letter)
    print()
    sys.stderr.write(json.dumps(payload) + repr(payload))
    log.warning("given %s and %s", payload, base64.b64encode(("user:" + token).encode()).decode())
    found = {"token": token, "control": payload["control"], "note": "it is " + token, "keys": {token: 1}}
    return {**found, "pin": payload.get("pin")}


@task(name="SAY")
def say(text, control):
    print(text, control)
    return [text, control]


@task(name="ITEM")
def item(item, payload, workflow_id):
    log.error("host %s", item)
    return {"host": item, "digest": hashlib.sha256(item["key"].encode()).hexdigest(), "control": payload["control"]}


@task(name="CHECK")
def check(previous, payload, workflow_id):
    a, c = previous
    assert a["token"] == payload["token"] and a["pin"] == payload["pin"] and a["keys"] == {payload["token"]: 1}, a
    assert [each["host"]["key"] for each in c] == [each["key"] for each in payload["hosts"]], c
    return "flows"


@task(name="AGAIN", bind=True, max_retries=1)
def again(self, text, control):
    if self.request.retries == 0:
        kwargs = {"text": text + "!", "control": control + "!"}
        raise self.retry(kwargs=kwargs, countdown=0.05, exc=ValueError(text + control))
    assert text.endswith("!")
    return "again"


@task(name="FAIL")
def fail(*args, payload, **kwargs):
    secret, shown = payload["token"], payload["control"]
    try:
        {}[secret + shown]
    except KeyError as error:
        log.exception("no %s", secret)
        raise ValueError(f"cannot use {secret!r} with {shown}") from error
"""

CORE: Final = f"canary{uuid.uuid4().hex}"
SECRET: Final = f'{CORE}/+"é {uuid.uuid4().hex}'
PIN: Final = 918273645546372819
CONTROL: Final = f"control{uuid.uuid4().hex}"


def forms(core: str) -> list[str]:
    """How a word can be written: as it is (which JSON and URLs leave as it is), and in base64 wherever it begins."""
    found = [core, quote(core, safe="")]
    for before in range(3):
        letters = base64.b64encode(bytes(before) + core.encode()).decode().rstrip("=")
        found.append(letters[4:-4])
    return found


SECRETS: Final = [*forms(CORE), str(PIN)]


class Sinks:
    """Texts by where they came from."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}

    def add(self, sink: str, text: str | bytes) -> None:
        self.texts.setdefault(sink, []).append(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)

    def leaks(self) -> list[str]:
        return sorted(
            {f"{sink}: ...{text[max(0, at - 60) : at + 80]!r}" for sink, texts in self.texts.items()
             for text in texts for form in SECRETS if (at := text.find(form)) >= 0}
        )  # fmt: skip

    def telling(self) -> set[str]:
        """Sinks in which the control was seen."""
        return {sink for sink, texts in self.texts.items() if any(CONTROL in text for text in texts)}


class World:
    def __init__(self, stack: Stack, runs: dict[str, str], said: list[str]) -> None:
        self.stack, self.runs, self.said = stack, runs, said
        self.http = httpx.Client(base_url=stack.urls.server, timeout=30)


def plain() -> dict[str, Any]:
    return {"token": SECRET, "pin": PIN, "control": CONTROL}


def payload(**more: Any) -> dict[str, Any]:
    host = {"name": CONTROL, "key": SECRET}
    return {**plain(), "db": {"password": SECRET}, "hosts": [host, host], **more}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "project" / "tasks").mkdir(parents=True)
    (folder / "project" / "workflows.yml").write_text(WORKFLOWS)
    (folder / "project" / "tasks" / "all.py").write_text(TASKS)
    args = (*StackOptions.worker_args, "-E", "--loglevel", "DEBUG")
    options = StackOptions(folder / "project", folder / "data", port=0, worker_args=args, xray="commands")
    with run_stack(options, lambda line: None) as stack:
        said: list[str] = []
        watched = [redis.Redis.from_url(stack.urls.broker)]
        threading.Thread(target=monitor, args=(watched[0], said), daemon=True).start()
        wait_until(lambda: said, what="the monitor")
        world = World(stack, {}, said)
        for name, given in (("good", payload()), ("bad", plain())):
            body = {"definition": f"demo.{name.upper()}", "payload": given}
            world.runs[name] = started(world, "/api/v1/runs", body, name)
        director = world.http.post("/api/workflows", json={"project": "demo", "name": "BAD", "payload": plain()})
        assert director.status_code == 201, director.text
        world.runs["director"] = director.json()["id"]
        approve(world, world.runs["good"])
        for name in ("good", "bad", "director"):
            world.runs[f"{name} again"] = over(world, name)
        approve(world, world.runs["good again"])
        for run in list(world.runs.values()):
            settled(world, run)
        yield world
        world.http.close()
        watched[0].close()


def monitor(client: "redis.Redis[bytes]", said: list[str]) -> None:
    """Every command that Valkey gets, those inside of scripts too: what it holds at any moment has come by here."""
    with suppress(Exception), client.monitor() as watch:
        said.append("begin")
        for each in watch.listen():
            said.append(each["command"])


def started(world: World, path: str, body: dict[str, Any], key: str) -> str:
    first = world.http.post(path, json=body, headers={"Idempotency-Key": key})
    assert first.status_code in (200, 201, 202), first.text
    again = world.http.post(path, json=body, headers={"Idempotency-Key": key})
    assert again.json()["id"] == first.json()["id"]
    other = world.http.post(
        path, json={**body, "payload": payload(token="another-token")}, headers={"Idempotency-Key": key}
    )
    assert other.status_code == 422
    return str(first.json()["id"])


def over(world: World, name: str) -> str:
    settled(world, world.runs[name])
    answer = world.http.post(f"/api/v1/runs/{world.runs[name]}/relaunch")
    assert answer.status_code < 300, answer.text
    return str(answer.json()["id"])


def approve(world: World, run: str) -> None:
    def waits() -> bool:
        found = world.http.get(f"/api/v1/runs/{run}").json()
        assert found["state"] in ("pending", "running"), found
        return any(task["state"] == "awaiting_input" for task in found["tasks"])

    wait_until(waits, what="the approval", timeout=60)
    assert world.http.post(f"/api/v1/runs/{run}/tasks/g/approve", json={}).status_code < 300


def settled(world: World, run: str) -> None:
    wait_until(lambda: world.http.get(f"/api/v1/runs/{run}").json()["settled"], what="the end", timeout=60)


def test_runs_do_their_work_with_the_values_themselves(world: World) -> None:
    """Arguments, results, items and sub-runs have what was given, whatever is shown of it."""
    for name in ("good", "good again"):
        run = world.http.get(f"/api/v1/runs/{world.runs[name]}").json()
        assert run["state"] == "success", run["error"]
        assert run["payload"] == {
            "token": "***", "pin": "***", "db": {"password": "***"}, "control": CONTROL,
            "hosts": [{"name": CONTROL, "key": "***"}] * 2,
        }  # fmt: skip
        results = {task["key"]: task["result"] for task in run["tasks"]}
        assert results["a"] == {"token": "***", "control": CONTROL, "note": "***", "keys": "***", "pin": "***"}
        assert results["e"] == "flows"
        assert results["f"] == "again"
    failed = world.http.get(f"/api/v1/runs/{world.runs['bad']}").json()
    assert failed["error"] == f"cannot use '***' with {CONTROL}"
    assert "KeyError" in failed["tasks"][0]["error"]["traceback"]
    assert len(failed["tasks"][0]["attempts"]) == 2


def test_no_canary_in_any_sink(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks = Sinks()
    for text in world.said:
        sinks.add("commands to Valkey", text)
    for database in (world.stack.urls.broker, world.stack.urls.state):
        read_redis(redis.Redis.from_url(database), sinks)
    kept = {"umbel.db": "SQL", "worker.log": "worker's log", "appendonly": "AOF"}
    for path in world.stack.data.rglob("*"):
        if path.is_file():
            sink = next((sink for start, sink in kept.items() if path.name.startswith(start)), "other files")
            sinks.add(sink, path.read_bytes())
    read_api(world, sinks)
    read_errors(world, sinks)
    read_commands(world, sinks, monkeypatch)
    assert sinks.leaks() == []
    assert sinks.telling() >= {
        "commands to Valkey", "keys of Valkey", "SQL", "worker's log", "AOF", "errors", "GET /api/workflows",
        "GET /api/v1/runs/{run_id}", "GET /api/v1/runs/{run_id}/wait", "GET /api/v1/runs/{run_id}/diagnosis",
        "GET /api/v1/runs/{run_id}/logs", "GET /api/v1/runs/{run_id}/tasks", "GET /api/v1/runs/{run_id}/tasks/{key}",
        "GET /api/v1/runs/{run_id}/tasks/{key}/logs", "GET /api/v1/runs/{run_id}/events", "GET /api/v1/events",
        "tool get_run", "tool diagnose_run", "tool get_logs", "GET /api/v1/runs/{run_id}/trace",
        "GET /api/v1/runs/{run_id}/history", "agent's get_run", "agent's list_events", "agent's get_output",
        "umbel show", "umbel logs", "umbel diagnose",
    }, sinks.texts.keys()  # fmt: skip


def read_redis(client: "redis.Redis[bytes]", sinks: Sinks) -> None:
    """Values as their kinds have them: a dump of a long one is compressed."""
    with client:
        for key in client.scan_iter(count=1000):
            read = {
                b"hash": client.hgetall, b"string": client.get, b"stream": client.xrange, b"set": client.smembers,
                b"list": lambda key: client.lrange(key, 0, -1), b"zset": lambda key: client.zrange(key, 0, -1),
            }  # fmt: skip
            sinks.add("keys of Valkey", f"{key!r} {read[client.type(key)](key)!r}")  # type: ignore[index, operator]


def read_api(world: World, sinks: Sinks) -> None:
    """Every GET of both APIs, for each run, and the same as tools."""
    tasks = {}
    for run in world.runs.values():
        tasks[run] = world.http.get(f"/api/v1/runs/{run}").json()["tasks"]
    children = [task["run"] for each in tasks.values() for task in each if task["run"]]
    assert len(children) == 2
    for path, methods in world.http.get("/openapi.json").json()["paths"].items():
        if "get" not in methods:
            continue
        about_runs = "runs/{" in path or "workflows/{" in path
        for run in (*tasks, *children) if about_runs else [""]:
            for key in [task["key"] for task in tasks.get(run, ())] if "{key}" in path else [""]:
                where = path.replace("{key}", key).replace("{name}", "demo.GOOD").replace("{definition}", "demo.GOOD")
                where = re.sub(r"\{\w+\}", run, where) + ("?limit=20000" if path.endswith("/trace") else "")
                sinks.add(f"GET {path}", answer(world, where))
    for name in ("get_run", "diagnose_run", "get_logs", "list_tasks", "get_run_graph", "get_trace", "list_events"):
        for run in tasks:
            sinks.add(f"tool {name}", world.http.post(f"/api/v1/tools/{name}", json={"run_id": run}).text)
            sinks.add(f"agent's {name}", agent(world, name, {"run_id": run}))
        for of in ("payload", "result", "error"):
            sinks.add("agent's get_output", agent(world, "get_output", {"run_id": run, "of": of}))


def agent(world: World, tool: str, arguments: dict[str, Any]) -> str:
    """What an agent is told by MCP."""
    asked = {"name": tool, "arguments": arguments}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    found = world.http.post("/mcp", json=body, headers=headers)
    assert found.status_code == 200, found.text
    return found.text


def answer(world: World, path: str) -> str:
    """What a GET answers; of a stream of events, all that it has."""
    if not path.endswith("/events"):
        found = world.http.get(path)
        assert found.status_code < 500, found.text
        return found.text
    text = ""
    headers = {"Last-Event-ID": "0"}
    with suppress(httpx.ReadTimeout), world.http.stream("GET", path, headers=headers, timeout=0.5) as stream:
        for line in stream.iter_lines():
            text += line + "\n"
    return text


def read_errors(world: World, sinks: Sinks) -> None:
    """Requests that are refused, with the secret in them."""
    wrong = payload(pin=SECRET, size=CONTROL)
    runs: list[dict[str, Any]] = [
        {"definition": "demo.GOOD", "payload": wrong},
        {"definition": "demo.GOOD", "payload": payload(token=[SECRET])},
        {"definition": "demo.GOOD", "payload": payload(hosts=SECRET)},
        {"definition": "demo.GOOD", "payload": payload(token="***")},
        {"definition": "demo.GOOD", "payload": payload(token={MARK: SECRET})},
        {"definition": "demo.NONE", "payload": payload()},
        {"definition": "demo.GOOD", "payload": payload(), "comment": "half \ud800"},
    ]
    for body in runs:
        for path in ("/api/v1/runs", "/api/v1/tools/start_run"):
            found = world.http.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
            assert 400 <= found.status_code < 500, found.text
            sinks.add("errors", found.text)
        project, _, name = body["definition"].partition(".")
        director = {"project": project, "name": name, "payload": body["payload"]}
        found = world.http.post("/api/workflows", json=director)
        if "comment" not in body:
            assert 400 <= found.status_code < 500, found.text
        sinks.add("errors", found.text)
    sinks.add("errors", world.http.post("/api/v1/runs", content=json.dumps(runs[0])[:-5]).text)
    found = world.http.get("/api/v1/runs", params={"q": SECRET})
    assert found.json()["items"] == []


def read_commands(world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBEL_URL", world.stack.urls.server)
    get_settings.cache_clear()
    runner = CliRunner()
    commands = [["list"], ["definitions", "demo.GOOD"]]
    commands += [[name, world.runs[run]] for run in ("good", "bad") for name in ("show", "diagnose", "logs", "graph")]
    for command in commands:
        for option in ([], ["--json"]) if command[0] != "graph" else ([],):
            done = runner.invoke(app, [*command, *option])
            assert done.exit_code in (0, 1), done.output
            sinks.add(f"umbel {command[0]}", done.output)
    get_settings.cache_clear()
