"""The web pages: their client is the server's API, their lock names no registry, and they are small."""

import gzip
import json
import re

import pytest

from scripts import render_ui_client
from tests.static.repository import ROOT, SRC
from umbel.api.ui import PAGES

UI = ROOT / "ui"
STATIC = SRC / "api" / "static"
MOST = 250_000
"""Bytes of JavaScript, compressed, that the first page needs."""


def test_typed_client_is_up_to_date() -> None:
    assert render_ui_client.TARGET.read_text(encoding="utf-8") == render_ui_client.render(), "run make docs-render"


def test_lock_names_no_registry_and_pins_everything() -> None:
    packages = json.loads((UI / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, about in packages.items() if "resolved" in about] == []
    assert [name for name, about in packages.items() if name and "integrity" not in about] == []


def test_server_and_pages_know_the_same_paths() -> None:
    written = (UI / "src" / "app.tsx").read_text(encoding="utf-8")
    assert set(re.findall(r'<Route path="/(\w+)', written)) == set(PAGES)


def test_what_the_first_page_loads_is_small() -> None:
    if not (STATIC / "index.html").is_file():
        pytest.skip("the web pages are not built: make ui")
    manifest = json.loads((STATIC / ".manifest.json").read_text(encoding="utf-8"))
    wanted, seen = ["index.html"], set()
    while wanted:
        about = manifest[wanted.pop()]
        if about["file"] not in seen:
            seen.add(about["file"])
            wanted += about.get("imports", [])
    size = sum(len(gzip.compress((STATIC / name).read_bytes())) for name in seen if name.endswith(".js"))
    assert 0 < size < MOST
