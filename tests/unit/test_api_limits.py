"""Limits: guesses, requests, event streams, sizes, and patience with slow callers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from tests.asgi import Ask, app, ask, asking, container, sign_in, umbel_
from umbel.api import replies, throttle, wire
from umbel.api.app import create_app
from umbel.api.replies import Context
from umbel.api.v1 import events
from umbel.errors import BadRequest, RequestTooSlow, TooManyRequests
from umbel.service.access import Tokens
from umbel.service.umbel import Umbel

__all__ = ["app", "ask", "umbel_"]


def test_guesses_run_out_and_come_back() -> None:
    now = [0.0]
    guesses = throttle.Guesses(lambda: now[0])
    for _ in range(throttle.GUESSES):
        guesses.begin("john", "10.0.0.1")
    with pytest.raises(TooManyRequests) as caught:
        guesses.begin("john", "10.0.0.1")
    assert caught.value.retry_after == throttle.WINDOW
    guesses.begin("john", "10.0.0.2")  # nobody is locked out from elsewhere
    guesses.begin("jane", "10.0.0.1")
    now[0] = throttle.WINDOW
    guesses.begin("john", "10.0.0.1")
    guesses.right("john", "10.0.0.1")
    for number in range(throttle.GUESSES_OF_ADDRESS):
        guesses.begin(f"u{number}", "10.0.0.3")
    with pytest.raises(TooManyRequests):
        guesses.begin("another", "10.0.0.3")


def test_refused_guesses_take_no_memory() -> None:
    guesses = throttle.Guesses(lambda: 0.0)
    for number in range(2 * throttle.GUESSES_OF_ADDRESS):
        try:
            guesses.begin(f"{number}" + "n" * 20_000, "10.0.0.1")
        except TooManyRequests:
            assert number >= throttle.GUESSES_OF_ADDRESS
    assert len(guesses._wrong) == throttle.GUESSES_OF_ADDRESS + 1
    assert max(map(len, guesses._wrong)) < 100


def test_guesses_from_one_network_of_ipv6_are_one_callers() -> None:
    guesses = throttle.Guesses(lambda: 0.0)
    for number in range(throttle.GUESSES):
        guesses.begin("john", f"2001:db8:0:1::{number:x}")
    with pytest.raises(TooManyRequests):
        guesses.begin("john", "2001:db8:0:1:ffff::1")
    guesses.begin("john", "2001:db8:0:2::1")
    assert throttle.network("fe80::1%eth0") == "fe80::/64"
    assert throttle.network("::ffff:10.0.0.1") == throttle.network("10.0.0.1") == "10.0.0.1"
    assert throttle.network("") == ""


def test_right_passwords_use_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    guesses = throttle.Guesses(lambda: 0.0)
    for _ in range(3 * throttle.GUESSES_OF_ADDRESS):
        guesses.begin("john", "10.0.0.1")
        guesses.right("john", "10.0.0.1")
    monkeypatch.setattr(throttle, "REMEMBERED", 10)
    for number in range(30):
        guesses.begin("john", f"10.0.1.{number}")
    assert len(guesses._wrong) == 10


def test_too_many_wrong_passwords(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "GUESSES", 2)
    wrong = {"name": "john", "password": "wrong"}
    assert ask("POST", "/api/v1/session", json=wrong).status_code == 401
    assert ask("GET", "/api/v1/runs", auth=("john", "wrong")).status_code == 401
    for answer in (
        ask("POST", "/api/v1/session", json={"name": "john", "password": "secret"}),
        ask("GET", "/api/v1/runs", auth=("john", "secret")),
        ask("GET", "/api/workflows", auth=("john", "secret")),
    ):
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= throttle.WINDOW


def test_pace() -> None:
    now = [0.0]
    pace = throttle.Pace(6, lambda: now[0])
    for _ in range(6):
        pace.take("a")
    with pytest.raises(TooManyRequests) as caught:
        pace.take("a")
    assert caught.value.retry_after == 10
    pace.take("b")
    now[0] = 10
    pace.take("a")
    with pytest.raises(TooManyRequests):
        pace.take("a")
    unlimited = throttle.Pace(0, lambda: 0.0)
    for _ in range(1000):
        unlimited.take("a")


def test_requests_of_one_caller_in_a_minute(tmp_path: Path) -> None:
    umbel_ = container(tmp_path, max_requests_per_minute=2)
    ask = asking(create_app(umbel_))
    codes = [ask("GET", path).status_code for path in ("/docs", "/api/v1/definitions", "/docs", "/healthz")]
    assert codes == [200, 200, 429, 200]
    umbel_.store.close()


def test_the_head_of_a_stream_takes_no_place(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LONGEST", 0.01)  # or it would be waited for
    monkeypatch.setattr(throttle.Streams, "one", None)
    answer = ask("HEAD", "/api/v1/events", auth=("john", "secret"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


def test_streams_have_places() -> None:
    streams = throttle.Streams(3, 2)
    with streams.one("a"), streams.one("a"):
        with pytest.raises(TooManyRequests), streams.one("a"):
            pass
        with streams.one("b"), pytest.raises(TooManyRequests), streams.one("c"):
            pass
        with streams.one("c"):
            pass
    with streams.one("a"):
        pass
    assert not streams._open


def test_a_feed_gives_its_place_back(tmp_path: Path) -> None:
    """Two are open, a third is refused; when one was closed by its reader, another may come."""
    umbel_ = container(tmp_path, auth="basic", max_streams_per_caller=2)
    app = create_app(umbel_)
    bearer = (b"authorization", f"Bearer {Tokens(umbel_.store).create('ci', 'read', 'test')[1]}".encode())

    async def go() -> list[int]:
        codes: list[int] = []

        def reader() -> tuple["asyncio.Task[None]", asyncio.Event, asyncio.Event]:
            begun, leave = asyncio.Event(), asyncio.Event()

            async def receive() -> Any:
                await leave.wait()
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    codes.append(message["status"])
                begun.set()

            scope = {
                "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
                "method": "GET", "path": "/api/v1/events", "raw_path": b"/api/v1/events", "root_path": "",
                "query_string": b"", "scheme": "http",
                "headers": [(b"host", b"server"), bearer], "client": ("10.0.0.1", 1), "server": ("server", 80),
            }  # fmt: skip
            return asyncio.ensure_future(app(scope, receive, send)), begun, leave

        readers = [reader() for _ in range(2)]
        for _, begun, _ in readers:
            await begun.wait()
        third = reader()
        await third[0]
        readers[0][2].set()
        await readers[0][0]
        readers.append(reader())
        await readers[-1][1].wait()
        for task, _, leave in readers[1:]:
            leave.set()
            await task
        return codes

    assert asyncio.run(asyncio.wait_for(go(), 20)) == [200, 200, 429, 200]
    umbel_.store.close()


@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/workflows", "/api/v1/session", "/api/v1/tools/list_runs",
    "/api/v1/definitions/check", "/api/v1/users"])  # fmt: skip
def test_a_large_body_is_refused_with_and_without_its_length(ask: Ask, umbel_: Umbel, path: str) -> None:
    size = umbel_.settings.max_payload_bytes + 5000
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 20 * size:
            sent += 100_000
            yield b" " * 100_000

    headers = {"Content-Type": "application/json", **sign_in(ask)}
    assert ask("POST", path, content=chunks(), headers=headers).status_code == 413
    assert ask("POST", path, content=b" " * size, headers=headers).status_code == 413


def test_large_headers_are_refused(ask: Ask) -> None:
    assert ask("GET", "/healthz", headers={"X": "x" * 40_000}).status_code == 431


def test_a_body_that_does_not_come(umbel_: Umbel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "PATIENCE", 0.01)

    async def never() -> Any:
        await asyncio.Event().wait()

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, never)
    with pytest.raises(RequestTooSlow):
        asyncio.run(Context(umbel_).body(request))


def test_a_body_that_ends_too_early_is_no_fault_of_ours(umbel_: Umbel) -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, gone)
    with pytest.raises(BadRequest):
        asyncio.run(Context(umbel_).body(request))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HT",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nX: " + b"x" * 70_000,
    ],
    ids=["nothing", "half a line", "half a header", "too much"],
)
def test_a_connection_that_does_not_come_to_the_point_is_closed(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_PATIENCE", 60.0 if len(sent) > wire.MAX_HEAD else 0.05)
    assert spoken(sent) == b""


def test_a_request_that_is_answered_late_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_PATIENCE", 0.05)
    assert b"200 OK" in spoken(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 0.1)


def test_so_is_one_that_was_of_use_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first bytes of a second request end uvicorn's own wait for one."""
    monkeypatch.setattr(wire, "HEAD_PATIENCE", 0.2)
    assert spoken(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", then=b"GET /").count(b"200 OK") == 1


def spoken(sent: bytes, late: float = 0.0, then: bytes = b"") -> bytes:
    """What a server says that answers after so many seconds, until the connection is closed; `then` is sent when the
    first answer has come."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=late)
        await PlainTextResponse("in")(scope, receive, send)

    async def go() -> bytes:
        config = uvicorn.Config(app, log_config=None, http=wire.Wire, ws="none", lifespan="off")
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: wire.Wire(config, ServerState(), {}), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(sent)
            try:
                begun = await reader.readuntil(b"\r\n\r\nin") if then else b""
                writer.write(then)
                return begun + await reader.read()
            except ConnectionResetError:
                return b""
            finally:
                writer.close()

    return asyncio.run(asyncio.wait_for(go(), 20))
