"""Docs are tests: what is written from the code is up to date, and nothing of the public face is missing."""

import re

import pytest

from scripts import render_architecture, render_reference
from tests.static.repository import ROOT, files
from umbel.definition.problems import CODES
from umbel.engine import scripts

REFERENCE = ROOT / "docs" / "reference"
WRITTEN = render_reference.render()


def reference() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(REFERENCE.glob("*.md")))


def test_architecture_is_up_to_date() -> None:
    assert render_architecture.TARGET.read_text(encoding="utf-8") == render_architecture.render(), (
        "run make docs-render"
    )


def test_typed_calls_are_up_to_date() -> None:
    assert (ROOT / "src/umbel/engine/calls.py").read_text(encoding="utf-8") == scripts.generate(), (
        "run make docs-render"
    )


def test_every_part_has_its_place_in_the_layers() -> None:
    placed = {name for layer in render_architecture.layers() for name in layer}
    assert {part.name for part in render_architecture.parts()} - placed == set()


def test_every_package_says_what_it_owns() -> None:
    packages = {path.parent for path in (ROOT / "src" / "umbel").glob("*/*.py")}
    assert [folder.name for folder in sorted(packages) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_reference_page_is_up_to_date(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == WRITTEN[name], "run make docs-render"


def test_reference_has_no_other_page() -> None:
    assert {path.name for path in REFERENCE.glob("*.md")} - {"README.md", *WRITTEN} == set()


def test_every_setting_is_in_the_reference() -> None:
    text = reference()
    assert [name for name in render_reference.setting_names() if f"`{name}`" not in text] == []


def test_every_error_code_is_in_the_reference() -> None:
    text = reference()
    assert [error.code for error in render_reference.errors() if f"`{error.code}`" not in text] == []


def test_every_command_is_in_the_reference() -> None:
    text = reference()
    names = [name for name, command in render_reference.commands() if not hasattr(command, "commands")]
    assert [name for name in names if not re.search(rf"^## `{name}[` ]", text, re.MULTILINE)] == []


def test_every_verb_is_in_the_reference() -> None:
    text = reference()
    assert [path.stem for path in render_reference.verb_files() if f"## `{path.stem}`" not in text] == []


def test_every_problem_of_a_definition_is_in_the_reference() -> None:
    text = reference()
    assert [problem for problem in CODES if f"`{problem}`" not in text] == []


def test_markdown_links_lead_somewhere() -> None:
    broken = []
    for path in files():
        if path.suffix == ".md":
            text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                place = target.partition("#")[0]
                if (
                    place
                    and "://" not in place
                    and not place.startswith("mailto:")
                    and not (path.parent / place).exists()
                ):
                    broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []
