"""celery-director's recorded answers with `DIRECTOR_AUTH_ENABLED=true`, replayed. Every route: test_api_matrix.py.

`auth-ui-without-credentials` is replayed by its status class only: `/` is open to everyone, and leads to the pages.
"""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_director import assert_same, lab, names, recording, send
from tests.serving import Served, serving
from tests.valkey import valkey_url as valkey_url  # a fixture
from umbel.api.gate import credentials
from umbel.client import Client
from umbel.errors import HistoryUnavailable, Unauthorized
from umbel.service.accounts import Accounts

REFUSED = [name for name in names("auth-*") if recording(name)["response"]["status"] == 401]
JOHN = ("john", "secret")


@pytest.fixture(scope="module")
def server(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("auth")
    # Of the recorded project only these two: its periodic workflows start by themselves and would be in the list.
    (home / "workflows.yml").write_text(
        "lab.SINGLE: {tasks: [A]}\nlab.RETENTION: {tasks: [A], retention: {offset: 2}}\n"
    )
    with serving(home, home, f"{valkey_url[:-1]}11", auth="basic") as served:
        Accounts(served.umbel.store).add(*JOHN)
        yield served


def test_all_recordings_are_here() -> None:
    assert len(REFUSED) == 8
    assert {*names("auth-*")} - {*REFUSED} == {
        "auth-list-ok", "auth-ping-without-credentials", "auth-post-ok", "auth-ui-without-credentials"
    }  # fmt: skip


@pytest.mark.parametrize("name", [*REFUSED, "auth-ping-without-credentials", "auth-post-ok"])
def test_answer_is_the_recorded_one(server: Served, name: str) -> None:
    recorded = recording(name)
    answer = send(server, recorded)
    assert_same(answer, recorded)
    said = recorded["response"]["headers"].get("WWW-Authenticate")
    assert answer.headers.get("www-authenticate") == said
    server.work(lab)


def test_list_with_credentials_is_the_recorded_one(server: Served) -> None:
    body = {"project": "lab", "name": "RETENTION", "payload": {"i": 4}}
    posted = server.http.post("/api/workflows", json=body, auth=JOHN)
    server.work(lab)
    server.settled(posted.json()["id"])
    recorded = recording("auth-list-ok")
    assert_same(send(server, recorded), recorded)


def test_the_page_is_open(server: Served) -> None:
    assert server.http.get("/").status_code < 400


DIRECTORS = [
    (method, f"/api{path}")
    for path in ("/workflows", "/workflows/1", "/workflows/1/cancel", "/workflows/1/relaunch", "/definitions", "/other")
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer c2VjcmV0"},
        {"Authorization": "Basic " + base64.b64encode(b":secret").decode()},
    ],
    ids=["none", "empty", "bearer", "nameless"],
)
def test_every_path_of_directors_is_closed_but_ping(server: Served, header: dict[str, str]) -> None:
    for method, path in [*DIRECTORS, ("GET", "/api/ping/")]:
        answer = server.http.request(method, path, headers=header)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json"), path
        assert answer.headers["www-authenticate"].startswith("Basic ")
        if method != "HEAD":
            assert answer.json()["status"] == 401


def test_new_api_says_what_to_do(server: Served) -> None:
    answer = server.http.get("/api/v1/runs")
    assert answer.json()["code"] == "UMB-024"
    assert "UMBEL_USER" in answer.json()["hint"]


def test_client_sends_credentials(server: Served) -> None:
    url = str(server.http.base_url)
    with Client(url, auth=JOHN) as client:
        client.list_runs()
    with Client(url, auth=("john", "nope")) as client, pytest.raises(Unauthorized):
        client.list_runs()


def test_a_changed_password_counts_at_once(server: Served) -> None:
    accounts = Accounts(server.umbel.store)
    accounts.add("jane", "first")

    def status(password: str) -> int:
        return server.http.get("/api/workflows?per_page=1", auth=("jane", password)).status_code

    assert [status("first"), status("first")] == [200, 200]
    accounts.change("jane", password="second")
    assert [status("first"), status("second")] == [401, 200]
    accounts.remove("jane")
    assert status("second") == 401


def test_a_database_that_is_away_is_no_refusal(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> Any:
        raise HistoryUnavailable("away")

    monkeypatch.setattr(server.umbel.store, "password_hash", away)
    for path in ("/api/workflows", "/api/v1/runs"):
        answer = server.http.get(path, auth=JOHN)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic am9objpzZWNyZXQ=", JOHN),
        ("bASIC  am9objpzZWNyZXQ=", JOHN),
        ("Basic " + base64.b64encode("jö:a:b".encode()).decode(), ("jö", "a:b")),
        ("Basic am9objpzZWNyZXQ", None),
        ("Basic am9obg==", None),
        ("Basic /////w==", None),
        ("Basic jö", None),
        ("Digest am9objpzZWNyZXQ=", None),
    ],
)
def test_header(header: str, found: object) -> None:
    assert credentials(header) == found
