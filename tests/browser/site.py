"""What the browser tests do on the pages and ask of the server."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

import umbel.api.ui
from umbel.stack.run import Stack

PAGES = umbel.api.ui.STATIC
AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
PATIENCE_MS = 20_000


class Site:
    """One reader: pages in a browser, and the server's API beside it."""

    def __init__(self, browser: Browser, stack: Stack, folder: Path) -> None:
        self._browser = browser
        self._folder = folder
        self._contexts: list[BrowserContext] = []
        self.stack = stack
        self.complaints: list[str] = []
        """What the browser's console said that is no good."""

    @property
    def url(self) -> str:
        return self.stack.urls.server

    def page(self, path: str = "/", *, size: dict[str, int] | None = None, theme: str = "light") -> Page:
        """A page in a fresh browser profile."""
        context = self._browser.new_context(
            viewport=size or WIDE,  # type: ignore[arg-type]
            color_scheme=theme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            base_url=self.url,
            bypass_csp=False,
        )
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.goto(path)
        return page

    def _on_console(self, message: ConsoleMessage) -> None:
        # A request that the server refuses, or cannot answer while it is away, is part of some tests.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that the server answers."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def start(self, definition: str, comment: str | None = None, **payload: Any) -> str:
        """Start a run; its id."""
        body = {"definition": definition, "payload": payload, "comment": comment}
        return str(self.ask("POST", "/api/v1/runs", body)["id"])

    def done(self, definition: str, comment: str | None = None, **payload: Any) -> str:
        """Start a run and wait until it has ended; its id."""
        body = {"definition": definition, "payload": payload, "comment": comment}
        return str(self.ask("POST", "/api/v1/runs?wait=40", body)["id"])

    def let_go(self, run: str) -> None:
        """A held task of this run goes on."""
        (self.stack.data.parent / run).touch()

    def keep(self, page: Page, name: str) -> None:
        """A screenshot, for who wants to look (UMBEL_TEST_SCREENSHOTS says where)."""
        page.screenshot(path=self._folder / f"{name}.png")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def settled(page: Page) -> None:
    """Nothing is being fetched any more."""
    page.locator("h1, .empty h2").first.wait_for()
    expect(page.locator(".loading")).to_have_count(0)


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds wrong with the page as it stands (by these rules, or all): rule, impact, the first places."""
    # The rules that need frames or colours of images are axe's defaults; the script goes in past the page's own CSP.
    options = json.dumps({"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})})
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = session.send(
        "Runtime.evaluate",
        {
            "expression": f"axe.run(document, {options}).then((r) => JSON.stringify(r.violations))",
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    session.detach()
    return [
        f"{each['id']} ({each['impact']}): " + "; ".join(node["html"][:160] for node in each["nodes"][:3])
        for each in json.loads(found["result"]["value"])
    ]
