"""Payload, comment, result, output, error and description full of script: the pages show them as the text they are.

The fixture `site` fails the test too if the browser's console tells of anything that the policy had to stop.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.site import Site, settled
from tests.xss import XSS

pytestmark = pytest.mark.browser

FOREIGN = (
    "main :is(script, iframe, object, embed, img, image, video, audio, math, marquee, base, link, meta, style, form"
    " [formaction], template, noscript, foreignObject, animate, set, [onerror], [onload], [onclick], [onfocus]),"
    " a[href^='javascript' i], a[href^='data' i], a[href^='vbscript' i]"
)
"""What no page of ours has, and what each text of the corpus would make."""


def look(site: Site, path: str, shown: str) -> Page:
    """Open a page, wait until it shows the text, and see that nothing has become of it."""
    page = site.page("about:blank")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.goto(path)
    settled(page)
    expect(page.get_by_text(shown).first).to_be_visible()
    assert asked == []
    assert page.evaluate("window.__xss") is None
    assert page.evaluate("(foreign) => [...document.querySelectorAll(foreign)].map((e) => e.outerHTML)", FOREIGN) == []
    assert page.url.startswith(site.url)
    return page


def test_hostile_texts_stay_texts(site: Site) -> None:
    everything = "\n".join(XSS)
    comments = ["<img src=x onerror=window.__xss=1>", '"><script>alert(1)</script>', "javascript:alert(1)"]
    failed = site.done("web.SAY", comments[0], say=everything, raises=True, more=list(XSS))
    good = site.done("web.SAY", comments[1], say=everything, more=list(XSS))
    site.done("web.SAY", comments[2], say=XSS[0])
    runs = look(site, "/runs", comments[0])
    for comment in comments[1:]:
        expect(runs.get_by_text(comment).first).to_be_visible()
    shown = "<svg/onload=window.__xss=1>"
    look(site, f"/runs/{failed}?view=timeline&task=SAY", shown)
    look(site, f"/runs/{good}?task=SAY", shown)
    look(site, f"/runs/{good}?view=logs", shown)
    look(site, "/definitions/web.SAY", "Gives back, prints or raises")
    # The look itself is no empty one: written as HTML, each of the corpus's tags would be found.
    page = site.page("about:blank")
    page.evaluate("(text) => { document.body.append(document.createElement('main')); window.text = text }", everything)
    assert page.evaluate("(f) => document.querySelectorAll(f).length", FOREIGN) == 0
    found = page.evaluate(
        "(f) => new DOMParser().parseFromString('<main>' + window.text, 'text/html').querySelectorAll(f).length",
        FOREIGN,
    )
    assert found > 10
    for path in (f"/api/v1/runs/{good}", f"/api/v1/runs/{failed}/logs", f"/api/workflows/{failed}"):
        answer = site.page("about:blank").request.get(site.url + path)
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
