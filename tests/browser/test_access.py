"""Signing in and out, users and tokens, on a server that asks for credentials: no worker and no other part runs."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import PHONE, Site, violations
from tests.serving import serving
from tests.valkey import valkey_url as valkey_url  # a fixture
from umbel.service.access import Tokens
from umbel.service.accounts import Accounts

pytestmark = [pytest.mark.browser]


@dataclass
class Guarded:
    """The pages of a server with accounts, and its database."""

    site: Site
    store: Any


@pytest.fixture(scope="module")
def served(browser: Browser, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("guarded")
    (home / "workflows.yml").write_text("demo.ONE: {tasks: [A]}\n")
    with serving(home, home, f"{valkey_url[:-1]}12", auth="basic") as served:
        accounts = Accounts(served.umbel.store)
        accounts.add("john", "secret", "admin")
        accounts.add("reader", "word", "read")
        yield served


@pytest.fixture
def guarded(browser: Browser, served: Any, tmp_path: Path) -> Iterator[Guarded]:
    stack: Any = SimpleNamespace(urls=SimpleNamespace(server=str(served.http.base_url)))
    site = Site(browser, stack, Path(os.environ.get("UMBEL_TEST_SCREENSHOTS") or tmp_path))
    yield Guarded(site, served.umbel.store)
    site.close()
    assert site.complaints == []


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_signing_in_and_out(guarded: Guarded) -> None:
    page = guarded.site.page("/definitions")
    expect(page.get_by_role("heading", name="Sign in to Umbel")).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    assert violations(page) == []
    sign_in(page, "john", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("no account with this name and password")
    sign_in(page, "john", "secret")
    expect(page.get_by_role("link", name="demo.ONE", exact=True)).to_be_visible()  # the page that was wanted
    assert page.evaluate("document.cookie") == ""
    other = page.context.new_page()
    other.goto("/runs")
    expect(other.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    page.get_by_role("button", name="Signed in as john").click()
    expect(page.get_by_role("dialog")).to_contain_text("do everything")
    assert violations(page) == []
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Umbel")).to_be_visible()
    other.get_by_role("link", name="Workers").click()
    expect(other.get_by_role("heading", name="Sign in to Umbel")).to_be_visible()


def test_a_reader_starts_nothing_and_manages_nobody(guarded: Guarded) -> None:
    page = guarded.site.page("/settings")
    sign_in(page, "reader", "word")
    expect(page.get_by_role("heading", name="Users and tokens are for administrators")).to_be_visible()
    page.goto("/definitions/demo.ONE?start=1")
    page.get_by_role("button", name="Start").last.click()
    expect(page.get_by_role("alert")).to_contain_text("This needs the scope run")


@pytest.mark.parametrize(("size", "theme"), [(None, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_users_and_tokens(guarded: Guarded, size: dict[str, int] | None, theme: str) -> None:
    page = guarded.site.page("/settings", size=size, theme=theme)
    sign_in(page, "john", "secret")
    expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
    page.get_by_role("button", name="Create a token").click()
    expect(page.get_by_label("What it is for")).to_be_focused()
    assert violations(page) == []
    page.keyboard.type("ci")
    page.get_by_label("May").select_option("run")
    page.get_by_role("button", name="Create", exact=True).click()
    shown = page.locator("[data-token]")
    token = shown.text_content() or ""
    principal = Tokens(guarded.store).principal(token)
    assert principal is not None
    assert (principal.by, principal.scope) == ("token:ci", "run")
    page.get_by_role("button", name="I have it").click()
    expect(shown).to_have_count(0)
    row = page.get_by_role("listitem").filter(has_text="Made by john").filter(has_text="ci May")
    expect(row).to_contain_text("look, start, stop and decide")
    assert token not in page.content()
    page.get_by_role("button", name="Add a user").click()
    page.keyboard.type("jane")
    page.get_by_role("dialog").get_by_label("Password").fill("word")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Change jane")).to_be_visible()
    expect(page.get_by_role("button", name="Remove john")).to_be_disabled()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Change jane").click()
    page.get_by_label("May").select_option("read")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("listitem").filter(has_text="jane")).to_contain_text("look at everything")
    guarded.site.keep(page, f"access-{theme}")
    for button, verb in (("Remove jane", "Remove"), ("Revoke ci", "Revoke")):
        page.get_by_role("button", name=button).click()
        page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()
        expect(page.get_by_role("button", name=button)).to_have_count(0)
    assert Tokens(guarded.store).principal(token) is None


@pytest.mark.parametrize(("size", "theme"), [(None, "dark"), (PHONE, "light")], ids=["desk", "phone"])
def test_an_agent_is_let_in(guarded: Guarded, size: dict[str, int] | None, theme: str) -> None:
    page = guarded.site.page("/agents", size=size, theme=theme)
    sign_in(page, "john", "secret")
    expect(page.get_by_role("heading", name="list_definitions", exact=False)).to_be_visible()
    configuration = page.get_by_role("group", name="Configuration for HTTP")
    expect(configuration).to_contain_text("Bearer umbel_YOUR_TOKEN")
    page.get_by_role("button", name="Create a token").click()
    page.keyboard.type(f"bot-{theme}")
    page.get_by_label("May").select_option("read")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("button", name="I have it").click()
    told = json.loads(configuration.text_content() or "")["mcpServers"]["umbel"]
    assert Tokens(guarded.store).principal(told["headers"]["Authorization"].removeprefix("Bearer ")) is not None
    assert told["url"] == f"{guarded.site.url}/mcp".replace("//mcp", "/mcp")
    guarded.site.keep(page, f"agents-{theme}")
    page.get_by_role("tab", name="umbel mcp").click()
    expect(page.get_by_role("group", name="Configuration for stdio")).to_contain_text("UMBEL_TOKEN")
    page.locator("summary").filter(has_text="run_id").first.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("tab", name="Anthropic").click()
    with page.expect_download() as file:
        page.get_by_role("button", name="Download the tools (anthropic)").click()
    tools = json.loads(file.value.path().read_text(encoding="utf-8"))
    assert {"name", "description", "input_schema"} == set(tools[0])
    page.screenshot(path=guarded.site._folder / f"agents-all-{theme}.png", full_page=True)
