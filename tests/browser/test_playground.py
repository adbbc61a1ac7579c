"""The playground and a definition's source: written, checked, mended, drawn, run."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import PHONE, Site, settled, violations
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser]

TEXT = """try.PIPE:
  schema: {type: object, required: [raw], properties: {raw: {type: string}}}
  tasks:
    first: {task: TASK_AA}
    second: {task: NOTHING, needs: [first]}
"""


def write(page: Page, text: str, label: str = "Definitions, YAML") -> None:
    """In the place of what is in the editor."""
    editor = page.get_by_role("textbox", name=label)
    expect(editor).to_be_visible()
    editor.focus()
    # Not `fill`: Chromium's own command for it styles the lines that it joins, which the policy refuses, and says so.
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def chosen(page: Page) -> None:
    """Wait until the editor has chosen one of the names that it offers: only then it takes one."""
    inside = "!!document.querySelector('.editor').shadowRoot.querySelector('[aria-selected=true]')"
    wait_until(lambda: page.evaluate(inside), what="chosen name")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_definition_is_mended_drawn_and_run(site: Site, theme: str) -> None:
    page = site.page("/playground", theme=theme)
    write(page, TEXT)
    problem = page.get_by_role("button", name="4:5 error: there is no task 'TASK_AA'")
    expect(problem).to_be_visible()
    underlined = page.locator(".cm-lintRange-error")
    expect(underlined).to_have_text("first")
    assert violations(page) == []
    site.keep(page, f"playground-problem-{theme}")
    problem.click()
    for key in ("End", "ArrowLeft", "Control+Backspace"):
        page.keyboard.press(key)
    page.keyboard.type("NOTH")
    offer = page.get_by_role("option", name="NOTHING")
    expect(offer).to_be_visible()
    chosen(page)
    offer.click()
    expect(page.get_by_text("No problems")).to_be_visible()
    expect(page.locator(".node")).to_have_count(2)
    page.get_by_role("tab", name="Plan").click()
    expect(page.get_by_role("row", name="second NOTHING first")).to_be_visible()
    page.get_by_role("tab", name="Celery code").click()
    expect(page.get_by_label("Celery code")).to_contain_text("chain(")
    page.get_by_role("tab", name="Graph").click()
    page.get_by_label("raw required").fill("hello")
    page.get_by_role("button", name="Run it").click()
    run = page.get_by_role("region", name="The run")
    expect(run.locator('.outcome-head [data-state="success"]')).to_be_visible()
    expect(run.locator('.node[data-state="success"]')).to_have_count(2)
    assert violations(page) == []
    site.keep(page, f"playground-run-{theme}")
    run.get_by_role("link", name="Open the run").click()
    expect(page.get_by_role("heading", name="playground.try.PIPE")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("textbox", name="Definitions, YAML")).to_contain_text("needs: [first]")


def test_keys_are_offered_and_typing_goes_nowhere_else(site: Site) -> None:
    page = site.page("/playground", size=PHONE)
    write(page, "a.B:\n  ")
    page.keyboard.type("sched")
    expect(page.get_by_role("option", name="schedule")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.type(" g d # ")
    page.keyboard.press("Home")
    page.keyboard.type("x")
    assert page.url.endswith("/playground"), "shortcuts are not for who writes"
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    site.keep(page, "playground-phone")


CANVAS = """# A comment, and names for the parts.
begin = ADD.s(1, 2)
chain(begin, group(DOUBLE.s(), AD.s(10).set(countdown=1)), TOTAL.s())
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_canvas_is_mended_explained_and_run(site: Site, theme: str) -> None:
    page = site.page("/playground", theme=theme)
    page.get_by_role("tab", name="Celery canvas").click()
    write(page, CANVAS, "Celery canvas, Python")
    problem = page.get_by_role("button", name="3:32 error: there is no task 'AD'")
    expect(problem).to_be_visible()
    expect(page.locator(".cm-lintRange-error")).to_have_text("AD.s")
    problem.click()
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.keyboard.type("D")
    page.keyboard.press("Escape")
    expect(page.get_by_text("No problems")).to_be_visible()
    expect(page.locator(".node")).to_have_count(4)
    expect(page.get_by_role("region", name="What to know")).to_contain_text("A delay is kept by one worker")
    assert violations(page) == []
    site.keep(page, f"canvas-graph-{theme}")
    page.get_by_role("tab", name="What Celery sends").click()
    expect(page.get_by_role("region", name="Definition")).to_contain_text(
        "chord([DOUBLE.s(), ADD.s(10).set(countdown=1)]"
    )
    expect(page.get_by_role("row", name="ADD 1 about")).to_contain_text("later steps: chord (3 signatures)")
    assert violations(page) == []
    site.keep(page, f"canvas-sent-{theme}")
    page.get_by_role("tab", name="YAML").last.click()
    expect(page.get_by_label("The same as YAML")).to_contain_text("TOTAL: {task: TOTAL, needs: [DOUBLE, ADD-2]")
    page.get_by_role("button", name="Run it").click()
    run = page.get_by_role("region", name="The run")
    expect(run.locator('.outcome-head [data-state="success"]')).to_be_visible()
    expect(run.locator('.node[data-state="success"]')).to_have_count(4)
    expect(run).to_contain_text("19")


def test_a_canvas_completes_names_and_fits_a_phone(site: Site) -> None:
    page = site.page("/playground?kind=canvas", size=PHONE)
    write(page, "chain(", "Celery canvas, Python")
    page.keyboard.type("DOUB")
    offer = page.get_by_role("option", name="DOUBLE")
    expect(offer).to_be_visible()
    chosen(page)
    offer.click()
    page.keyboard.type(".")
    expect(page.get_by_role("option", name="on_error")).to_be_visible()
    page.keyboard.type("s(1), group(ADD.s(), ADD.s()), TOTAL.s())")
    page.keyboard.press("Escape")
    expect(page.get_by_text("No problems")).to_be_visible()
    page.get_by_role("tab", name="What Celery sends").click()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    site.keep(page, "canvas-phone")
    page.get_by_role("tab", name="YAML").first.click()
    expect(page.get_by_role("textbox", name="Definitions, YAML")).to_be_visible()


def test_a_definition_shows_its_source(site: Site) -> None:
    page = site.page("/definitions/web.SAY")
    source = page.get_by_role("region", name="Source")
    expect(source.get_by_role("textbox", name="Source of web.SAY")).to_contain_text("tasks: [SAY]")
    assert violations(page) == []
    site.keep(page, "definition-source")
    source.get_by_role("link", name="Try a change in the playground").click()
    expect(page.get_by_role("textbox", name="Definitions, YAML")).to_contain_text("web.SAY:")
