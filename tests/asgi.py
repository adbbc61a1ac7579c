"""The application in this process: asked without sockets, on SQLite, with nobody at the state store's address."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from umbel.api.app import create_app
from umbel.engine.engine import Engine
from umbel.service.accounts import Accounts
from umbel.service.umbel import Umbel
from umbel.settings import load_settings

Ask = Callable[..., httpx.Response]


def container(folder: Path, **flags: Any) -> Umbel:
    settings = load_settings(
        home=folder, state_url="redis://127.0.0.1:1/0", database_url=f"sqlite:///{folder}/umbel.db", **flags
    )
    found = Umbel(settings, Engine.open(settings), lambda items: None, loops=False)
    found.store.database.prepare()
    return found


def asking(app: Starlette, host: str = "server", scheme: str = "http") -> Ask:
    """Asks the application; cookies are kept from one request to the next."""
    jar = httpx.Cookies()

    def ask(method: str, path: str, **options: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://{host}", cookies=jar) as client:
                answer = await client.request(method, path, **options)
                jar.update(client.cookies)
                return answer

        return asyncio.run(go())

    return ask


def sign_in(ask: Ask, name: str = "john", password: str = "secret") -> dict[str, str]:
    """The header that changes need."""
    answer = ask("POST", "/api/v1/session", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    return {"X-CSRF-Token": answer.json()["csrf"]}


@pytest.fixture
def umbel_(tmp_path: Path) -> Iterator[Umbel]:
    found = container(tmp_path, auth="basic")
    Accounts(found.store).add("john", "secret", "admin")
    yield found
    found.store.close()


@pytest.fixture
def app(umbel_: Umbel) -> Starlette:
    return create_app(umbel_)


@pytest.fixture
def ask(app: Starlette) -> Ask:
    return asking(app)
