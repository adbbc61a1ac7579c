"""Which lessons were passed in this terminal's account: one small file, which may be deleted at any time."""

import json
import os
from pathlib import Path


def path() -> Path:
    """`umbel/lessons.json` where the system keeps such things (XDG_STATE_HOME, else ~/.local/state)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "umbel" / "lessons.json"


def passed() -> set[str]:
    """Slugs of the lessons that were passed; none if the file cannot be read."""
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
        return {each for each in found["passed"] if isinstance(each, str)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def keep(slug: str) -> None:
    """Note that a lesson was passed. A file that cannot be written is nobody's trouble."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        path().write_text(json.dumps({"passed": sorted(passed() | {slug})}) + "\n", encoding="utf-8")
    except OSError:
        return
