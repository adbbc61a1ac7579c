"""The client's methods for lessons."""

from collections.abc import Mapping
from typing import Any

from umbel.client.operation import make
from umbel.client.part import Part
from umbel.service import operations as ops
from umbel.service.models.lessons import Language, LessonCheck, LessonList, LessonView, StepRun


class Lessons(Part):
    """A part of `Client`."""

    def list_lessons(self, lang: Language = "en") -> LessonList:
        """The lessons, in their order."""
        return self.call(make(ops.ListLessons, lang=lang))

    def get_lesson(self, slug: str, lang: Language = "en") -> LessonView:
        """A lesson, by its slug or number, with its texts, steps and questions."""
        return self.call(make(ops.GetLesson, slug=slug, lang=lang))

    def run_step(self, slug: str, step: str, text: str | None = None) -> StepRun:
        """Run a step of a lesson for real, with another text if it may be edited. Answers at once."""
        return self.call(make(ops.RunStep, slug=slug, step=step, text=text))

    def get_step_run(self, slug: str, step: str, run_id: str) -> StepRun:
        """How a step that was run stands, and what was seen."""
        return self.call(make(ops.GetStepRun, slug=slug, step=step, run_id=run_id))

    def check_lesson(
        self, slug: str, answers: Mapping[str, Any], runs: Mapping[str, str], lang: Language = "en"
    ) -> LessonCheck:
        """Hold answers (by question) and runs (by step) against a lesson; the server keeps nothing of it."""
        return self.call(make(ops.CheckLesson, slug=slug, answers=dict(answers), runs=dict(runs), lang=lang))
