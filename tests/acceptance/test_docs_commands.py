"""What the documents tell a reader to type works, and prints what they say.

A fenced block marked `sh run` is run; a `text` block right after it holds lines that its output must contain (see
`pattern`). The blocks of one page share a shell, as they share a reader's terminal.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from umbel.stack import Stack, demo_options, run_stack

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh run\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
PAGES = {
    path.relative_to(ROOT).as_posix(): found
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if (found := BLOCK.findall(path.read_text(encoding="utf-8")))
}
MARK = "-- end of block --"
REFUSED = "-- refused --"
SHELL = f"""set -eu
curl() {{ command curl --noproxy '*' --show-error --fail-with-body --max-time 60 "$@" || echo '{REFUSED}'; }}
finished() {{ echo; echo '{MARK}'; }}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with run_stack(demo_options(port=0, data=tmp_path_factory.mktemp("docs"))) as stack:
        yield stack


def pattern(line: str) -> str:
    """A line of the page as a regular expression: `...` is anything, and seconds differ each time."""
    return re.sub(r"\d+\\\.\d+\\ s", r"\\d+\.\\d+ s", ".*?".join(map(re.escape, line.strip().split("..."))))


def follow(page: str, stack: Stack) -> list[str]:
    """Type what a page says; the output of each block."""
    environment = {**os.environ, **stack.urls.env(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    typed = SHELL + "".join(f"{commands}finished\n" for commands, _ in PAGES[page])
    done = subprocess.run(
        ["sh", "-c", typed], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{page}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.split(MARK)[:-1]


FEW = {"README.md", "docs/reference/api.md", "docs/tutorial/lessons.md", "docs/tutorial/scenarios.md"}
"""Pages that `make test` types; `make test-parts` types the others."""


@pytest.fixture(scope="module")
def outputs(request: pytest.FixtureRequest, stack: Stack) -> Iterator[dict[str, Future[list[str]]]]:
    """All wanted pages side by side, by four readers."""
    wanted = [
        each.callspec.params["page"]
        for each in request.session.items
        if each.path == request.path and "page" in each.fixturenames
    ]
    with ThreadPoolExecutor(4) as readers:
        yield {page: readers.submit(follow, page, stack) for page in wanted}


def test_there_is_something_to_type() -> None:
    assert PAGES.keys() > FEW


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=() if page in FEW else pytest.mark.long) for page in sorted(PAGES)]
)
def test_commands_print_what_the_page_says(page: str, outputs: dict[str, Future[list[str]]]) -> None:
    for (commands, expected), output in zip(PAGES[page], outputs[page].result(), strict=True):
        missing = [line for line in expected.splitlines() if line.strip() and not re.search(pattern(line), output)]
        assert missing == [], f"after\n{commands}came\n{output[-3000:]}"
        assert (REFUSED in output) == bool(re.search('"status":4|"error"', expected)), (
            f"after\n{commands}came\n{output[-3000:]}"
        )
