"""Docs are tests: what is written from the code is up to date, and nothing of the public face is missing."""

import re

import pytest

from scripts import render_architecture, render_reference
from tests.static.repository import ROOT, files
from umbel.definition.problems import CODES
from umbel.engine import scripts
from umbel.machine import TRANSITIONS, EventType
from umbel.service.operations import OPERATIONS

REFERENCE = ROOT / "docs" / "reference"
WRITTEN = render_reference.render()
BY_HAND = {"README.md", "api.md", "events.md"}


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
    assert {path.name for path in REFERENCE.glob("*.md")} - {*BY_HAND, *WRITTEN} == set()


@pytest.mark.parametrize("name", sorted(path.name for path in REFERENCE.glob("*.md") if path.name != "README.md"))
def test_reference_page_is_in_the_list_of_pages(name: str) -> None:
    assert f"({name})" in (REFERENCE / "README.md").read_text(encoding="utf-8")


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


def test_every_event_is_in_the_reference() -> None:
    text = (REFERENCE / "events.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `((?:run|task)\.\w+)` \|", text, re.MULTILINE) == [str(kind) for kind in EventType]


def test_every_operation_is_in_the_guide_to_the_api() -> None:
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    assert [each.spec.name for each in OPERATIONS if f"`{each.spec.method} {each.spec.path}`" not in text] == []


def test_picture_of_the_task_states_is_the_transition_table() -> None:
    """Each arrow `from --> to: verb` of the diagram, and nothing else."""
    text = (ROOT / "docs/explanation/how-the-engine-works.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", text, re.MULTILINE))
    assert drawn == {(start, end, verb) for (start, verb), ends in TRANSITIONS.items() for end in ends}


def promised() -> dict[str, list[str]]:
    """Promise -> test files, from the table of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (U-\d+) \|(.*)\|$", text, re.MULTILINE)
    return {number: re.findall(r"\]\((tests/[^)]+)\)", row) for number, row in rows}


def test_every_promise_is_in_the_readme() -> None:
    assert list(promised()) == [f"U-{number}" for number in range(1, 13)]


@pytest.mark.parametrize(("promise", "tests"), promised().items())
def test_readme_names_the_tests_that_prove_a_promise(promise: str, tests: list[str]) -> None:
    def tags(text: str) -> set[str]:
        spans = re.findall(r"\[U-(\d+)\] to \[U-(\d+)\]", text)
        inside = {f"U-{number}" for first, last in spans for number in range(int(first), int(last) + 1)}
        return inside | set(re.findall(r"\[(U-\d+)\]", text))

    assert tests
    assert [name for name in tests if promise not in tags((ROOT / name).read_text(encoding="utf-8"))] == []


def test_decisions_are_numbered_without_gaps() -> None:
    pages = sorted(path.name for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [name[:4] for name in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    listed = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    assert [name for name in pages if f"({name})" not in listed] == []


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
