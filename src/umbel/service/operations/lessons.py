"""Lessons: read, run, checked."""

from typing import Annotated, Any

from pydantic import Field

from umbel.service.models.lessons import Language, LessonCheck, LessonList, LessonView, StepRun
from umbel.service.operations.base import Operation, RunId, Spec

Slug = Annotated[
    str, Field(max_length=100, description="The lesson: `04-chord`, or its number.", examples=["04-chord"])
]
StepName = Annotated[str, Field(max_length=100, description="Name of the step within the lesson.", examples=["canvas"])]
Lang = Annotated[Language, Field(description="Language of the texts.")]


class ListLessons(Operation[LessonList]):
    """The lessons, in their order."""

    spec = Spec("list_lessons", "GET", "/lessons", LessonList, query=("lang",), tool=False)
    lang: Lang = "en"


class GetLesson(Operation[LessonView]):
    """A lesson with its texts, its steps and its questions."""

    spec = Spec("get_lesson", "GET", "/lessons/{slug}", LessonView, query=("lang",), tool=False)
    slug: Slug
    lang: Lang = "en"


class RunStep(Operation[StepRun]):
    """Run a step of a lesson for real: start its run, or play its scene with a plain Celery app. Answers at once; ask
    `get_step_run` how it goes. Only where the server allows it (`UMBEL_LEARN`)."""

    spec = Spec(
        "run_step",
        "POST",
        "/lessons/{slug}/steps/{step}",
        StepRun,
        status=201,
        scope="run",
        tool=False,
        read_only=False,
        idempotent=False,
    )
    slug: Slug
    step: StepName
    text: str | None = Field(
        default=None, max_length=20_000, description="In the place of the step's definition, if that may be edited."
    )


class GetStepRun(Operation[StepRun]):
    """How a step that was run stands, and what was seen."""

    spec = Spec("get_step_run", "GET", "/lessons/{slug}/steps/{step}/runs/{run_id}", StepRun, tool=False)
    slug: Slug
    step: StepName
    run_id: RunId


class CheckLesson(Operation[LessonCheck]):
    """Check what a learner has answered and run. Nothing is stored."""

    spec = Spec("check_lesson", "POST", "/lessons/{slug}/check", LessonCheck, tool=False)
    slug: Slug
    answers: dict[str, Any] = Field(
        default={}, max_length=50, description="By name of the question; `predict` is the prediction."
    )
    runs: dict[str, RunId] = Field(
        default={}, max_length=50, description="By name of the step: the `run_id` of the run to look at."
    )
    lang: Lang = "en"
