"""Webhooks through the API and the command line; the loops are the server's own."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.serving import Fail, Served, serving
from tests.unit.test_webhooks import SECRET
from tests.waiting import wait_until
from umbel.cli.main import app
from umbel.cli.output import console
from umbel.client import Client
from umbel.errors import DeliveryNotFound, RunNotFound
from umbel.settings import get_settings
from umbel.webhooks import verify

NOBODY = "00000000-0000-4000-8000-000000000000"


class Receiver(HTTPServer):
    status = 200

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"<b>thanks</b>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def server(receiver: Receiver, valkey_url: str, tmp_path: Path) -> Iterator[Served]:
    hooks = f"{{webhook: 'http://127.0.0.1:{receiver.server_port}/hook'}}"
    (tmp_path / "workflows.yml").write_text(f"demo.TOLD:\n  tasks: [A]\n  hooks: {hooks}\n")
    secrets = {"webhook_secret": SECRET, "webhook_allow": "127.0.0.0/8", "url": "https://umbel.example/"}
    state = f"{valkey_url[:-1]}6"
    with serving(tmp_path, tmp_path, state, now=lambda: time.time_ns() // 1_000_000, **secrets) as served:
        yield served


def ended(server: Served, what: Any = None) -> str:
    run: str = server.http.post("/api/v1/runs", json={"definition": "demo.TOLD"}).json()["id"]
    server.work(lambda call: what)
    server.settled(run)
    return run


def deliveries(server: Served, run: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.http.get(f"/api/v1/runs/{run}/deliveries").json()["items"]
    return found


def told(server: Served, run: str) -> dict[str, Any]:
    """The only delivery of a run, when there is nothing more to do."""
    (one,) = wait_until(lambda: [each for each in deliveries(server, run) if each["status"] != "pending"], 10, "end")
    return dict(one)


def test_the_end_of_a_run_is_told_and_told_again(server: Served, receiver: Receiver) -> None:
    run = ended(server, Fail("no"))
    one = told(server, run)
    assert (one["status"], one["event"], one["run_id"]) == ("delivered", "failure", run)
    assert [(each["status"], each["answer"]) for each in one["attempts"]] == [(200, "<b>thanks</b>")]
    headers, body = receiver.got[0]
    assert verify(SECRET, headers, body)["data"]["url"] == f"https://umbel.example/runs/{run}"
    with Client(str(server.http.base_url)) as client:
        receiver.status = 410
        again = client.redeliver(run, one["id"])
        assert (again.id, again.status) == (one["id"], "pending")
        assert told(server, run)["status"] == "failed"
        assert [each.id for each in client.list_deliveries("failed").items] == [one["id"]]
        assert client.list_deliveries("delivered").items == []
        with pytest.raises(DeliveryNotFound):
            client.redeliver(run, NOBODY)
        with pytest.raises(RunNotFound):
            client.get_run_deliveries(NOBODY)
    assert {each["webhook-id"] for each, _ in receiver.got} == {one["id"]}
    assert server.http.get("/api/v1/deliveries?cursor=x").status_code == 400


def test_a_canceled_run_and_pages(server: Served, receiver: Receiver) -> None:
    runs = [server.http.post("/api/v1/runs", json={"definition": "demo.TOLD"}).json()["id"] for _ in range(3)]
    for run in runs:
        server.http.post(f"/api/v1/runs/{run}/cancel")
    assert {told(server, run)["event"] for run in runs} == {"cancel"}
    with Client(str(server.http.base_url)) as client:
        first = client.list_deliveries(limit=2)
        rest = client.list_deliveries(cursor=first.next_cursor, limit=2)
    assert {each.run_id for each in (*first.items, *rest.items)} == set(runs)
    assert rest.next_cursor is None


def test_the_command(server: Served, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ended(server)
    one = told(server, run)
    monkeypatch.setenv("UMBEL_URL", str(server.http.base_url))

    def umbel(*arguments: str, status: int = 0) -> str:
        get_settings.cache_clear()
        console.cache_clear()
        done = CliRunner().invoke(app, ["deliveries", *arguments])
        get_settings.cache_clear()
        console.cache_clear()
        assert done.exit_code == status, done.output
        return done.output

    lines = umbel(run).splitlines()
    assert lines[0] == f"{one['id']}  delivered  success of run {run}, epoch 1"
    assert lines[1].strip() == f"http://127.0.0.1:{receiver.server_port}/hook"
    assert "attempt 1" in lines[2]
    assert "HTTP 200 (<b>thanks</b>)" in lines[2]
    assert json.loads(umbel("--json"))["items"] == [one]
    assert umbel("--failed") == "nothing was to be told to a webhook\n"
    assert "is told again" in umbel(run, "--redeliver", one["id"])
    assert "needs the RUN" in umbel("--redeliver", one["id"], status=1)
