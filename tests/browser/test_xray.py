"""The X-ray of a run in the browser: played, searched through, laid beside another one."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import PHONE, Site, violations
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser]


def recorded(site: Site, run: str) -> list[dict[str, Any]]:
    """The records of a run, once the last of them has come: the trail is written after what it tells of."""
    found: list[dict[str, Any]] = []

    def whole() -> bool:
        before = len(found)
        found[:] = site.ask("GET", f"/api/v1/runs/{run}/trace?limit=20000")["records"]
        return bool(found) and len(found) == before and any(each["phase"] == "end" for each in found)

    wait_until(whole, 20, "the records of the run")
    return found


def caption(page: Page) -> str:
    return page.locator(".caption-n").inner_text()


def test_a_canvas_is_played_step_by_step_beside_the_same_plan_on_the_relay(site: Site) -> None:
    canvas = site.done("demo.CANVAS", scenario="happy", raw="hello")
    relay = site.done("demo.PIPELINE", scenario="happy", raw="hello")
    records = recorded(site, canvas)
    barrier = [(each["n"], key["key"]) for each in records for key in each["keys"] if key["whose"] == "chord results"]
    assert len(barrier) >= 2
    page = site.page(f"/runs/{canvas}")
    page.get_by_role("link", name="X-ray", exact=True).click()
    expect(page).to_have_url(re.compile(f"/runs/{canvas}/xray$"))
    steps = page.get_by_role("listbox", name="Steps")
    expect(steps).to_be_visible()
    expect(page.get_by_text("Press play, or choose a step.")).to_be_visible()

    # The keyboard: next, previous, play, pause; the step is in the address and can be linked to.
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".caption-n")).to_have_text("2")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"\?at=1$"))
    page.get_by_label("Speed").select_option("20")
    steps.focus()
    page.keyboard.press(" ")
    wait_until(lambda: int(page.locator(".caption-n").inner_text()) > 3, what="a step further on")
    page.keyboard.press(" ")
    stopped = caption(page)
    expect(page).to_have_url(re.compile(rf"\?at={stopped}$"))
    page.reload()
    expect(page.locator(".caption-n")).to_have_text(stopped)

    # A message: what comes next travels in it.
    page.get_by_role("button", name="Messages").click()
    expect(page.locator('[data-step][data-kind="command"]')).to_have_count(0)
    sent = next(each for each in records if each["kind"] == "published")
    page.locator(f'[data-step="{sent["n"]}"]').click()
    details = page.get_by_role("tabpanel", name="step")
    expect(details).to_contain_text("chain runs next, in this order; 3 tasks inside")
    expect(details.locator(".form-chord")).to_have_count(1)
    expect(details.locator(".form-task b")).to_have_text(["TASK_B", "TASK_C", "TASK_D"])
    expect(details.locator(".fields")).to_contain_text(["headers.root_id"])
    details.get_by_text("The envelope as the broker holds it").click()
    expect(details.locator(".raw pre").last).to_have_text(sent["message"]["raw"])
    assert violations(page) == []
    site.keep(page, "xray-message")

    # A key: its value at a step, and how it came to it.
    page.goto(f"/runs/{canvas}/xray?at={barrier[1][0]}&tab=keys&key={barrier[1][1]}")
    keys = page.get_by_role("tabpanel", name="keys")
    expect(keys.locator(".parts").first.locator("li")).to_have_count(2)
    expect(keys.locator(".part-new")).to_have_count(1)
    expect(keys.locator(".turns > li")).to_have_count(2)
    keys.get_by_role("button", name=f"step {barrier[0][0]}").click()
    expect(keys.locator(".turns > li")).to_have_count(1)
    assert violations(page) == []
    site.keep(page, "xray-key")

    # A script: the commands within it; the lanes draw only what is seen of them.
    page.goto(f"/runs/{canvas}/xray?at={barrier[0][0]}&inner=1")
    page.get_by_role("tabpanel", name="step").get_by_role("button", name=re.compile("^step ")).click()
    expect(page.locator(".script li")).not_to_have_count(0)
    expect(page.locator(".script")).to_contain_text("ZADD")
    assert page.locator("[data-step]").count() < min(100, len(records))

    page.get_by_label("beside").select_option(relay)
    numbers = page.get_by_role("region", name="In numbers")
    expect(numbers.get_by_role("row", name=re.compile("Largest message"))).to_be_visible()
    expect(page.get_by_role("listbox", name="Steps")).to_have_count(2)
    numbers.get_by_role("button", name="TASK_D").click()
    for name in ("this run", "the other run"):
        part = page.get_by_role("region", name=f"X-ray of {name}")
        expect(part.get_by_role("button", name="TASK_D", exact=True).first).to_have_attribute("aria-current", "step")
    assert violations(page) == []
    site.keep(page, "xray-beside")


def test_steps_appear_while_a_run_goes_on_and_stay_text(site: Site) -> None:
    evil = "<img src=x onerror=window.hurt=1>"
    run = site.start("web.HOLD", evil=evil)
    page = site.page(f"/runs/{run}/xray", size=PHONE, theme="dark")
    expect(page.get_by_text("recording", exact=True)).to_be_visible()
    expect(page.locator("[data-step]").first).to_be_visible()
    before = page.locator(".player-count").inner_text()
    site.let_go(run)
    expect(page.get_by_text("recording", exact=True)).to_have_count(0)
    expect(page.locator(".player-count")).not_to_have_text(before)
    records = recorded(site, run)
    hit = next(each for each in records if each["command"] and any(evil in arg for arg in each["command"]["args"]))
    page.goto(f"/runs/{run}/xray?at={hit['n']}&inner=1")
    expect(page.get_by_text(evil).first).to_be_visible()
    assert page.evaluate("window.hurt") is None
    assert page.evaluate("document.querySelectorAll('main img').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []
    site.keep(page, "xray-phone")


def test_a_run_without_a_recording_says_how_to_get_one(site: Site) -> None:
    run = site.done("demo.PIPELINE", scenario="happy", raw="x")
    answer = site.ask("GET", f"/api/v1/runs/{run}/trace?limit=1")
    hint = "Nothing is recorded: set UMBEL_XRAY."
    nothing = {**answer, "recording": "off", "records": [], "total": 0, "hint": hint}
    page = site.page("about:blank")
    page.route("**/trace?*", lambda route: route.fulfill(json=nothing))
    page.goto(f"/runs/{run}/xray")
    expect(page.get_by_role("heading", name="Nothing is recorded here")).to_be_visible()
    expect(page.get_by_text(hint)).to_be_visible()
    assert violations(page) == []
