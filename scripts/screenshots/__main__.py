"""Takes the pictures of README and docs again: `make screenshots`. Real runs on a real stack, in the system's Chromium.

Each picture is a function below; ARGS names those that are wanted, all of them if none is named.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.screenshots.smaller import smaller
from umbel.stack.options import DEMO_PROJECT, demo_options
from umbel.stack.run import Stack, run_stack

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
PROJECT: Final = Path(__file__).parent / "project"
MOST_BYTES: Final = 150_000
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS: Final = 60_000


class Shop:
    """The stack with the shop's project, and a browser before it."""

    def __init__(self, stack: Stack, browser: Browser, home: Path) -> None:
        self.stack = stack
        self._browser = browser
        self._home = home

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The server's answer."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.stack.urls.server + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)

    def start(self, definition: str, comment: str | None = None, *, wait: bool = False, **payload: Any) -> str:
        """Start a run, and wait for its end if that is wanted; its id."""
        body = {"definition": definition, "payload": payload, "comment": comment}
        return str(self.ask("POST", "/api/v1/runs" + ("?wait=50" if wait else ""), body)["id"])

    def let_go(self, run: str) -> None:
        """The held parcel of this run goes on."""
        (self._home / run).touch()

    @contextmanager
    def page(self, path: str, *, theme: str = "light", height: int = 760) -> Iterator[Page]:
        """A page of 1,280 px, without animations."""
        context = self._browser.new_context(
            viewport={"width": 1280, "height": height},
            color_scheme=theme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            base_url=self.stack.urls.server,
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(path)
        page.locator("h1").first.wait_for()
        yield page
        context.close()


def keep(page: Page, name: str) -> None:
    """Write docs/images/NAME.png. Raises SystemExit if it is too large for a repository."""
    expect(page.locator(".loading")).to_have_count(0)
    page.mouse.move(0, 0)
    path = IMAGES / f"{name}.png"
    path.write_bytes(smaller(page.screenshot(animations="disabled", caret="hide")))
    size = path.stat().st_size
    print(f"{path.name}: {size / 1000:.0f} kB", flush=True)
    if size > MOST_BYTES:
        sys.exit(f"{path.name} is larger than {MOST_BYTES / 1000:.0f} kB")


def live(shop: Shop) -> None:
    """The graph of a run under way: done, running, a map half done, a retry that counts down."""
    run = shop.start("shop.ORDER", "order of the day", order="A-1042", parcels=6, held=3, card="slow", pause=40)
    with shop.page(f"/runs/{run}", height=580) as page:
        expect(page.locator('.node[data-node="charge"][data-state="retrying"]')).to_be_visible()
        expect(page.locator('.node[data-node="labels"]')).to_contain_text("3 of 6")
        keep(page, "live-run")
    shop.let_go(run)


def diagnosis(shop: Shop) -> None:
    """Why a run failed: cause, line of code, attempts, what never ran, what to do."""
    run = shop.start("shop.ORDER", wait=True, order="A-1043", parcels=2, card="stolen")
    with shop.page(f"/runs/{run}", height=800) as page:
        page.get_by_role("region", name="Diagnosis").wait_for()
        keep(page, "diagnosis")


def timeline(shop: Shop) -> None:
    """A worker killed with SIGKILL in the middle of a task: the attempt is lost, another one does its work."""
    run = shop.start("shop.ORDER", "its worker was killed", order="A-1044", parcels=3, held=1)
    with shop.page(f"/runs/{run}?view=timeline", height=800) as page:
        page.goto(f"/runs/{run}")
        expect(page.locator('.node[data-node="labels"]')).to_contain_text("1 of 3")
        shop.stack.kill("worker")
        shop.let_go(run)
        page.goto(f"/runs/{run}?view=timeline&task=labels%5B1%5D")
        expect(page.locator(".run-state [data-state]")).to_have_attribute("data-state", "success")
        page.reload()
        page.locator(".timeline-row").first.wait_for()
        keep(page, "timeline-lost-attempt")


def runs(shop: Shop) -> None:
    """The list of runs, with the strip over time."""
    for number in range(36):
        card = ("good", "good", "slow", "good", "stolen")[number % 5]
        shop.start(
            "shop.ORDER", "from the web shop" if number % 3 else None, order=f"B-{2000 + number}", parcels=1, card=card
        )
        if number % 9 == 0:
            shop.start("shop.REPORT")
        if number % 12 == 5:
            shop.ask("POST", f"/api/v1/runs/{shop.start('shop.ORDER', order='C-1', held=0)}/cancel")
        time.sleep(0.4)
    with shop.page("/runs", height=800) as page:
        expect(page.locator('[data-run] [data-state="running"]')).to_have_count(0)
        expect(page.locator('[data-run] [data-state="pending"]')).to_have_count(0)
        under_way = [shop.start("shop.ORDER", "just now", order=f"D-{n}", parcels=3, held=n) for n in range(2)]
        expect(page.locator('[data-run] [data-state="running"]')).to_have_count(2)
        keep(page, "runs")
    for run in under_way:
        shop.let_go(run)


def playground(shop: Shop) -> None:
    """A definition that is written and run, in the dark."""
    text = """shop.PARCEL:
  schema:
    type: object
    required: [order]
    properties:
      order: {type: string, examples: [A-1042]}
      parcels: {type: integer, default: 3}
  tasks:
    reserve: {task: shop.reserve}
    labels:
      task: shop.label
      needs: [reserve]
      map: "${tasks.reserve.result}"
      with: {parcel: "${item}"}
    ship: {task: shop.ship, needs: [labels]}
"""
    with shop.page("/playground", theme="dark", height=860) as page:
        editor = page.get_by_role("textbox", name="Definitions, YAML")
        editor.focus()
        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
        page.keyboard.insert_text(text)
        page.get_by_label("order required").fill("A-1042")
        page.get_by_role("button", name="Run it").click()
        outcome = page.get_by_role("region", name="The run")
        expect(outcome.locator('.outcome-head [data-state="success"]')).to_be_visible()
        page.evaluate("window.scrollTo(0, 0); document.activeElement.blur()")
        keep(page, "playground")


def xray(shop: Shop) -> None:
    """What really went through the broker."""
    run = shop.start("demo.PIPELINE", wait=True, raw="hello", scenario="happy")
    with shop.page(f"/runs/{run}/xray", height=860) as page:
        page.get_by_role("group", name="Player").get_by_role("button", name="TASK_D", exact=True).click()
        keep(page, "xray")


PICTURES: Final[tuple[Callable[[Shop], None], ...]] = (runs, live, diagnosis, timeline, playground, xray)


def main() -> None:
    """Start the stack, take the pictures."""
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *(each.__name__ for each in PICTURES)], metavar="NAME")
    wanted = set(parser.parse_args().names)
    chromium = os.environ.get("UMBEL_TEST_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        sys.exit("no Chromium here (on Debian: apt install chromium); UMBEL_TEST_CHROMIUM names one elsewhere")
    IMAGES.mkdir(exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory(prefix="umbel-shots-") as name:
        home = Path(name)
        project = home / "shop"
        shutil.copytree(DEMO_PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(PROJECT, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("workflows.yml"))
        texts = [(each / "workflows.yml").read_text(encoding="utf-8") for each in (DEMO_PROJECT, PROJECT)]
        (project / "workflows.yml").write_text("\n".join(texts), encoding="utf-8")
        options = demo_options(port=0, data=home / "data", project=project)
        env = {**options.env, "SHOTS_HOME": name, "UMBEL_HEARTBEAT": "0.5", "UMBEL_LEASE": "3"}
        with run_stack(replace(options, env=env), lambda line: None) as stack, sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            shop = Shop(stack, browser, home)
            for picture in PICTURES:
                if not wanted or picture.__name__ in wanted:
                    picture(shop)
            browser.close()


if __name__ == "__main__":
    main()
