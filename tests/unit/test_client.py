"""What the client makes of a server's answers, over real HTTP."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fake_server import RUN_ID, Events, Fake, fake_server, run, stream
from umbel import Client, errors
from umbel.client import http
from umbel.client.problems import error_of
from umbel.client.stream import messages

EVENTS = f"GET /api/v1/runs/{RUN_ID}/events"


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_server() as fake:
        yield fake


@pytest.fixture
def client(fake: Fake) -> Iterator[Client]:
    with Client(fake.url, token="secret") as client:
        yield client


def test_a_run_is_started_with_what_was_given(fake: Fake, client: Client) -> None:
    fake.on("POST /api/v1/runs", run(), status=201)
    started = client.start_run("demo.PIPELINE", {"raw": "ä"}, comment="why", idempotency_key="k1")
    assert (started.id, [task.key for task in started.tasks][:2]) == (RUN_ID, ["TASK_A", "TASK_B"])
    asked = fake.asked[0]
    assert asked.body == {"definition": "demo.PIPELINE", "payload": {"raw": "ä"}, "comment": "why"}
    assert (asked.headers["Idempotency-Key"], asked.headers["Authorization"]) == ("k1", "Bearer secret")


def test_waiting_asks_again_until_the_run_has_ended(fake: Fake, client: Client) -> None:
    fake.on(f"GET /api/v1/runs/{RUN_ID}/wait?timeout=50.0", run(), run(), run(state="success"))
    assert client.wait_for_run(RUN_ID).state == "success"
    assert len(fake.asked) == 3


def test_an_error_is_raised_as_the_server_raised_it(fake: Fake, client: Client) -> None:
    fake.problem(f"GET /api/v1/runs/{RUN_ID}", 404, "UMB-020", "There is no run.", "Look at the list.")
    with pytest.raises(errors.RunNotFound, match="There is no run") as caught:
        client.get_run(RUN_ID)
    assert caught.value.hint == "Look at the list."


@pytest.mark.parametrize(
    "kind", [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.UmbelError)]
)
def test_every_code_finds_its_exception(kind: type[errors.UmbelError]) -> None:
    error = error_of(400, f'{{"detail": "so it is", "code": "{kind.code}"}}'.encode(), "URL")
    assert (type(error), str(error), error.hint) == (kind, "so it is", kind.hint)


def test_a_payloads_errors_come_along() -> None:
    body = b'{"detail": "no", "code": "UMB-012", "errors": [{"pointer": "/payload", "detail": "raw is missing"}]}'
    error = error_of(422, body, "URL")
    assert isinstance(error, errors.PayloadInvalid)
    assert error.errors == ["/payload: raw is missing"]


@pytest.mark.parametrize("body", [b"<html>nginx", b"[1]", b'{"error": "not found"}'])
def test_an_answer_of_another_program_is_said_to_be_one(body: bytes) -> None:
    assert "no answer of an Umbel server" in str(error_of(404, body, "http://x/api"))


def test_a_proxy_without_a_server_behind_it_is_no_server() -> None:
    assert isinstance(error_of(502, b"Bad Gateway", "URL"), errors.ServerUnavailable)


def test_an_answer_without_what_belongs_in_it_is_refused(fake: Fake, client: Client) -> None:
    fake.on(f"GET /api/v1/runs/{RUN_ID}", {"id": RUN_ID})
    with pytest.raises(errors.UmbelError, match="no answer of an Umbel server"):
        client.get_run(RUN_ID)


def test_no_server_is_said_in_a_sentence() -> None:
    with Client("http://127.0.0.1:1", token="") as client, pytest.raises(errors.ServerUnavailable) as caught:
        client.list_definitions()
    assert "http://127.0.0.1:1" in str(caught.value)
    assert "umbel dev" in caught.value.hint


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "http://[", "ftp://x"])
def test_a_bad_address_is_said_in_a_sentence(url: str) -> None:
    with pytest.raises(errors.ServerUnavailable), Client(url, token="") as client:
        client.list_workers()


def test_a_bad_argument_is_refused_before_it_is_sent(fake: Fake, client: Client) -> None:
    with pytest.raises(errors.BadRequest, match="limit"):
        client.list_runs(limit=0)
    assert fake.asked == []


def test_a_dropped_stream_is_taken_up_where_it_broke_off(
    fake: Fake, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PAUSE", 0.0)
    event = Events()
    first = [event("run.launched"), event("task.started", "TASK_A", "running")]
    second = [event("task.succeeded", "TASK_A", "success"), event("run.settled")]
    fake.on(EVENTS, stream(first, cut='id: 3\ndata: {"id'), stream(second))
    fake.on(f"GET /api/v1/runs/{RUN_ID}", run(last_event=4))
    assert [each.id for each in client.events(RUN_ID)] == [1, 2, 3, 4]
    seen = [asked.headers["Last-Event-ID"] for asked in fake.asked if asked.path.endswith("/events")]
    assert seen == ["0", "2"]


def test_a_stream_ends_when_there_is_nothing_more_to_come(fake: Fake, client: Client) -> None:
    fake.on(EVENTS, b"", status=204)
    fake.on(f"GET /api/v1/runs/{RUN_ID}", run(state="success", settled=True, last_event=7))
    assert list(client.events(RUN_ID, after=7)) == []


def test_a_stream_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE", 0.0)
    monkeypatch.setattr(http, "PATIENCE", 0.05)
    with Client("http://127.0.0.1:1", token="") as client, pytest.raises(errors.ServerUnavailable):
        list(client.events(RUN_ID))


def test_events_of_a_run_that_is_not_there(fake: Fake, client: Client) -> None:
    fake.problem(EVENTS, 404, "UMB-020", "There is no run.")
    with pytest.raises(errors.RunNotFound):
        list(client.events(RUN_ID))


def test_lines_of_a_stream_end_only_at_line_feeds() -> None:
    text = "id: 1\r\ndata: a\u2028b\x85c\r\n\r\ndata: one\ndata: two\n\n: comment\n\nid: 3\ndata: cut off"
    data = text.encode()
    chunks = [data[at : at + 3] for at in range(0, len(data), 3)]
    assert [(each.id, each.data) for each in messages(chunks)] == [("1", "a\u2028b\x85c"), ("1", "one\ntwo")]


def test_public_names_load_only_what_they_need() -> None:
    program = """
import sys, umbel
assert not {"celery", "httpx", "pydantic"} & set(sys.modules), "umbel alone loads too much"
from umbel import Client
assert not {"celery", "redis", "sqlalchemy", "fastapi", "starlette"} & set(sys.modules), "the client loads the server"
from umbel import task, install
from umbel.celery.app import task as same
assert task is same and callable(install) and set(umbel.__all__) <= set(dir(umbel))
try:
    umbel.nothing
except AttributeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("module 'umbel' has no attribute 'nothing'\n", "")


def test_accounts_and_tokens(fake: Fake, client: Client) -> None:
    user = {"name": "jane", "scope": "run", "created_at": "2026-11-22T16:58:34.123Z"}
    token = {**user, "id": "0a1b", "name": "ci", "created_by": "john"}
    fake.on("POST /api/v1/users", user, status=201)
    fake.on("POST /api/v1/tokens", {**token, "token": "umbel_0a1b_x"}, status=201)
    fake.on("DELETE /api/v1/tokens/ci", token)
    fake.on("DELETE /api/v1/users/jane", user)
    assert client.add_user("jane", "word", "run").scope == "run"
    assert client.create_token("ci", "run", expires_in_days=1).token == "umbel_0a1b_x"
    assert client.revoke_token("ci").id == "0a1b"
    assert client.remove_user("jane").name == "jane"
    with pytest.raises(errors.BadRequest, match="password"):
        client.change_user("jane")
    assert fake.asked[0].body == {"name": "jane", "password": "word", "scope": "run"}
    assert {each.headers["Authorization"] for each in fake.asked} == {"Bearer secret"}
