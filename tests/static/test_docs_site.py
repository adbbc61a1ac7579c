"""The docs site: every page has its place, and every lesson its recording. The building of it has another test."""

import pytest

from scripts.docs_site import pages
from scripts.docs_site.lesson import lesson_page, recording
from tests.static.repository import ROOT
from umbel.learn.lessons import Lesson, lessons

TOLD = {"en": ["tutorial/01.md"], "zh": ["tutorial/zh/01.md"]}


def test_every_page_is_in_the_navigation_once() -> None:
    shown = pages.listed(pages.navigation(TOLD))
    made = [*pages.sources().values(), *pages.SECTIONS, *TOLD["en"], *TOLD["zh"]]
    assert sorted(shown) == sorted(made)


@pytest.mark.parametrize("file", sorted(pages.sources()))
def test_links_lead_to_pages(file: str) -> None:
    pages.converted((ROOT / file).read_text(encoding="utf-8"), file, pages.sources()[file])


@pytest.mark.parametrize("page", sorted(pages.SECTIONS))
def test_sections_of_the_readme_are_there(page: str) -> None:
    pages.converted(pages.readme(*pages.SECTIONS[page]), "README.md", page)


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.slug)
def test_lesson_has_its_recording(lesson: Lesson) -> None:
    found = recording(lesson.slug)
    why = f"run .venv/bin/python -m scripts.record_lessons {lesson.number}"
    assert found["claims"].keys() == lesson.machine.claims.keys(), why
    assert found["values"].keys() == lesson.machine.values.keys(), why
    assert found["steps"].keys() == lesson.machine.steps.keys() - lesson.machine.asked().keys(), why
    for language in lesson.prose:
        assert "#claim:" not in lesson_page(lesson, language)
