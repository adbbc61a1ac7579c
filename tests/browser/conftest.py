"""A real browser on the real stack: server, worker, Valkey, SQLite, the demo's model service."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.site import PAGES, PATIENCE_MS, Site
from tests.fake_server import Fake, fake_server
from umbel.stack.options import DEMO_PROJECT, demo_options
from umbel.stack.run import Stack, run_stack

expect.set_options(timeout=PATIENCE_MS)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it (UMBEL_TEST_CHROMIUM names another); Playwright's own would be a download.

    Not for the whole session: Playwright keeps an event loop running in this thread, in which other files' tests could
    not start their own.
    """
    named = os.environ.get("UMBEL_TEST_CHROMIUM")
    found = named or next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium here (on Debian: apt install chromium); UMBEL_TEST_CHROMIUM names one elsewhere")
    if not (PAGES / "index.html").is_file():
        pytest.skip("the web pages are not built: make ui")
    with sync_playwright() as playwright:
        # Root, as in a container, may use no sandbox of Chromium's.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def told() -> Iterator[Fake]:
    """Who hears by webhook of the ends of `web.TOLD`."""
    with fake_server() as fake:
        fake.on("POST /", {})
        yield fake


@pytest.fixture(scope="module")
def stack(browser: Browser, told: Fake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The demo's project and, beside it, definitions that a test can hold."""
    folder = tmp_path_factory.mktemp("web")
    project = folder / "project"
    shutil.copytree(DEMO_PROJECT, project)
    ours = Path(__file__).parent / "project"
    shutil.copytree(ours / "tasks", project / "tasks", dirs_exist_ok=True)
    definitions = [(each / "workflows.yml").read_text(encoding="utf-8") for each in (DEMO_PROJECT, ours)]
    hooked = f"web.TOLD: {{tasks: [NOTHING], hooks: {{webhook: '{told.url}/'}}}}\n"
    (project / "workflows.yml").write_text("\n".join([*definitions, hooked, wide(1000)]), encoding="utf-8")
    env = {"UMBEL_AUTH": "none", "WEB_HOME": str(folder), "UMBEL_HEARTBEAT": "0.5", "UMBEL_LEASE": "2"}
    env |= {"UMBEL_WEBHOOK_ALLOW": "127.0.0.1", "UMBEL_LEARN": "true"}
    options = replace(demo_options(port=0, data=folder / "data", project=project), env=env)
    with run_stack(options, lambda line: None) as stack:
        yield stack


def wide(count: int) -> str:
    """A definition of `count` tasks in layers of 25, each of which needs two of the layer before."""
    lines = ["web.WIDE:", "  tasks:"]
    for number in range(count):
        layer, place = divmod(number, 25)
        needs = [f"t{(layer - 1) * 25 + each % 25}" for each in (place, place * 7 + 3)] if layer else []
        lines.append(f"    t{number}: {{task: NOTHING, needs: [{', '.join(dict.fromkeys(needs))}]}}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def site(browser: Browser, stack: Stack, tmp_path: Path) -> Iterator[Site]:
    """The pages as one reader sees them. A script error or a refused source in any of them fails the test."""
    folder = Path(os.environ.get("UMBEL_TEST_SCREENSHOTS") or tmp_path)
    site = Site(browser, stack, folder)
    yield site
    site.close()
    assert site.complaints == []
