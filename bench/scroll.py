"""How smoothly the list of runs scrolls: `python -m bench.scroll http://127.0.0.1:8000 --rows 100000`.

A real Chromium scrolls down through so many runs, and back up through some, as fast as it shows frames. Fill the
server's history first (`bench.history`).
"""

import argparse
import shutil
from typing import Any

from playwright.sync_api import Page, sync_playwright

_SCROLL = """async ([rows, by]) => {
    const frames = [], started = performance.now();
    let before = started, most = 0, still = 0, place = -1;
    const frame = async (step) => {
        window.scrollBy(0, step);
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - before);
        before = now;
        most = Math.max(most, document.querySelectorAll('.runs-body .run-row').length);
    };
    const shown = () => [...document.querySelectorAll('.runs-body [data-run]')];
    const row = () => Math.max(0, ...shown().map((each) => each.ariaRowIndex - 1));
    while (row() < rows && still < 600) {
        await frame(by);
        still = window.scrollY === place ? still + 1 : 0;
        place = window.scrollY;
    }
    const reached = row(), down = performance.now() - started;
    for (let n = 0; n < Math.min(reached / 20, 300); n++) await frame(-by);
    return {
        rows: reached, seconds: down / 1000, frames: frames.length, 'most rows in the page': most,
        'frames over 50 ms': frames.filter((each) => each > 50).length,
        'longest frame, ms': Math.round(Math.max(...frames)),
        'median frame, ms': frames.sort((a, b) => a - b)[frames.length >> 1],
        'heap, MB': Math.round((performance.memory?.usedJSHeapSize ?? 0) / 1e6),
    };
}"""


def scroll(page: Page, rows: int, by: int = 900) -> dict[str, Any]:
    """Scrolls the list on this page to its row `rows`, `by` pixels a frame; what was seen on the way."""
    page.locator(".runs-body [data-run]").first.wait_for()
    # Beside the frames, which depend on what else the machine does: the processor time of the page's main thread.
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> dict[str, float]:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return {each["name"]: 1000 * float(each["value"]) for each in metrics}

    before = busy()
    found: dict[str, Any] = page.evaluate(_SCROLL, [rows, by])
    after = busy()
    for name in ("ScriptDuration", "TaskDuration"):
        found[f"{name} per frame, ms"] = (after[name] - before[name]) / found["frames"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scroll", description=__doc__)
    parser.add_argument("server", help="URL of a server without accounts")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--step", type=int, default=900, help="pixels a frame")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=options.server)
        page.goto("/runs")
        for name, value in scroll(page, options.rows, options.step).items():
            print(f"{name:24} {value:,.1f}" if isinstance(value, float) else f"{name:24} {value:,}")
        browser.close()


if __name__ == "__main__":
    main()
