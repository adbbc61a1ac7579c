"""Two runs side by side, payloads in the list, several failed runs retried at once."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.site import PHONE, Site, settled, violations
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser]


def test_a_failed_run_is_compared_with_the_last_success(site: Site) -> None:
    good = site.done("web.SAY", "the good one", say="<b>fine</b>", times=1)
    bad = site.done("web.SAY", "the bad one", say="<b>bad</b>", raises=True)
    page = site.page(f"/runs/{bad}")
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page).to_have_url(re.compile(f"/runs/{bad}/compare/last_success$"))
    first = page.get_by_role("region", name="First difference")
    expect(first).to_contain_text("SAY is the first task that ended otherwise: error here")
    expect(first.locator('[data-state="error"]')).to_be_visible()
    expect(first.locator('[data-state="success"]')).to_be_visible()
    payload = page.get_by_role("region", name="Payload")
    expect(payload.locator("tbody tr")).to_have_count(3)
    expect(payload).to_contain_text('"<b>fine</b>"')
    row = page.get_by_role("region", name="Tasks").locator('[data-task="SAY"]')
    expect(row.locator(".compare-track")).to_have_count(4)
    expect(row).to_contain_text("state")
    assert violations(page) == []
    site.keep(page, "compare")
    page.keyboard.press("x")
    expect(page).to_have_url(re.compile(f"/runs/{good}/compare/{bad}$"))
    expect(first).to_contain_text("success here, error there")
    page.get_by_label("with").select_option("last_success")
    expect(page).to_have_url(re.compile(f"/runs/{good}/compare/last_success$"))
    page.keyboard.press("u")
    expect(page).to_have_url(re.compile(f"/runs/{good}$"))
    narrow = site.page(f"/runs/{bad}/compare/{good}", size=PHONE, theme="dark")
    expect(narrow.get_by_role("region", name="First difference")).to_contain_text("SAY is the first")
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(narrow) == []
    site.keep(narrow, "compare-phone")


def test_a_run_without_an_earlier_success_says_so(site: Site) -> None:
    run = site.start("web.ASK")
    page = site.page(f"/runs/{run}/compare/last_success")
    expect(page.get_by_text("No earlier run of web.ASK has succeeded.")).to_be_visible()
    expect(page.get_by_label("with")).to_be_visible()
    site.ask("POST", f"/api/v1/runs/{run}/cancel")


def test_two_chosen_runs_are_compared_and_the_failed_ones_retried(site: Site) -> None:
    runs = [site.done("web.ONCE", "bulk", number=number) for number in range(2)]
    for run in runs:
        wait_until(lambda run=run: site.ask("GET", f"/api/v1/runs/{run}")["settled"], 20, "end of the run")  # type: ignore[misc]
    fine = site.done("web.SAY", "bulk", say="x")
    page = site.page("/runs?q=bulk")
    expect(page.locator("[data-run]")).to_have_count(3)
    expect(page.locator(f'[data-run="{runs[0]}"]')).to_contain_text('{"number":0}')
    for run in runs:
        page.locator(f'[data-run="{run}"] input').check()
    site.keep(page, "two-chosen")
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page).to_have_url(re.compile(f"/runs/{runs[1]}/compare/{runs[0]}$"))
    expect(page.get_by_role("region", name="First difference")).to_contain_text("the payload differs at 1 place")
    page.go_back()
    settled(page)
    for run in [*runs, fine]:
        site.let_go(run)
        page.locator(f'[data-run="{run}"] input').check()
    page.get_by_role("button", name="Retry failed…").click()
    dialog = page.get_by_role("dialog", name="Retry failed runs")
    expect(dialog).to_contain_text("2 runs go on, 4 tasks run again.")
    expect(dialog).to_contain_text("1 has not failed and stays as it is")
    assert violations(page) == []
    site.keep(page, "bulk-retry")
    dialog.get_by_role("button", name="Retry 2 runs").click()
    expect(dialog).to_have_count(0)
    for run in runs:
        expect(page.locator(f'[data-run="{run}"] [data-state="success"]')).to_be_visible()
        assert site.ask("GET", f"/api/v1/runs/{run}")["epoch"] == 2
