"""`make docs` builds a site without a broken link, of which no page asks another origin for anything."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKS = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*\bhref=\"?(?:https?:)?//")
STYLES = re.compile(r"(?:@import\s+|url\()[\"']?(?:https?:)?//")

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_site_is_built_and_asks_nobody() -> None:
    done = subprocess.run([ROOT / "scripts" / "docs.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    site = ROOT / "build" / "docs"
    written = sorted(site.rglob("*.html"))
    assert len(written) > 80
    assert [path.name for path in written if ASKS.search(path.read_text(encoding="utf-8"))] == []
    assert [path.name for path in site.rglob("*.css") if STYLES.search(path.read_text(encoding="utf-8"))] == []
