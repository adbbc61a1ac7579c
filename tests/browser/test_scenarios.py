"""The five scenarios of the demo, from the click that starts them to their end, in each view."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import PHONE, Site
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# scenario -> state of the run, states of A, B, C, D at its end, attempts of the task that was in trouble
ENDS = {
    "slow": ("error", ["error", *["upstream_failed"] * 3], ("TASK_A", 4)),
    "down": ("error", ["error", *["upstream_failed"] * 3], ("TASK_A", 4)),
    "partial_fail": ("error", ["success", "error", "success", "upstream_failed"], ("TASK_B", 4)),
    "happy": ("success", ["success"] * 4, None),
    "flaky": ("success", ["success"] * 4, ("TASK_A", 3)),
}
TASKS = ["TASK_A", "TASK_B", "TASK_C", "TASK_D"]


def start(site: Site, scenario: str) -> Page:
    """Start a run as a person does; the run's page."""
    page = site.page("/definitions", size=PHONE if scenario == "down" else None)
    page.get_by_role("link", name="Start demo.PIPELINE").click()
    page.get_by_label("raw").fill("hello world")
    page.get_by_label("scenario").select_option(label=scenario)
    page.get_by_label("Comment").fill(f"watched: {scenario}")
    page.get_by_role("button", name="Start the run").click()
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    return page


def states(page: Page) -> list[str]:
    """The states of A, B, C, D in the graph."""
    return [page.locator(f'.node[data-node="{key}"]').get_attribute("data-state") or "" for key in TASKS]


def test_the_five_scenarios_are_watched_from_click_to_end(site: Site) -> None:
    pages = {scenario: start(site, scenario) for scenario in ENDS}  # the long ones first

    # A retry counts down in the graph, and the timeline shows the pause, while it lasts.
    flaky = pages["flaky"]
    expect(flaky.locator('.node[data-node="TASK_A"]')).to_contain_text(re.compile(r"retry in [\d.]+ s|now"))
    flaky.get_by_role("tab", name="Timeline").click()
    expect(flaky.locator('.bar[data-kind="pause"]').first).to_be_visible()
    flaky.get_by_role("tab", name="Graph").click()
    expect(flaky.locator(".diagnosis .waits")).to_contain_text("TASK_A: retry due in")
    site.keep(flaky, "retrying")

    for scenario, (ended, tasks, trouble) in reversed(ENDS.items()):
        page = pages[scenario]
        expect(page.locator(f'.run-state [data-state="{ended}"]')).to_be_visible(timeout=60_000)
        wait_until(lambda page=page, tasks=tasks: states(page) == tasks, 10, f"{tasks} in {scenario}")  # type: ignore[misc]
        site.keep(page, f"ended-{scenario}")

        page.get_by_role("tab", name="Timeline").click()
        ran = page.locator('.bar[data-kind="run"]')
        expect(ran.first).to_be_visible()
        if trouble:
            key, attempts = trouble
            row = page.locator(".timeline-row", has_text=key)
            expect(row.locator('.bar[data-kind="run"]')).to_have_count(attempts)
            expect(row.locator('.bar[data-kind="pause"]')).to_have_count(attempts - 1)

        page.get_by_role("tab", name="Table").click()
        rows = page.locator(".run-main tbody tr")
        assert [row.get_attribute("data-state") for row in rows.all()] == tasks

        if ended == "error":
            diagnosis = page.get_by_role("region", name="Diagnosis")
            expect(diagnosis).to_contain_text(f"{trouble[0] if trouble else ''} failed on attempt 4")
            expect(diagnosis.locator(".file-line")).to_contain_text("tasks/pipeline.py:")
            expect(diagnosis).to_contain_text("TASK_D")  # which never ran
        else:
            expect(page.get_by_role("group", name="Result")).to_contain_text("merge complete")

    # All of it came over the one connection: nobody loaded a page again.
    assert all(page.evaluate("performance.getEntriesByType('navigation').length") == 1 for page in pages.values())
