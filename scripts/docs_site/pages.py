"""Which page of the docs site is made from what, and in which order they are read."""

import os.path
import re
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]

SECTIONS: Final = {
    "tutorial/start.md": ("From a clone to a run", ["Two commands", "A workflow of your own", "Five scenarios"]),
    "explanation/promises.md": (
        "What is promised, and what is not",
        ["What is promised, and which test holds it to that"],
    ),
    "explanation/comparisons.md": ("How it compares", ["Speed", "Something else may fit better"]),
}
"""Page -> its title, and the sections of the README that it consists of: what is said once is written once."""

PROJECT: Final = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""Documents at the root of the repository -> their page."""

LEARN: Final = ["tutorial/start.md", "tutorial/scenarios.md", "tutorial/lessons.md"]
HOWTO: Final = {
    "Write": "any-dag write-and-check canvas explain-canvas canvas-engine schedules webhooks secrets"
    " from-celery-director",
    "Run": "rerun troubleshooting xray failure-lab agents observe check-app",
    "Deploy": "containers deploy-parts production security",
}
REFERENCE: Final = "index settings commands api events errors problems metrics keys verbs"
EXPLANATION: Final = "how-the-engine-works promises celery-seam comparisons reliability-tests found-by-chaos"

_FENCE: Final = re.compile(r"^( *)(```+|~~~+).*?^\1\2[ ]*$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def place(source: str) -> str:
    """The page made from a file of `docs/`, named without `docs/`: a README is the index of its folder."""
    return re.sub(r"(^|/)README\.md$", r"\1index.md", source)


def sources() -> dict[str, str]:
    """File of the repository -> page."""
    found = {path.relative_to(ROOT).as_posix(): "" for path in sorted((ROOT / "docs").rglob("*.md"))}
    return {name: place(name.removeprefix("docs/")) for name in found} | PROJECT


def navigation(lessons: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The navigation, top to bottom.

    Args:
        lessons: pages of the lessons by language.
    """
    decisions = sorted(page for page in sources().values() if page.startswith("adr/0"))
    learn: list[Any] = [*LEARN, *lessons["en"]]
    if chinese := lessons.get("zh"):
        learn.append({"课程（简体中文）": chinese})
    return [
        {"Home": "index.md"},
        {"Learn": learn},
        {"How to": [{group: [f"howto/{each}.md" for each in names.split()]} for group, names in HOWTO.items()]},
        {"Look up": [f"reference/{each}.md" for each in REFERENCE.split()]},
        {"Understand": [f"explanation/{each}.md" for each in EXPLANATION.split()] + ["architecture.md"]},
        {"Decisions": ["adr/index.md", *decisions]},
        {"Project": ["changes.md", "contributing.md"]},
    ]


def listed(tree: Any) -> list[str]:
    """Every page of a navigation."""
    if isinstance(tree, str):
        return [tree]
    inner = tree.values() if isinstance(tree, dict) else tree
    return [page for each in inner for page in listed(each)]


def readme(title: str, sections: list[str]) -> str:
    """A page of sections of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    if len(sections) == 1:
        return f"# {title}\n{found[sections[0]]}"
    return f"# {title}\n\n" + "".join(f"## {name}\n{found[name]}" for name in sections)


def converted(text: str, source: str, page: str) -> str:
    """The text of a file of the repository as a page: its links lead to pages, its blocks have one name.

    Raises:
        ValueError: a link leads nowhere.
    """
    places = sources()
    anchors = {slug(name): each for each, (_, names) in SECTIONS.items() for name in names}

    def link(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            return match.group()
        if not path and source != "README.md":
            return match.group()
        file = os.path.normpath(os.path.join(os.path.dirname(source), path)) if path else source
        if not (ROOT / file).exists():
            raise ValueError(f"{source}: {target} leads nowhere")
        if file == "README.md":
            there = anchors.get(anchor, "index.md")
            several = there != "index.md" and len(SECTIONS[there][1]) > 1
            hash_, anchor = ("#", anchor) if several else ("", "")
        elif file in places:
            there = places[file]
        elif file.startswith("docs/") and (ROOT / file).is_file():
            there = file.removeprefix("docs/")
        else:  # a file of the repository, which is no page
            name = f"`{file}`"
            return name if words.strip("`") in (file, os.path.basename(file)) else f"{words} ({name})"
        return f"{picture}[{words}]({os.path.relpath(there, os.path.dirname(page))}{hash_}{anchor})"

    return outside_of_blocks(text, lambda part: _LINK.sub(link, spaced(part))).replace("```sh run\n", "```sh\n")


def outside_of_blocks(text: str, change: Any) -> str:
    """The text with everything changed that does not stand in a fenced block."""
    found, last = "", 0
    for match in _FENCE.finditer(text):
        found += change(text[last : match.start()]) + match.group()
        last = match.end()
    return found + change(text[last:])


def spaced(text: str) -> str:
    """Lists with an empty line before them, which Python's Markdown needs and GitHub's does not."""
    return re.sub(r"^(?!(?:[-*>|#]|\d+\.) |[ \t])(\S[^\n]*\n)(?=(?:[-*]|\d+\.) )", r"\1\n", text, flags=re.MULTILINE)


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
