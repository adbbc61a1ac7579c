"""What can be done on the pages: start, relaunch, retry, pause, decide, cancel; from the keyboard too."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.site import Site, settled, violations
from tests.fake_server import Fake
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser]


def test_dialogs_are_accessible_and_close_by_escape(site: Site) -> None:
    run = site.start("web.HOLD")
    page = site.page(f"/runs/{run}")
    for button, title in (("Cancel…", "Cancel this run"), ("Relaunch…", "Relaunch web.HOLD")):
        page.get_by_role("button", name=button).click()
        dialog = page.get_by_role("dialog", name=title)
        expect(dialog).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    assert violations(page) == []
    site.let_go(run)


def test_several_runs_are_canceled_after_a_preview(site: Site) -> None:
    over = site.done("web.SAY", "to be canceled", say="x")
    runs = [site.start("web.HOLD", "to be canceled") for _ in range(3)]
    page = site.page("/runs?q=to+be+canceled")
    expect(page.locator("[data-run]")).to_have_count(4)
    for run in [*runs, over]:
        page.locator(f'[data-run="{run}"] input').check()
    page.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 runs will be canceled")
    expect(dialog).to_contain_text("1 has ended already and stays as it is")
    dialog.get_by_role("button", name="Cancel 3 runs").click()
    expect(dialog).to_have_count(0)
    for run in runs:
        expect(page.locator(f'[data-run="{run}"] [data-state="canceled"]')).to_be_visible()
    assert site.ask("GET", f"/api/v1/runs/{over}")["state"] == "success"


def test_a_run_is_relaunched_with_an_edited_payload(site: Site) -> None:
    first = site.done("web.SAY", "first", say="boom", raises=True)
    page = site.page(f"/runs/{first}")
    page.get_by_role("region", name="Diagnosis").get_by_role("button", name="Relaunch…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("say").fill("")
    dialog.get_by_role("button", name="Start the run").click()
    expect(dialog).to_contain_text("is required")
    dialog.get_by_label("say").fill("better")
    dialog.get_by_label("raises").select_option("false")
    dialog.get_by_role("button", name="Edit as JSON").click()
    expect(dialog.get_by_label("Payload (JSON)")).to_have_value(re.compile('"say": "better"'))
    dialog.get_by_role("button", name="Start the run").click()
    expect(page.locator('.run-state [data-state="success"]')).to_be_visible()
    expect(page).not_to_have_url(re.compile(first))
    expect(page.get_by_role("group", name="Result")).to_contain_text("better")
    again = site.ask("GET", f"/api/v1/runs/{page.url.rpartition('/')[2]}")
    assert (again["relaunch_of"], again["comment"]) == (first, "first")


def test_what_failed_is_retried_in_the_same_run_after_a_preview(site: Site) -> None:
    run = site.done("web.ONCE")
    wait_until(lambda: site.ask("GET", f"/api/v1/runs/{run}")["settled"], 20, "end of the run")
    page = site.page(f"/runs/{run}")
    site.let_go(run)
    page.locator(".run-header").get_by_role("button", name="Retry failed…").click()
    dialog = page.get_by_role("dialog", name="Retry what failed")
    expect(dialog).to_contain_text("2 tasks run again, 1 keeps its result")
    site.keep(page, "retry")
    assert violations(page) == []
    dialog.get_by_role("button", name="Run 2 tasks again").click()
    expect(dialog).to_have_count(0)
    expect(page.locator('.run-state [data-state="success"]')).to_be_visible()
    expect(page.locator('.node[data-node="ONCE"]')).to_contain_text("attempt 2")
    expect(page).to_have_url(re.compile(run))


def test_a_run_is_paused_resumed_and_its_question_answered(site: Site) -> None:
    run = site.start("web.ASK")
    page = site.page(f"/runs/{run}")
    expect(page.locator('.node[data-node="ask"][data-state="awaiting_input"]')).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator('.run-title [data-state="paused"]')).to_be_visible()
    runs = site.page("/runs")
    expect(runs.locator(f'[data-run="{run}"] [data-state="paused"]')).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(runs.locator(f'[data-run="{run}"] [data-state="paused"]')).to_have_count(0)
    expect(page.locator('.run-title [data-state="paused"]')).to_have_count(0)
    site.keep(page, "asks")
    page.get_by_role("button", name="Approve… ask").click()
    dialog = page.get_by_role("dialog", name="Approve ask")
    dialog.get_by_label("Comment").fill("looks right")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.locator('.run-state [data-state="success"]')).to_be_visible()
    expect(page.get_by_role("group", name="Result")).to_contain_text("looks right")


def test_a_map_is_one_node_and_its_items_are_a_list(site: Site) -> None:
    run = site.done("web.MAP")
    page = site.page(f"/runs/{run}")
    expect(page.locator(".node")).to_have_count(2)
    expect(page.locator(".own-line")).to_have_text('raise ValueError("three is bad")')
    page.locator('.node[data-node="each"]').click()
    panel = page.get_by_role("complementary", name="Task each")
    panel.get_by_role("tab", name="Items (5)").click()
    expect(panel.locator(".items li")).to_have_count(5)
    expect(panel.locator(".items li").nth(3)).to_contain_text("three is bad")
    site.keep(page, "map")
    assert violations(page) == []
    panel.get_by_role("button", name="each[3]").click()
    item = page.get_by_role("complementary", name="Task each[3]")
    item.get_by_role("tab", name="Error").click()
    expect(item).to_contain_text("three is bad")
    expect(page).to_have_url(re.compile(r"task=each%5B3%5D"))
    item.get_by_role("button", name="Close the task").click()
    # In the timeline the map is one row as well, until it is unfolded.
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".timeline-row")).to_have_count(2)
    expect(page.locator('.bar[data-kind="within"]')).to_contain_text("5 items")
    page.get_by_role("button", name="Items of each: 5 items").click()
    expect(page.locator(".timeline-row")).to_have_count(7)
    expect(
        page.locator(".timeline-row", has_text="each[3]").locator('.bar[data-kind="run"][data-outcome="error"]')
    ).to_be_visible()
    assert violations(page) == []


def test_the_log_of_events_is_filtered_unfolded_linked_and_live(site: Site) -> None:
    run = site.start("web.HOLD")
    page = site.page(f"/runs/{run}?view=events&about=HOLD")
    log = page.get_by_role("log", name="Events")
    expect(log.locator('[data-event="task.started"]')).to_have_count(1)
    page.get_by_label("Type of event").select_option("task.started")
    page.get_by_role("button", name=re.compile("Details of event .* task.started")).click()
    expect(log.get_by_role("group", name="Details")).to_contain_text("worker")
    assert violations(page) == []
    linked = site.page(page.url.removeprefix(site.url))
    expect(linked.get_by_role("group", name="Details")).to_contain_text("worker")
    page.get_by_label("Type of event").select_option("")
    site.let_go(run)
    expect(log.locator('[data-event="task.succeeded"]')).to_contain_text("queues AFTER")
    page.get_by_label("Task", exact=True).select_option("")
    expect(log.locator('[data-event="run.settled"]')).to_be_visible()
    site.keep(page, "events")


def test_the_server_s_word_on_a_payload_is_shown(site: Site) -> None:
    page = site.page("/definitions/web.SAY?start=1")
    page.get_by_role("button", name="Edit as JSON").click()
    page.get_by_label("Payload (JSON)").fill('{"say": 7}')
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("7 is not of type 'string'")


def test_it_works_from_the_keyboard(site: Site) -> None:
    run = site.done("demo.PIPELINE", "by keyboard", raw="x")
    page = site.page("/runs")
    settled(page)
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile("/definitions$"))
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(run)
    expect(page.get_by_role("option").first).to_contain_text(run)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(run))
    page.locator('.node[data-node="TASK_A"]').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('.node[data-node="TASK_B"]')).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator('.node[data-node="TASK_C"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Task TASK_C")).to_be_visible()
    expect(page).to_have_url(re.compile("task=TASK_C"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    page.keyboard.press("2")
    expect(page.get_by_role("tab", name="Timeline")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("relaunch this run")


def test_output_is_shown_while_the_task_runs(site: Site) -> None:
    run = site.start("web.HOLD")
    page = site.page(f"/runs/{run}?task=HOLD&tab=logs")
    expect(page.get_by_role("log")).to_contain_text(f"holding {run}")
    expect(page.get_by_role("complementary").locator('header [data-state="running"]')).to_be_visible()
    site.let_go(run)


def test_a_schedule_is_paused_and_resumed(site: Site) -> None:
    page = site.page("/schedules")
    page.get_by_role("button", name="Pause the schedule of web.TICKS").click()
    expect(page.get_by_text("paused", exact=True)).to_be_visible()
    assert site.ask("GET", "/api/v1/schedules")["items"][0]["paused"] is True
    page.get_by_role("button", name="Resume the schedule of web.TICKS").click()
    wait_until(lambda: not site.ask("GET", "/api/v1/schedules")["items"][0]["paused"], what="resumed schedule")


def test_a_webhook_is_told_again(site: Site, told: Fake) -> None:
    told.answers["POST /"] = [(500, {"error": "not today"}), (200, {})]
    run = site.done("web.TOLD")
    page = site.page(f"/runs/{run}")
    hook = page.get_by_role("region", name="Webhook")
    expect(hook).to_contain_text("success of epoch 1")
    expect(hook).to_contain_text("HTTP 500")
    hook.get_by_role("button", name="Redeliver").click()  # or it is told again by itself, seconds later
    expect(hook.locator("[data-delivery]")).to_have_attribute("data-delivery", "delivered")
    before = len(told.asked)
    hook.get_by_role("button", name="Redeliver").click()
    expect(hook).to_contain_text(f"attempt {before + 1}")
    assert len(told.asked) == before + 1
    assert violations(page) == []


def canvas(*tasks: str, **options: Any) -> dict[str, Any]:
    def one(name: str) -> dict[str, Any]:
        return {"task": name, "args": [], "kwargs": {}, "options": options, "subtask_type": None, "immutable": True}

    chain = {"task": "celery.chain", "args": [], "options": {}, "subtask_type": "chain", "immutable": False}
    return {**chain, "kwargs": {"tasks": [one(name) for name in tasks]}}


def test_a_queue_that_nobody_listens_on_comes_first(site: Site) -> None:
    body = {"canvas": canvas("NOTHING", queue="nowhere"), "name": "web.AWAY"}
    run = site.ask("POST", "/api/v1/runs", body)["id"]
    held = site.start("web.HOLD")
    page = site.page("/workers")
    page.get_by_role("link", name=re.compile(r"^Queues \(1 unhealthy\)")).click()
    first = page.locator("[data-queue]").first
    expect(first).to_have_attribute("data-queue", "nowhere")
    expect(first).to_contain_text("No worker listens on queue nowhere; they listen on celery.")
    expect(first).to_contain_text(re.compile(r"Tasks waiting\s*1\s*oldest"))
    busy = page.locator('[data-queue="celery"]')
    expect(busy.get_by_role("link", name="HOLD", exact=True)).to_have_attribute("href", f"/runs/{held}?task=HOLD")
    site.let_go(held)
    site.ask("POST", f"/api/v1/runs/{run}/cancel")
    expect(page.locator("[data-queue]").first).to_have_attribute("data-queue", "celery")


def test_what_a_definition_has_been_and_removing_it(site: Site) -> None:
    for tasks in (("NOTHING",), ("NOTHING", "NOTHING")):
        site.ask("PUT", "/api/v1/definitions/kept.PIPE", {"canvas": canvas(*tasks)})
        run = site.done("kept.PIPE")
    page = site.page(f"/runs/{run}")
    page.get_by_role("link", name=re.compile("^Version .* of the definition")).click()
    versions = page.get_by_role("region", name="Versions")
    expect(versions.locator("[data-version]")).to_have_count(2)
    expect(versions.locator(".plan-changes")).to_contain_text("was added")
    assert violations(page) == []
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove kept.PIPE?").get_by_role("button", name="Remove it").click()
    expect(page).to_have_url(re.compile(r"/definitions$"))
    page.goto("/definitions/kept.PIPE")
    expect(page.get_by_role("heading", name="There is no such definition")).to_be_visible()
    expect(versions.locator("[data-version]")).to_have_count(2)


def test_the_failure_lab_kills_what_the_run_runs_in(site: Site) -> None:
    run = site.start("web.HOLD")
    page = site.page(f"/runs/{run}")
    lab = page.get_by_role("region", name="Failure lab")
    lab.get_by_role("button", name="Kill the task's process").click()
    expect(lab.locator('[data-act="kill-child"]')).to_contain_text("which ran HOLD (attempt 1)")
    assert violations(page) == []
    site.let_go(run)
    expect(page.locator('.run-state [data-state="success"]')).to_be_visible()
    first, second = site.ask("GET", f"/api/v1/runs/{run}/tasks/HOLD")["attempts"]
    assert (first["outcome"], second["outcome"]) == ("lost", "success")
    expect(lab.get_by_role("button", name="Kill the task's process")).to_be_disabled()
