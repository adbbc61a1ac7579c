"""Signing in, accounts and tokens, and what pages of others may not."""

import base64
import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers

import umbel.api.answer
from tests.asgi import Ask, app, ask, asking, container, sign_in, umbel_
from umbel.api import origin, pages
from umbel.api.app import create_app
from umbel.errors import ForeignRequest
from umbel.service import access
from umbel.service.access import Tokens
from umbel.service.accounts import Accounts
from umbel.service.models import Session
from umbel.service.umbel import Umbel

__all__ = ["app", "ask", "umbel_"]


# -- sessions


def test_a_session_from_its_beginning_to_its_end(ask: Ask, tmp_path: Path) -> None:
    answer = ask("POST", "/api/v1/session", json={"name": "john", "password": "secret"})
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"umbel=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=lax", cookie)
    told = Session.model_validate(answer.json())
    assert (told.auth, told.name, told.scope) == ("basic", "john", "admin")
    assert ask("GET", "/api/v1/session").json() == answer.json()
    assert ask("GET", "/api/v1/users").status_code == 200
    refused = ask("POST", "/api/v1/users", json={"name": "jane", "password": "word", "scope": "run"})
    assert (refused.status_code, refused.json()["code"]) == (403, "UMB-047")
    csrf = {"X-CSRF-Token": told.csrf or ""}
    body = {"name": "jane", "password": "word", "scope": "run"}
    assert ask("POST", "/api/v1/users", json=body, headers=csrf).json()["scope"] == "run"
    secret = cookie[6:49]
    with closing(sqlite3.connect(tmp_path / "umbel.db")) as connection:
        ((kept, name),) = connection.execute("SELECT hash, name FROM sessions").fetchall()
    assert (kept, name) == (hashlib.sha256(secret.encode()).hexdigest(), "john")
    assert ask("DELETE", "/api/v1/session").status_code == 403
    ended = ask("DELETE", "/api/v1/session", headers=csrf)
    assert (ended.status_code, "Max-Age=0" in ended.headers["set-cookie"]) == (204, True)
    # Not only the browser has forgotten it.
    assert ask("GET", "/api/v1/session", headers={"Cookie": f"umbel={secret}"}).status_code == 401


def test_over_tls_the_cookie_is_for_tls_only(app: Starlette) -> None:
    ask = asking(app, scheme="https")
    answer = ask("POST", "/api/v1/session", json={"name": "john", "password": "secret"})
    assert answer.headers["set-cookie"].startswith("__Host-umbel=")
    assert "Secure" in answer.headers["set-cookie"]
    assert ask("GET", "/api/v1/session").json()["name"] == "john"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "john", "password": "wrong"}, 401),
        ({"name": "nobody", "password": "secret"}, 401),
        ({"name": "john"}, 422),
        ({"name": "john", "password": "secret", "more": 1}, 422),
        ([], 400),
    ],
)
def test_who_is_not_let_in(ask: Ask, body: Any, status: int) -> None:
    answer = ask("POST", "/api/v1/session", json=body)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert "secret" not in answer.text


def test_what_becomes_of_an_account_becomes_of_its_sessions(app: Starlette, umbel_: Umbel) -> None:
    accounts = Accounts(umbel_.store)
    accounts.add("jane", "word", "admin")
    ask = asking(app)
    sign_in(ask, "jane", "word")
    accounts.change("jane", scope="read")
    assert ask("GET", "/api/v1/session").json()["scope"] == "read"
    assert ask("GET", "/api/v1/users").status_code == 403
    accounts.change("jane", password="another")
    assert ask("GET", "/api/v1/session").status_code == 401
    sign_in(ask, "jane", "another")
    accounts.remove("jane")
    accounts.add("jane", "another", "admin")  # somebody else of this name
    assert ask("GET", "/api/v1/session").status_code == 401


# -- tokens


def test_a_token_is_shown_once_and_kept_as_a_hash(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csrf = sign_in(ask)
    made = ask("POST", "/api/v1/tokens", json={"name": "ci", "scope": "run", "expires_in_days": 1}, headers=csrf)
    assert (made.status_code, made.headers.get("location")) == (201, None)
    token = made.json()["token"]
    assert re.fullmatch(r"umbel_[0-9a-f]{12}_[\w-]{43}", token)
    assert (made.json()["created_by"], made.json()["used_at"]) == ("john", None)
    listed = ask("GET", "/api/v1/tokens")
    assert token not in listed.text
    assert [each["name"] for each in listed.json()["items"]] == ["ci"]
    secret = token.split("_", 2)[2]
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes(), file
    bearer = {"Authorization": f"Bearer {token}"}
    told = ask("GET", "/api/v1/session", headers=bearer).json()
    assert (told["name"], told["scope"], told["csrf"]) == ("ci", "run", None)
    again = ask("POST", "/api/v1/tokens", json={"name": "ci", "scope": "run"}, headers=csrf)
    assert (again.status_code, "already" in again.json()["detail"]) == (400, True)
    (one,) = ask("GET", "/api/v1/tokens").json()["items"]
    now = access.now_ms()
    monkeypatch.setattr(access, "now_ms", lambda: now + 60_000)
    ask("GET", "/api/v1/session", headers=bearer)
    assert ask("GET", "/api/v1/tokens").json()["items"] == [one]  # a minute later is no news
    monkeypatch.setattr(access, "now_ms", lambda: now + access.COARSE_MS)
    ask("GET", "/api/v1/session", headers=bearer)
    assert ask("GET", "/api/v1/tokens").json()["items"][0]["used_at"] > one["used_at"]
    monkeypatch.setattr(access, "now_ms", lambda: now + access.DAY_MS + 1000)
    assert ask("GET", "/api/v1/session", headers=bearer).status_code == 401
    monkeypatch.setattr(access, "now_ms", lambda: now)
    assert ask("GET", "/api/v1/session", headers=bearer).status_code == 200
    assert ask("DELETE", f"/api/v1/tokens/{told['name']}", headers=csrf).json()["id"] == one["id"]
    assert ask("GET", "/api/v1/session", headers=bearer).status_code == 401
    gone = ask("DELETE", f"/api/v1/tokens/{one['id']}", headers=csrf)
    assert (gone.status_code, gone.json()["code"]) == (404, "UMB-046")


def test_accounts_over_the_api(ask: Ask) -> None:
    csrf = sign_in(ask)

    def do(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = ask(method, f"/api/v1{path}", json=body, headers=csrf)
        assert "word" not in answer.text.replace("password", "")
        return answer.status_code, answer.json()

    assert do("POST", "/users", {"name": "jane", "password": "word", "scope": "read"})[0] == 201
    assert do("POST", "/users", {"name": "jane", "password": "word", "scope": "read"})[0] == 400
    assert do("POST", "/users/jane", {"scope": "run"})[1]["scope"] == "run"
    assert do("POST", "/users/jane", {})[0] == 422
    assert do("POST", "/users/nobody", {"scope": "run"})[0] == 404
    assert do("POST", "/users/jane", {"password": "sword"})[1]["scope"] == "run"
    assert [each["name"] for each in do("GET", "/users")[1]["items"]] == ["jane", "john"]
    assert do("DELETE", "/users/jane")[1]["name"] == "jane"
    assert do("DELETE", "/users/jane")[0] == 404


def test_agents_are_offered_what_they_may_and_never_credentials(ask: Ask, umbel_: Umbel) -> None:
    def offered(scope: Any) -> set[str]:
        bearer = {"Authorization": f"Bearer {Tokens(umbel_.store).create(scope, scope, 'test')[1]}"}
        return {each["name"] for each in ask("GET", "/api/v1/tools", headers=bearer).json()}

    read, run, admin = offered("read"), offered("run"), offered("admin")
    assert read < run < admin
    assert "list_runs" in read
    assert "start_run" in run - read
    assert "define_canvas" in admin - run
    assert not admin & {"list_users", "add_user", "create_token", "revoke_token"}
    csrf = sign_in(ask)
    answer = ask("POST", "/api/v1/tools/create_token", json={"name": "x", "scope": "admin"}, headers=csrf)
    assert answer.status_code == 404


def test_the_history_is_told_who_it_was(ask: Ask, umbel_: Umbel, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def perform(umbel: Umbel, asked: Any, by: str) -> Session:
        told.append(by)
        return Session(auth="basic", scope="run")

    monkeypatch.setattr(umbel.api.answer, "perform", perform)
    bearer = {"Authorization": f"Bearer {Tokens(umbel_.store).create('ci', 'run', 'test')[1]}"}
    for path in ("/api/v1/runs/x/pause", "/api/v1/tools/pause_run"):
        ask("POST", path, json={"run_id": "x"} if "tools" in path else None, headers=bearer)
    ask("POST", "/api/v1/runs/x/pause", headers=sign_in(ask))
    assert told == ["token:ci", "token:ci", "john"]


# -- pages of others


SITE = [
    ({}, True),
    ({"sec-fetch-site": "same-origin"}, True),
    ({"sec-fetch-site": "none"}, True),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "same-site"}, False),
    ({"sec-fetch-site": "same-origin", "origin": "http://localhost:5173"}, True),  # a development proxy
    ({"origin": "http://server:8000"}, True),
    ({"origin": "https://SERVER:8000"}, True),  # behind a proxy that ends TLS
    ({"origin": "http://server"}, False),
    ({"origin": "http://server:8000.evil.example"}, False),
    ({"origin": "null"}, False),
    ({"origin": ""}, False),
    ({"origin": "http://["}, False),
]


@pytest.mark.parametrize(("given", "fine"), SITE)
def test_which_pages_may_change_things(given: dict[str, str], fine: bool) -> None:
    headers = Headers({"host": "server:8000", **given})
    if fine:
        origin.check_site(headers)
    else:
        with pytest.raises(ForeignRequest):
            origin.check_site(headers)


def test_no_path_is_led_to_another(ask: Ask) -> None:
    """By the Host header that a request brings, and over plain HTTP if a proxy does not say otherwise."""
    answer = ask("GET", "/api/v1/runs/", auth=("john", "secret"))
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


@pytest.mark.parametrize("name", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:8000", "server:8000", "",
    "10.0.0.7", "umbel.localhost", "mine.example:8000", "MINE.example."])  # fmt: skip
def test_names_that_are_ours(name: str) -> None:
    origin.check_host(name, origin.names("Mine.example, other.example"))


@pytest.mark.parametrize("name", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example",
    "localhost.evil.example", "mine.example.evil.example", "a.b", "[evil.example", "1.2.3"])  # fmt: skip
def test_names_that_may_be_others(name: str) -> None:
    with pytest.raises(ForeignRequest):
        origin.check_host(name, origin.names("mine.example"))
    origin.check_host(name, origin.names("*"))


def test_without_accounts(tmp_path: Path) -> None:
    """Everyone may do everything; but pages of others may not, nor can anybody make credentials for later."""
    umbel_ = container(tmp_path)
    app = create_app(umbel_)
    ask = asking(app, "127.0.0.1:8000")
    assert ask("GET", "/api/v1/session").json() == {
        "auth": "none", "name": None, "scope": "admin", "csrf": None, "expires_at": None
    }  # fmt: skip
    assert ask("GET", "/api/definitions").json() == []
    assert ask("POST", "/api/v1/definitions/check", json={"text": ""}).status_code == 200
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = ask("POST", "/api/v1/definitions/check", json={"text": ""}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "UMB-047")
        answer = ask("POST", "/api/workflows", json={}, headers=headers)
        assert (answer.status_code, "site" in answer.json()["error"]) == (403, True)
    for method, path in (("GET", "/api/v1/users"), ("GET", "/api/v1/tokens")):
        assert ask(method, path).status_code == 403
    for path in ("/api/v1/runs", "/api/definitions", "/", "/docs"):
        answer = asking(app, "evil.example:8000")("GET", path)
        assert answer.status_code == 403, path
    umbel_.store.close()


def test_a_page_is_not_shown_the_browsers_own_dialog(ask: Ask) -> None:
    def challenge(**headers: str) -> str:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return str(ask("GET", "/api/v1/runs", headers=names).headers["www-authenticate"]).split()[0]

    assert challenge() == challenge(Sec_Fetch_Mode="navigate") == "Basic"
    assert challenge(Sec_Fetch_Mode="cors") == challenge(X_CSRF_Token="") == "Bearer"
    assert challenge(Accept="text/event-stream") == "Bearer"


def test_every_answer_says_what_browsers_shall_not_do(ask: Ask) -> None:
    csrf = sign_in(ask)
    asked = [("GET", path) for path in ("/", "/runs", "/assets/none.js", "/docs", "/openapi.json", "/nowhere",
        "/api/definitions", "/api/nowhere", "/api/v1/definitions", "/healthz")]  # fmt: skip
    for method, path in [*asked, ("POST", "/api/v1/runs"), ("DELETE", "/healthz")]:
        headers = ask(method, path, headers=csrf).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY"), path
        assert headers["cache-control"] in ("no-store", "no-cache"), path
    style = re.search(r"<style>(.*?)</style>", pages.docs(), re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in ask("GET", "/docs").headers["content-security-policy"]
