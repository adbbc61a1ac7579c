"""The page while parts of the stack die: a worker killed in the middle of a task, the server away for a while."""

import signal

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.chaos]


def test_a_killed_worker_is_seen_as_a_lost_attempt_and_then_recovered_from(site: Site) -> None:
    run = site.start("web.HOLD")
    page = site.page(f"/runs/{run}?view=timeline&task=HOLD")
    expect(page.locator('.bar[data-kind="run"][data-outcome="running"]')).to_be_visible()
    site.stack.kill("worker", signal.SIGKILL)
    expect(page.locator('.bar[data-outcome="lost"]').first).to_be_visible(timeout=30_000)
    panel = page.get_by_role("complementary", name="Task HOLD")
    expect(panel).to_contain_text("was gone without an outcome")
    expect(panel.locator('header [data-state="running"]')).to_be_visible(timeout=30_000)
    site.keep(page, "lost")
    site.let_go(run)
    expect(page.locator('.run-state [data-state="success"]')).to_be_visible()
    expect(page.locator('.bar[data-kind="run"]')).to_have_count(3)  # lost, again, and the task after it


def test_the_page_says_that_the_server_is_away_and_catches_up_by_itself(site: Site) -> None:
    run = site.start("web.HOLD")
    page, runs = site.page(f"/runs/{run}"), site.page("/runs")
    expect(page.locator('.node[data-node="HOLD"][data-state="running"]')).to_be_visible()
    expect(runs.locator(f'[data-run="{run}"] [data-state="running"]')).to_be_visible()
    site.stack.set_restart("server", False)
    site.stack.kill("server", signal.SIGKILL)
    for each in (page, runs):
        expect(each.get_by_text("The server does not answer.")).to_be_visible()
    site.keep(page, "away")
    site.let_go(run)
    site.stack.start("server")
    site.stack.set_restart("server", True)
    expect(page.locator('.run-state [data-state="success"]')).to_be_visible(timeout=30_000)
    expect(runs.locator(f'[data-run="{run}"] [data-state="success"]')).to_be_visible(timeout=30_000)
    for each in (page, runs):
        expect(each.get_by_text("The server does not answer.")).to_have_count(0)
        assert each.evaluate("performance.getEntriesByType('navigation').length") == 1
    wait_until(lambda: site.ask("GET", f"/api/v1/runs/{run}")["settled"], 20, "end of the run")
