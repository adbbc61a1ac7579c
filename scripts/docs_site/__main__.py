"""Builds the docs site, in build/docs: `make docs`. `ARGS=--serve` serves it on the loopback address afterwards."""

import argparse
import contextlib
import functools
import http.server
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from scripts.docs_site import libraries, pages
from scripts.docs_site.lesson import lesson_page
from umbel.learn.lessons import lessons

HERE: Final = Path(__file__).resolve().parent
BUILD: Final = pages.ROOT / "build"
SOURCE: Final = BUILD / "docs-source"
SITE: Final = BUILD / "docs"


def main() -> None:
    """Build it; exit status 1 if a link is broken."""
    parser = argparse.ArgumentParser("make docs", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="serve it on 127.0.0.1 until Ctrl-C")
    parser.add_argument("--port", type=int, default=8008)
    asked = parser.parse_args()
    write()
    build()
    print(f"umbel docs: {SITE.relative_to(Path.cwd()) if SITE.is_relative_to(Path.cwd()) else SITE}/index.html")
    if asked.serve:
        serve(asked.port)


def write() -> None:
    """The sources of the site: pages, pictures, libraries, settings."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    docs = SOURCE / "docs"
    shutil.copytree(pages.ROOT / "docs" / "images", docs / "images")
    shutil.copytree(HERE / "theme", SOURCE / "theme")
    written: dict[str, str] = {}
    for file, page in pages.sources().items():
        written[page] = pages.converted((pages.ROOT / file).read_text(encoding="utf-8"), file, page)
    for page, (title, sections) in pages.SECTIONS.items():
        written[page] = pages.converted(pages.readme(title, sections), "README.md", page)
    told: dict[str, list[str]] = {}
    for lesson in lessons():
        for language in lesson.prose:
            page = f"tutorial/{'' if language == 'en' else language + '/'}{lesson.slug}.md"
            told.setdefault(language, []).append(page)
            written[page] = pages.outside_of_blocks(lesson_page(lesson, language), pages.spaced)
    for page, text in written.items():
        (docs / page).parent.mkdir(parents=True, exist_ok=True)
        (docs / page).write_text(text, encoding="utf-8")
    for path in (pages.ROOT / "docs" / "reference").glob("*.json"):
        shutil.copy(path, docs / "reference")
    (docs / "assets").mkdir()
    shutil.copy(HERE / "docs.css", docs / "assets")
    shutil.copy(pages.ROOT / "ui" / "src" / "icon.svg", docs / "assets")
    for name, library in libraries.fetch(BUILD / "docs-libraries").items():
        shutil.copy(library, docs / "assets" / name)
    settings = (HERE / "zensical.toml").read_text(encoding="utf-8")
    (SOURCE / "zensical.toml").write_text(settings.replace('"@NAV@"', toml(pages.navigation(told))), encoding="utf-8")


def build() -> None:
    """Build the site from its sources. Strict: a link to nothing is a failure."""
    shutil.rmtree(SITE, ignore_errors=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=SOURCE, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\numbel docs: not built; see above")
    (SOURCE / "site").rename(SITE)


def toml(tree: Any) -> str:
    """The navigation as TOML."""
    if isinstance(tree, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(name, ensure_ascii=False)} = {toml(each)}" for name, each in tree.items())
            + "}"
        )
    if isinstance(tree, list):
        return "[" + ", ".join(map(toml, tree)) + "]"
    return json.dumps(tree, ensure_ascii=False)


def serve(port: int) -> None:
    """Serve what was built, to this machine only."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"umbel docs: http://127.0.0.1:{server.server_port}/index.html (Ctrl-C ends it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
