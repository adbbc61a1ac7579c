"""Lessons: what a learner reads, runs and is asked, and what came of it."""

from typing import Any, Literal

from pydantic import Field

from umbel.service.models.base import Resource

Language = Literal["en", "zh"]
Engine = Literal["relay", "canvas", "celery"]
"""Who sequences: Umbel, Celery's own canvas under Umbel's eyes, or a plain Celery app without Umbel."""


class LessonBrief(Resource):
    """A lesson in the list."""

    slug: str = Field(description="Its name in addresses: `04-chord`.")
    number: int
    title: str
    minutes: int = Field(description="About how long it takes.")
    asks: str = Field(description="The question that it begins with, in Markdown.")
    engines: list[Engine] = Field(description="Who sequences in its steps.")
    languages: list[Language] = Field(description="Languages that it is told in.")


class LessonList(Resource):
    """All lessons in their order."""

    language: Language = Field(description="The language that this is in; English where there is no other text yet.")
    runnable: bool = Field(description="Whether this server runs the lessons' steps: `umbel demo` does.")
    hint: str | None = Field(default=None, description="If it does not: what to do.")
    items: list[LessonBrief]


class Option(Resource):
    """One of the answers to choose from."""

    name: str
    text: str = Field(description="Markdown.")


class Prediction(Resource):
    """What the learner is asked before anything runs."""

    question: str = Field(description="Markdown.")
    options: list[Option]
    right: str = Field(description="Name of the option that turns out to be so.")


class LessonStep(Resource):
    """Something that is run for real."""

    name: str = Field(description="Its name within the lesson.")
    title: str
    about: str = Field(description="What it does, in Markdown.")
    engine: Engine
    text: str | None = Field(
        default=None, description="The definition that is run, as YAML; null for a scene with plain Celery."
    )
    editable: bool = Field(default=False, description="Whether the learner may change the text.")
    question: str | None = Field(
        default=None, description="The question that it belongs to: it is run only for that, not with the others."
    )
    payload: dict[str, Any] = Field(default={})
    seconds: float = Field(description="About how long it takes.")
    faults: list[str] = Field(default=[], description="What is broken while it runs, one sentence each.")


class LessonQuestion(Resource):
    """One thing that is checked: an answer that the learner gives, or a run of an edited step."""

    name: str
    title: str
    text: str = Field(description="What is to be done or found out, in Markdown.")
    kind: Literal["choice", "text", "number", "edit", "act"] = Field(
        description="What the learner gives; `edit`: a run of `step` with a text of their own; `act`: a run of `step`"
        " to which they then do something, such as a retry, before they ask for the check."
    )
    step: str = Field(description="The step that it is about.")
    options: list[Option] = Field(default=[], description="For `choice`.")


class LessonView(LessonBrief):
    """A lesson with its texts. Names in `happened` such as keys and ids are those of the lesson's example until a run's
    own come with the check."""

    language: Language
    runnable: bool = Field(description="Whether this server runs its steps.")
    hint: str | None = Field(default=None, description="If it does not: what to do.")
    predict: Prediction
    intro: str = Field(default="", description="What stands before the first step, in Markdown.")
    steps: list[LessonStep]
    happened: str = Field(
        description="What happened, in Markdown. A link to `#claim:NAME` marks a claim that the trace proves."
    )
    questions: list[LessonQuestion]
    own: str = Field(description="What to make of it in an app of one's own, in Markdown.")
    next: str | None = Field(default=None, description="Slug of the lesson after this one.")


class Observation(Resource):
    """A line of what is seen while a step runs."""

    seconds: float = Field(description="Since the step was started.")
    who: str
    says: str


class StepRun(Resource):
    """One time that a step was run."""

    lesson: str
    step: str
    run_id: str = Field(description="Id of the run, for `/runs/{id}` and its trace; of a scene, of the trace only.")
    engine: Engine
    state: str = Field(description="The run's state; of a scene `running`, `success` or `error`.")
    over: bool
    seen: list[Observation] = Field(default=[], description="What was seen, so far.")
    outcome: dict[str, Any] = Field(default={}, description="Of a scene: the figures that it ended with.")
    error: str | None = Field(default=None, description="Why the step itself could not be done.")


class Claim(Resource):
    """A sentence of the lesson, held against the learner's own run."""

    name: str = Field(description="As in the links `#claim:NAME` of the text.")
    step: str
    holds: bool | None = Field(description="Null: not known, since the step has not been run or was not recorded.")
    at: int | None = Field(description="Number of the first record of the step's X-ray that it speaks of, if it does.")


class Verdict(Resource):
    """What became of one question."""

    name: str
    ok: bool
    why: str = Field(default="", description="Why not, in Markdown.")
    advice: str = Field(default="", description="What to try, in Markdown.")


class LessonCheck(Resource):
    """Whether the learner's answers and runs are right."""

    lesson: str
    passed: bool = Field(description="Whether all questions are answered, and rightly.")
    verdicts: list[Verdict]
    claims: list[Claim]
    happened: str = Field(description="What happened, with the names and figures of the learner's own runs.")
