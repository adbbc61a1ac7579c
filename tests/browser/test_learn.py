"""Lessons in the browser: one taken from its prediction to the end, and one that only may be read."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.site import PHONE, Site, violations
from umbel.learn.lessons import find

pytestmark = [pytest.mark.browser]

EVIL = "<img src=x onerror=window.hurt=1> [here](javascript:window.hurt=1) [there](//elsewhere.example) `<script>`"


def test_a_lesson_is_taken_to_its_end(site: Site) -> None:
    page = site.page("/learn")
    page.get_by_role("link", name=re.compile("^Start here: 1")).wait_for()
    page.locator('[data-lesson="02-chain"] a').click()
    told = page.get_by_role("region", name="What happened")
    expect(told).to_contain_text("Run the steps above")

    page.locator('[data-option="backend"]').click()
    expect(page.get_by_text("It is another one:")).to_be_visible()
    page.get_by_role("button", name="Run both").click()
    claims = find("2").machine.claims
    expect(told.locator('.claim[data-holds="true"]')).to_have_count(len(claims))

    # A sentence leads to the step that shows it.
    told.locator('[data-claim="inside"]').click()
    step = page.locator(".caption-n")
    expect(step).to_be_visible()
    run = page.evaluate("() => JSON.parse(localStorage['umbel.learn'])['02-chain'].runs.canvas")
    records = site.ask("GET", f"/api/v1/runs/{run}/trace?limit=20000")["records"]
    shown = next(each for each in records if each["n"] == int(step.inner_text()))
    assert (shown["kind"], len(shown["message"]["body"][2]["chain"])) == ("published", 2)

    rest = page.get_by_role("region", name="What was in the first message?")
    for answer, said in (("3", "open body[2].chain"), ("2", "Right.")):
        rest.get_by_label("Your answer").fill(answer)
        rest.get_by_label("Your answer").press("Enter")
        expect(rest.locator(".learn-verdict")).to_contain_text(said)

    longer = page.get_by_role("region", name="Make it longer")
    text = find("2").machine.checks["longer"].text
    for written, go in ((text.replace("needs: third", "needs: thrid"), False), (text, True)):
        longer.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
        page.keyboard.insert_text(written)
        button = longer.get_by_role("button", name="Run yours")
        (expect(button).to_be_enabled if go else expect(button).to_be_disabled)()
        expect(longer.get_by_text("Did you mean 'third'?")).to_have_count(0 if go else 1)
    button.click()
    expect(longer.locator(".learn-verdict")).to_have_text("Right.")
    expect(page.get_by_text("Lesson 2 is passed.")).to_be_visible()
    assert violations(page) == []
    site.keep(page, "lesson-passed")

    # It is kept in this browser, with the runs.
    page.reload()
    expect(told.locator('.claim[data-holds="true"]')).to_have_count(len(claims))
    page.get_by_role("tab", name="Side by side").click()
    expect(page.get_by_role("listbox", name="Steps")).to_have_count(2)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name=re.compile("^Next: 3")).click()
    expect(page.get_by_role("heading", name=re.compile("^Group"))).to_be_visible()
    page.goto("/learn")
    expect(page.locator('[data-lesson="02-chain"]')).to_contain_text("passed")


def test_where_nothing_is_run_it_is_there_to_be_read_and_all_of_it_is_text(site: Site) -> None:
    lesson = site.ask("GET", "/api/v1/lessons/04-chord")
    hint = "Only a server that is there to be learnt from runs lessons."
    closed = {**lesson, "runnable": False, "hint": hint, "happened": f"{EVIL}\n\n- {EVIL}", "own": EVIL, "title": EVIL}
    page = site.page("about:blank", theme="dark")
    page.route("**/api/v1/lessons/04-chord*", lambda route: route.fulfill(json=closed))
    page.goto("/learn/04-chord")
    expect(page.get_by_text("You can read the lessons here, but not run them.")).to_be_visible()
    expect(page.locator(".learn-not-here code")).to_have_text("umbel demo")
    expect(page.get_by_role("button", name=re.compile("Run"))).to_have_count(0)
    expect(page.get_by_role("region", name="What happened")).to_contain_text(
        "<img src=x onerror=window.hurt=1> here there"
    )
    assert page.evaluate("() => window.hurt") is None
    assert page.locator(".lesson img, .prose a").count() == 0
    assert violations(page) == []
    page.goto("/learn/there-is-no-such")
    expect(page.get_by_role("heading", name="There is no such lesson")).to_be_visible()
