"""The routes of the web pages: what a browser is told to keep, what is compressed, what is there without a build."""

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from umbel.api import ui


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>pages</title>")
    (folder / "assets" / "main-1a2b.js").write_text("alert")
    (folder / "assets" / "main-1a2b.js.gz").write_bytes(b"\x1f\x8bpacked")
    (folder / "assets" / "secret").write_text("no kind that is served")
    (tmp_path / "secret.js").write_text("outside")
    return folder


def get(static: Path, path: str, accept_encoding: str = "identity") -> tuple[httpx.Response, bytes]:
    """The answer, and its body as it is on the wire."""

    async def ask() -> tuple[httpx.Response, bytes]:
        transport = httpx.ASGITransport(app=Starlette(routes=ui.routes(static)))
        async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
            headers = {"Accept-Encoding": accept_encoding}
            async with client.stream("GET", path, headers=headers) as answer:
                return answer, b"".join([part async for part in answer.aiter_raw()])

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/4711?view=timeline", "/definitions/demo.A", "/workers"])
def test_every_path_of_a_page_is_the_one_file_and_asked_for_anew(static: Path, path: str) -> None:
    answer, body = get(static, path)
    assert (answer.status_code, body) == (200, b"<title>pages</title>")
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_is_kept_for_ever_and_compressed_for_who_takes_it(static: Path) -> None:
    plain, body = get(static, "/assets/main-1a2b.js")
    assert (body, plain.headers["content-type"]) == (b"alert", "text/javascript; charset=utf-8")
    assert "immutable" in plain.headers["cache-control"]
    packed, body = get(static, "/assets/main-1a2b.js", "br, gzip")
    assert body == b"\x1f\x8bpacked"
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")


@pytest.mark.parametrize("name", ["none.js", "secret", "main-1a2b.js.gz", "..%2f..%2fsecret.js", "%2e%2e/secret.js"])
def test_nothing_else_is_served(static: Path, name: str) -> None:
    assert get(static, f"/assets/{name}")[0].status_code == 404


def test_without_a_build_one_page_says_how_to_make_it(tmp_path: Path) -> None:
    answer, body = get(tmp_path / "none", "/runs")
    assert answer.status_code == 200
    assert b"make ui" in body
    assert b"<script" not in body
