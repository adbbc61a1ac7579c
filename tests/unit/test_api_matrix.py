"""Who gets through to which route: every route of the application times everyone who may ask.

`ROWS` is written by hand, not taken from `umbel.api.doors`: a route that is new has to be thought about here too.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from umbel.api import director
from umbel.api.app import create_app
from umbel.api.openapi import document
from umbel.engine.engine import Engine
from umbel.errors import HistoryUnavailable
from umbel.service.access import Sessions, Tokens
from umbel.service.accounts import Accounts
from umbel.service.operations import OPERATIONS
from umbel.service.umbel import Umbel
from umbel.settings import load_settings

LET_IN: Final = 299
"""What the stand-in for all routes answers."""

OPEN = """
GET /
GET /assets/{name}
GET /runs
GET /runs/{rest:path}
GET /definitions
GET /definitions/{rest:path}
GET /schedules
GET /schedules/{rest:path}
GET /workers
GET /workers/{rest:path}
GET /queues
GET /queues/{rest:path}
GET /agents
GET /agents/{rest:path}
GET /settings
GET /settings/{rest:path}
GET /learn
GET /learn/{rest:path}
GET /playground
GET /playground/{rest:path}
GET /healthz
GET /readyz
GET /api/ping
OPTIONS /api/ping
POST /api/v1/session
"""
ANY = """
GET /api/v1/session
DELETE /api/v1/session
POST /api/v1/tools/{name}
"""
READ = """
POST /mcp
GET /docs
GET /metrics
GET /openapi.json
GET /api/workflows
OPTIONS /api/workflows
GET /api/workflows/{id}
OPTIONS /api/workflows/{id}
OPTIONS /api/workflows/{id}/relaunch
OPTIONS /api/workflows/{id}/cancel
GET /api/definitions
OPTIONS /api/definitions
GET /api/v1/definitions
GET /api/v1/definitions/schema
GET /api/v1/definitions/{name}
GET /api/v1/definitions/{name}/versions
GET /api/v1/definitions/{name}/versions/{version}
POST /api/v1/definitions/check
GET /api/v1/definitions/{name}/graph
GET /api/v1/deliveries
GET /api/v1/events
GET /api/v1/health
GET /api/v1/playground
GET /api/v1/queues
GET /api/v1/lessons
GET /api/v1/lessons/{slug}
GET /api/v1/lessons/{slug}/steps/{step}/runs/{run_id}
POST /api/v1/lessons/{slug}/check
GET /api/v1/runs
GET /api/v1/runs/counts
GET /api/v1/runs/{run_id}
GET /api/v1/runs/{run_id}/wait
GET /api/v1/health
GET /api/v1/lab
GET /api/v1/runs/{run_id}/compare/{other}
GET /api/v1/runs/{run_id}/deliveries
GET /api/v1/runs/{run_id}/diagnosis
GET /api/v1/runs/{run_id}/events
GET /api/v1/runs/{run_id}/graph
GET /api/v1/runs/{run_id}/history
GET /api/v1/runs/{run_id}/trace
GET /api/v1/runs/{run_id}/tasks
GET /api/v1/runs/{run_id}/tasks/{key}
GET /api/v1/runs/{run_id}/logs
GET /api/v1/runs/{run_id}/output
GET /api/v1/runs/{run_id}/tasks/{key}/logs
GET /api/v1/schedules
GET /api/v1/tools
GET /api/v1/workers
"""
RUN = """
POST /api/workflows
POST /api/workflows/{id}/relaunch
POST /api/workflows/{id}/cancel
POST /api/v1/playground/runs
POST /api/v1/lessons/{slug}/steps/{step}
POST /api/v1/runs
POST /api/v1/runs/{run_id}/cancel
POST /api/v1/runs/{run_id}/relaunch
POST /api/v1/runs/{run_id}/retry
POST /api/v1/runs/{run_id}/pause
POST /api/v1/runs/{run_id}/resume
POST /api/v1/runs/{run_id}/tasks/{key}/approve
POST /api/v1/runs/{run_id}/tasks/{key}/reject
POST /api/v1/runs/{run_id}/deliveries/{delivery}/redeliver
POST /api/v1/schedules/{definition}/pause
POST /api/v1/schedules/{definition}/resume
"""
ADMIN = """
POST /api/v1/lab/{act}
PUT /api/v1/definitions/{name}
DELETE /api/v1/definitions/{name}
GET /api/v1/users
POST /api/v1/users
POST /api/v1/users/{name}
DELETE /api/v1/users/{name}
GET /api/v1/tokens
POST /api/v1/tokens
DELETE /api/v1/tokens/{token_id}
"""
ROWS: Final[dict[str, str]] = {
    row: need
    for need, rows in {"open": OPEN, "any": ANY, "read": READ, "run": RUN, "admin": ADMIN}.items()
    for row in rows.split("\n")
    if row
}
REACH: Final = ("any", "read", "run", "admin")


@dataclass
class Caller:
    """Somebody: the headers they send, and the scope they have; None if they are nobody."""

    scope: str | None
    headers: dict[str, str] = field(default_factory=dict)
    changes: bool = True
    """Whether they may change anything at all."""

    def answer(self, method: str, need: str) -> int:
        """What they get."""
        if method not in ("GET", "HEAD", "OPTIONS") and not self.changes and (need != "open" or self.foreign):
            return 403 if self.scope or self.foreign else 401
        if need == "open":
            return LET_IN
        if self.scope is None:
            return 401
        return LET_IN if REACH.index(self.scope) >= REACH.index(need) else 403

    @property
    def foreign(self) -> bool:
        return bool({"Sec-Fetch-Site", "Origin"} & set(self.headers))


async def stub(scope: Scope, receive: Receive, send: Send) -> None:
    """In the place of all routes: whoever comes so far was let in."""
    await PlainTextResponse("in", LET_IN)(scope, receive, send)


class Shut:
    """The application with its real routes to ask, none of which is reached."""

    def __init__(self, app: Starlette) -> None:
        self.routes = app.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await stub(scope, receive, send)


@pytest.fixture(scope="module")
def umbel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Umbel]:
    folder = tmp_path_factory.mktemp("matrix")
    settings = load_settings(
        home=folder,
        state_url="redis://127.0.0.1:1/0",  # nobody there: nothing may depend on it
        database_url=f"sqlite:///{folder}/umbel.db",
        auth="basic",
    )
    found = Umbel(settings, Engine.open(settings), lambda items: None, loops=False)
    found.store.database.prepare()
    yield found
    found.store.close()


@pytest.fixture(scope="module")
def callers(umbel: Umbel) -> dict[str, Caller]:
    """Everyone who may ask."""
    store = umbel.store
    tokens, accounts, sessions = Tokens(store), Accounts(store), Sessions(store, 12)
    found = {"none": Caller(None)}

    def bearer(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    for scope in ("read", "run", "admin"):
        _, token = tokens.create(f"t-{scope}", scope, "test")
        found[f"{scope} token"] = Caller(scope, bearer(token))
        accounts.add(scope, "word", scope)
        basic = httpx.BasicAuth(scope, "word")._auth_header
        found[f"{scope} account"] = Caller(scope, {"Authorization": basic})
        secret, principal = sessions.begin(scope, scope)
        cookie = {"Cookie": f"umbel={secret}"}
        assert principal.csrf
        found[f"{scope} session"] = Caller(scope, {**cookie, "X-CSRF-Token": principal.csrf})
        found[f"{scope} session without csrf"] = Caller(scope, cookie, changes=False)
        found[f"{scope} session with another's csrf"] = Caller(scope, {**cookie, "X-CSRF-Token": "0" * 64}, False)
    row, right = tokens.create("wrong", "admin", "test")
    found["wrong token"] = Caller(None, bearer(f"umbel_{row.id}_{right.rpartition('_')[2][::-1]}"))
    found["other kind of token"] = Caller(None, bearer("c2VjcmV0"))
    found["broken basic"] = Caller(None, {"Authorization": "Basic "})
    found["expired token"] = Caller(None, bearer(tokens.create("old", "admin", "test", days=1e-9)[1]))
    _, gone = tokens.create("gone", "admin", "test")
    tokens.revoke("gone")
    found["revoked token"] = Caller(None, bearer(gone))
    found["expired session"] = Caller(None, {"Cookie": f"umbel={Sessions(store, 1e-9).begin('admin', 'admin')[0]}"})
    found["made-up session"] = Caller(None, {"Cookie": "umbel=x"})
    admin, session = found["admin token"].headers, found["admin session"].headers
    found["cross-site"] = Caller("admin", {**session, "Sec-Fetch-Site": "cross-site"}, False)
    found["same-site"] = Caller("admin", {**admin, "Sec-Fetch-Site": "same-site"}, False)
    found["other origin"] = Caller("admin", {**admin, "Origin": "https://evil.example"}, False)
    found["null origin"] = Caller("admin", {**session, "Origin": "null"}, False)
    return found


def declared(routes: list[BaseRoute], prefix: str = "") -> Iterator[str]:
    """`METHOD path` of every route, celery-director's from its own table."""
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from declared(list(route.routes), prefix + route.path)
        elif isinstance(route, Mount) or route.path == "/api":  # type: ignore[attr-defined]
            assert getattr(route, "app", None) is not None, route
            assert prefix + route.path == "/api", f"{route}: a new kind of door; who may use it?"  # type: ignore[attr-defined]
        else:
            assert isinstance(route, Route), f"{route}: a new kind of route; who may use it?"
            assert route.methods, f"{route}: all methods?"
            yield from (f"{method} {prefix}{route.path}" for method in route.methods - {"HEAD"})


def of_director() -> Iterator[str]:
    for pattern, methods, _ in director._ROUTES:
        yield from (f"{method} {director.template(pattern.pattern.replace('([^/]+)', 'x'))}" for method in methods)
        yield f"OPTIONS {director.template(pattern.pattern.replace('([^/]+)', 'x'))}"


def ask(app: Starlette, asked: list[tuple[str, str, dict[str, str]]]) -> list[httpx.Response]:
    async def go() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return [await client.request(method, path, headers=headers) for method, path, headers in asked]

    return asyncio.run(go())


def shut(umbel: Umbel) -> Starlette:
    app = create_app(umbel)
    app.router = Shut(app)  # type: ignore[assignment]
    return app


def example(path: str) -> str:
    return re.sub(r"{\w+(:path)?}", "x", path)


def test_every_route_has_a_row_and_every_row_a_route(umbel: Umbel) -> None:
    there = {*declared(list(create_app(umbel).routes)), *of_director()}
    assert there - {*ROWS} == set(), "say who may use these: in ROWS here and in umbel.api.doors"
    assert {*ROWS} - there == set(), "no such routes"
    described = {f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods}
    assert described <= {*ROWS}
    for operation in OPERATIONS:
        assert ROWS[f"{operation.spec.method} /api/v1{operation.spec.path}"] == operation.spec.scope


def test_everyone_gets_what_is_theirs(umbel: Umbel, callers: dict[str, Caller]) -> None:
    cells: list[tuple[str, str, str, int]] = []
    for row, need in ROWS.items():
        method, path = row.split()
        for name, caller in callers.items():
            for each in (method, "HEAD") if method == "GET" else (method,):
                if path == "/api/v1/tools/{name}":
                    for tool in OPERATIONS:
                        needed = tool.spec.scope
                        cells.append((name, each, path.replace("{name}", tool.spec.name), caller.answer(each, needed)))
                else:
                    cells.append((name, each, example(path), caller.answer(each, need)))
    asked = [(method, path, callers[name].headers) for name, method, path, _ in cells]
    answers = ask(shut(umbel), asked)
    wrong = [
        f"{method} {path} as {name}: {answer.status_code}, not {expected}"
        for (name, method, path, expected), answer in zip(cells, answers, strict=True)
        if answer.status_code != expected
    ]
    assert wrong == []
    assert len(cells) > 2500
    for answer in answers:
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"]
        if answer.status_code != LET_IN:
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "anybody", "admin"),
    [
        ("GET", "/nowhere", 401, LET_IN),  # the router says that it is not there
        ("GET", "/api/v1/nowhere", 401, LET_IN),
        ("PATCH", "/api/v1/runs", 401, LET_IN),
        ("GET", "/api/other", 401, LET_IN),
        ("PUT", "/api/workflows", 401, LET_IN),
        ("POST", "/healthz", 401, LET_IN),
        ("GET", "/healthz/", 401, LET_IN),
        ("GET", "/api/ping/", 401, LET_IN),
        ("GET", "//api/v1/runs", 401, LET_IN),
        ("POST", "/api/v1/tools/no_such_tool", 401, LET_IN),
        ("GET", "/mcp", 401, LET_IN),
    ],
)
def test_what_is_not_there_is_for_nobody_unknown(
    umbel: Umbel, callers: dict[str, Caller], method: str, path: str, anybody: int, admin: int
) -> None:
    asked = [(method, path, callers[name].headers) for name in ("none", "admin token")]
    assert [answer.status_code for answer in ask(shut(umbel), asked)] == [anybody, admin]


def test_a_route_that_nobody_classified_answers_nobody(umbel: Umbel, callers: dict[str, Caller]) -> None:
    async def secret(_: Any) -> PlainTextResponse:
        return PlainTextResponse("secret")

    app = create_app(umbel)
    app.router.routes.insert(0, Route("/api/v1/backdoor", secret))
    app.router.routes.insert(0, Mount("/other", app=stub))
    app.router.routes.insert(0, Mount("/below", routes=[Route("/x", secret)]))
    for path in ("/api/v1/backdoor", "/other/x", "/below/x"):
        asked = [("GET", path, callers[name].headers) for name in ("none", "admin token", "admin session")]
        assert [answer.status_code for answer in ask(app, asked)] == [401, 403, 403], path


def test_a_database_that_is_away_lets_nobody_in(umbel: Umbel, callers: dict[str, Caller], monkeypatch: Any) -> None:
    def away(*_: object) -> Any:
        raise HistoryUnavailable("away")

    for name in ("token", "session", "password_hash"):
        monkeypatch.setattr(umbel.store, name, away)
    asked = [
        ("GET", path, callers[name].headers)
        for path in ("/api/v1/runs", "/api/workflows")
        for name in ("admin token", "admin session", "admin account")
    ]
    answers = ask(shut(umbel), asked)
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "2")}
