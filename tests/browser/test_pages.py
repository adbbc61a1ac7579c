"""Every page: what it says, in both themes and on a phone; what can be done on it; what it must never do."""

import re
import time
from datetime import datetime
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from bench.history import fill
from bench.scroll import scroll
from tests.browser.site import PHONE, Site, settled, violations
from umbel.store import Store

pytestmark = [pytest.mark.browser]

# Texts that would run, or break out, where they are taken for anything but text.
CORPUS = (
    "<img src=x onerror=window.hurt=1>",
    "<script>window.hurt=1</script>",
    "\"'><svg onload=window.hurt=1>",
    "javascript:window.hurt=1",
    "{{constructor.constructor('window.hurt=1')()}}",
    "\u202egnp.exe\u0000\u0007 \ud83d\udca5 &lt;b&gt; </textarea></style>",
    "a" * 5000,
)


LONG = "web.A_NAME_AS_A_PROGRAM_MAKES_IT_" + "_AND_ON" * 12


def everything(site: Site) -> dict[str, str]:
    """Each page with something on it: name -> path."""
    good = site.done("demo.PIPELINE", "all is well", raw="hello")
    bad = site.done("web.SAY", "a failure", say="boom", raises=True)
    return {
        "runs": "/runs",
        "runs-none": "/runs?q=nothing-is-called-like-this",
        "run": f"/runs/{good}",
        "run-failed": f"/runs/{bad}?task=SAY&tab=error",
        "run-timeline": f"/runs/{bad}?view=timeline&task=SAY",
        "run-table": f"/runs/{bad}?view=table&task=SAY&tab=logs",
        "run-input": f"/runs/{good}?task=TASK_D&tab=input",
        "xray": f"/runs/{good}/xray?at=12",
        "definitions": "/definitions",
        "definition": "/definitions/web.SAY?start=1",
        "definition-long": f"/definitions/{LONG}",
        "schedules": "/schedules",
        "workers": "/workers",
        "queues": "/queues",
        "agents": "/agents",
        "learn": "/learn",
        "lesson": "/learn/04-chord",
        "nowhere": "/runs/no-such-run",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_phone(site: Site, theme: str) -> None:
    paths = everything(site)
    wide, phone = site.page(theme=theme), site.page(theme=theme, size=PHONE)
    found = {}
    for name, path in paths.items():
        for page, size in ((wide, "wide"), (phone, "phone")):
            if (size, theme) == ("phone", "dark"):
                continue
            page.goto(path)
            settled(page)
            site.keep(page, f"{name}-{theme}-{size}")
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                found[f"{name} {size}"] = [f"{over} px too wide"]
            # The other theme has the same elements in other colours.
            rules = ["color-contrast"] if theme == "dark" else None
            if size == "wide" and (said := violations(page, rules)):
                found[name] = said
    assert found == {}


def test_nothing_that_a_task_says_is_taken_for_more_than_text(site: Site) -> None:
    said = [site.done("web.SAY", text[:200].replace("\0", ""), say=text, raises=bool(n % 2), times=2)
            for n, text in enumerate(CORPUS)]  # fmt: skip
    page = site.page("/runs")
    settled(page)
    for n, run in enumerate(said):
        for rest in ("?view=table&task=SAY&tab=logs", f"?task=SAY&tab={'error' if n % 2 else 'result'}"):
            page.goto(f"/runs/{run}{rest}")
            settled(page)
    page.goto(f"/runs?q={quote(CORPUS[0])}&definition={quote(CORPUS[2])}")
    settled(page)
    page.goto(f"/definitions/{quote(CORPUS[0], safe='')}")
    settled(page)
    assert page.evaluate("window.hurt") is None
    page.goto(f"/runs/{said[0]}?task=SAY&tab=logs")
    expect(page.get_by_role("log")).to_contain_text(CORPUS[0])
    assert page.evaluate("document.querySelectorAll('img, script:not([src])').length") == 0


def test_no_request_leaves_the_server_and_its_policy_allows_none(site: Site) -> None:
    page = site.page()
    elsewhere: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(site.url) else elsewhere.append(request.url))
    answer = page.goto("/runs")
    settled(page)
    page.goto("/definitions/demo.PIPELINE")
    settled(page)
    assert elsewhere == []
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert page.evaluate("document.querySelectorAll('[style][onclick], script:not([src])').length") == 0
    assert answer.headers["cache-control"] == "no-cache"
    script = page.request.get(page.locator("script").get_attribute("src") or "")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-encoding"] == "gzip"


def test_filters_live_in_the_address_and_survive_a_reload(site: Site) -> None:
    wanted = site.done("web.SAY", "needle in a comment", say="x")
    site.done("demo.PIPELINE", "hay", raw="x")
    page = site.page("/runs")
    page.get_by_role("group", name="State").get_by_role("button", name="success").click()
    page.get_by_label("Definition").select_option("web.SAY")
    page.get_by_label("Text in id, name, comment or payload").fill("needle")
    expect(page).to_have_url(re.compile(r"\?status=success&definition=web\.SAY&q=needle$"))
    expect(page.locator("[data-run]")).to_have_count(1)
    page.reload()
    expect(page.locator("[data-run]")).to_have_count(1)
    expect(page.locator(f'[data-run="{wanted}"]')).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page).to_have_url(re.compile(r"/runs$"))
    page.locator(f'[data-run="{wanted}"] .row-link').click()
    expect(page).to_have_url(re.compile(wanted))


def test_dragging_over_the_strip_chooses_a_time(site: Site) -> None:
    site.done("demo.PIPELINE", raw="x")
    page = site.page("/runs")
    strip = page.get_by_role("slider", name="Runs over time")
    expect(strip.locator("rect").first).to_be_visible()
    box = strip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"since=.*&until="))
    expect(page.get_by_label("Started at or after")).to_be_visible()


def test_the_strip_counts_all_runs_and_is_used_by_keyboard(site: Site) -> None:
    site.done("demo.PIPELINE", "at the very end", raw="x")
    page = site.page("/runs?definition=demo.PIPELINE")
    strip = page.get_by_role("slider", name="Runs over time")
    expect(strip.locator("rect").first).to_be_visible()
    counted = site.ask("GET", "/api/v1/runs/counts?definition=demo.PIPELINE")["total"]
    assert sum(counted.values()) == len(site.ask("GET", "/api/v1/runs?definition=demo.PIPELINE&limit=500")["items"])
    strip.focus()
    page.keyboard.press("Home")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("to .*: .*success"))
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"since=.*&until="))
    expect(page.locator("[data-run]").first).to_be_visible()
    page.get_by_role("button", name="any time").click()
    expect(page).to_have_url(re.compile(r"/runs\?definition=demo\.PIPELINE$"))


def test_a_long_list_keeps_few_rows(site: Site) -> None:
    database = Store(f"sqlite:///{site.stack.data}/umbel.db")
    fill(database, 2000, round((time.time() - 86_400) * 1000))
    database.close()
    page = site.page("/runs?definition=shop.D0")
    found = scroll(page, 700, 2000)
    print(found)
    assert found["rows"] >= 700
    assert found["most rows in the page"] < 100
    page.evaluate("window.scrollTo(0, 0)")
    expect(page.locator('[aria-rowindex="2"][data-run]')).to_be_visible()


def test_an_event_is_on_the_page_at_once(site: Site) -> None:
    """The end of a run, from the state store's clock to the page; the machine may be full of other work."""
    run = site.start("web.HOLD")
    page = site.page(f"/runs/{run}")
    expect(page.locator('.node[data-node="HOLD"][data-state="running"]')).to_be_visible()
    page.evaluate(
        """() => { window.seen = new Promise((done) => new MutationObserver((_, watch) => {
            if (!document.querySelector('.run-state [data-state="success"]')) return;
            watch.disconnect(); done(Date.now());
        }).observe(document.body, {subtree: true, childList: true, attributes: true})) }"""
    )
    site.let_go(run)
    seen = page.evaluate("window.seen")
    ended = site.ask("GET", f"/api/v1/runs/{run}/wait?timeout=10")["finished_at"]
    late = seen / 1000 - datetime.fromisoformat(ended).timestamp()
    print(f"an event is shown after {late * 1000:.0f} ms")
    assert late < 2.0


def test_a_thousand_tasks_stay_quick(site: Site) -> None:
    run = site.start("web.WIDE")
    site.ask("POST", f"/api/v1/runs/{run}/pause")  # the machine has better things to do than a thousand tasks
    page = site.page(f"/runs/{run}")
    expect(page.get_by_role("group", name="Graph of 1000 tasks.")).to_be_visible()
    expect(page.locator(".minimap")).to_be_visible()
    assert violations(page, ["button-name"]) == [], "what is too small to be read has its name still"
    # What the page's own code takes; how quickly it is painted depends on the machine.
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def script_ms() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1000 * next(float(each["value"]) for each in metrics if each["name"] == "ScriptDuration")

    before = script_ms()
    page.evaluate(
        """async () => {
            const frame = document.querySelector('.graph');
            const box = frame.getBoundingClientRect();
            const at = (type, x) => frame.dispatchEvent(new PointerEvent(type, {pointerId: 1, button: 0, buttons: 1,
                clientX: box.left + x, clientY: box.top + 150, bubbles: true}));
            at('pointerdown', 900);
            for (let n = 0; n < 40; n++) {
                at('pointermove', 900 - n * 15);
                await new Promise(requestAnimationFrame);
            }
            at('pointerup', 300);
        }"""
    )
    spent = (script_ms() - before) / 40
    print(f"scripts take {spent:.0f} ms of each frame while a graph of 1,000 tasks is moved")
    assert spent < 40
    assert page.locator(".node").count() < 700, "what is out of sight is not drawn"
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".timeline-row").first).to_be_visible()
    assert page.locator(".timeline-row").count() < 100
    site.ask("POST", f"/api/v1/runs/{run}/cancel")
