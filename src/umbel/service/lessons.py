"""Lessons: told, run for real, and checked against what was recorded."""

import threading
import time
from typing import Any, Final

from umbel.errors import BadRequest, Forbidden, LessonNotFound, RunNotFound, StateUnavailable, UmbelError
from umbel.learn.lessons import Lesson, find, lessons
from umbel.learn.lessons.judge import Evidence, Judge, evidence
from umbel.learn.lessons.model import Fault, Section, Step
from umbel.learn.lessons.prose import filled
from umbel.service import diagnose, lab_acts, playground, reading
from umbel.service.models.lessons import (
    Claim,
    Language,
    LessonBrief,
    LessonCheck,
    LessonList,
    LessonQuestion,
    LessonStep,
    LessonView,
    Observation,
    Option,
    Prediction,
    StepRun,
    Verdict,
)
from umbel.service.operations import (
    ActInLab,
    CheckLesson,
    GetLesson,
    GetStepRun,
    GetTrace,
    ListLessons,
    RunStep,
    TryDefinition,
)
from umbel.service.umbel import Umbel, now_ms
from umbel.service.xray import get_trace

OFF: Final = "Only a server that is there to be learnt from runs lessons: `umbel demo` (or UMBEL_LEARN=true)."
RECORDED: Final = 0.7
"""Seconds after a run's last change in which the last records of its X-ray are written."""
WHY: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "answer": "There is no answer yet.",
        "run": "Its step has not been run yet.",
        "trace": "The run was not recorded.",
        "wrong": "The run says otherwise.",
    },
    "zh": {
        "answer": "还没有答案。",
        "run": "它的步骤还没有运行。",
        "trace": "这次运行没有被记录。",
        "wrong": "运行的结果不是这样。",
    },
}


def list_lessons(umbel: Umbel, asked: ListLessons) -> LessonList:
    """All lessons in their order."""
    runnable = umbel.settings.learn
    items = [LessonBrief(**_brief(each, asked.lang)) for each in lessons()]
    return LessonList(language=asked.lang, runnable=runnable, hint=None if runnable else OFF, items=items)


def get_lesson(umbel: Umbel, asked: GetLesson) -> LessonView:
    """A lesson with its texts. Raises LessonNotFound."""
    lesson = find(asked.slug)
    prose, machine = lesson.text(asked.lang), lesson.machine
    runnable = umbel.settings.learn
    after = [each.slug for each in lessons() if each.number > lesson.number]
    asked_for = machine.asked()
    predict = Prediction(question=prose.predict.text, options=_options(prose.predict), right=machine.right)
    return LessonView(
        **_brief(lesson, asked.lang),
        language=asked.lang,
        runnable=runnable,
        hint=None if runnable else OFF,
        predict=predict,
        intro=prose.intro,
        steps=[
            _step(name, step, prose.steps.get(name) or prose.checks[asked_for[name]], asked_for.get(name))
            for name, step in machine.steps.items()
        ],
        happened=filled(prose.happened, Judge(lesson, {}, {}).values()),
        questions=[
            LessonQuestion(
                name=name,
                title=prose.checks[name].title,
                text=prose.checks[name].text,
                kind=check.kind,
                step=check.step,
                options=_options(prose.checks[name]),
            )
            for name, check in machine.checks.items()
        ],
        own=prose.own,
        next=after[0] if after else None,
    )


def run_step(umbel: Umbel, asked: RunStep) -> StepRun:
    """Start what a step runs.

    Raises:
        Forbidden: this server is not there to be learnt from.
        LessonNotFound: there is no such step.
        BadRequest: its text may not be changed.
        DefinitionError: the text has mistakes. And what starting a run raises.
    """
    lesson, step = _find(asked.slug, asked.step)
    if not umbel.settings.learn:
        raise Forbidden("This server does not run lessons.", hint=OFF)
    if asked.text is not None and not step.edit:
        raise BadRequest(f"The text of the step {asked.step} may not be changed.")
    if step.scene:
        scene = umbel.scenes.play(umbel.settings, lesson.slug, asked.step, step.scene, step.options)
        return _stand(umbel, lesson, asked.step, step, scene.run_id)
    tried = TryDefinition(text=asked.text or step.definition, payload=step.payload, comment=f"lesson {lesson.slug}")
    # A text of the learner's own is the playground's business: that may be closed.
    accepted = (playground.try_definition if asked.text is not None else playground.start)(umbel, tried)
    if step.faults:
        acting = threading.Thread(target=_break, args=(umbel, accepted.run.id, step.faults), name="fault", daemon=True)
        acting.start()
    return _stand(umbel, lesson, asked.step, step, accepted.run.id)


def _break(umbel: Umbel, run_id: str, faults: list[Fault]) -> None:
    """What goes wrong in a run, by the failure lab, each at its moment."""
    since = time.monotonic()
    for fault in faults:
        try:
            asked = ActInLab(act=fault.do, run_id=run_id, task=fault.when, within=30.0, **fault.options)
            says = lab_acts.act(umbel, asked).did
        except UmbelError as error:
            says = f"{fault.do} was not possible: {error}"
        umbel.scenes.note(run_id, Observation(seconds=round(time.monotonic() - since, 2), who="lab", says=says))


def get_step_run(umbel: Umbel, asked: GetStepRun) -> StepRun:
    """How a step that was run stands. Raises LessonNotFound, RunNotFound."""
    lesson, step = _find(asked.slug, asked.step)
    return _stand(umbel, lesson, asked.step, step, asked.run_id)


def check_lesson(umbel: Umbel, asked: CheckLesson) -> LessonCheck:
    """Whether what a learner answered and ran is right. Raises LessonNotFound, RunNotFound."""
    lesson = find(asked.slug)
    machine, prose = lesson.machine, lesson.text(asked.lang)
    steps, traced = {}, machine.traced()
    for name, run_id in asked.runs.items():
        _find(asked.slug, name)
        steps[name] = _evidence(umbel, machine.steps[name], run_id, traced=name in traced)
    judge = Judge(lesson, steps, asked.answers)
    places = judge.places()
    verdicts = []
    for name, check in machine.checks.items():
        ok, why = judge.verdict(name, check)
        advice = "" if ok else prose.checks[name].advice
        verdicts.append(Verdict(name=name, ok=ok, why=WHY[asked.lang].get(why, ""), advice=advice))
    return LessonCheck(
        lesson=lesson.slug,
        passed=all(each.ok for each in verdicts),
        verdicts=verdicts,
        claims=[
            Claim(name=name, step=machine.claims[name].step, holds=holds, at=places[name])
            for name, holds in judge.claims().items()
        ],
        happened=filled(prose.happened, judge.values()),
    )


def _find(slug: str, name: str) -> tuple[Lesson, Step]:
    lesson = find(slug)
    step = lesson.machine.steps.get(name)
    if step is None:
        steps = ", ".join(lesson.machine.steps)
        raise LessonNotFound(f"The lesson {lesson.slug} has no step {name[:80]!r}.", hint=f"Its steps: {steps}.")
    return lesson, step


def _stand(umbel: Umbel, lesson: Lesson, name: str, step: Step, run_id: str) -> StepRun:
    common: dict[str, Any] = {"lesson": lesson.slug, "step": name, "run_id": run_id, "engine": step.engine}
    if step.scene:
        scene = umbel.scenes.get(run_id)
        if scene is None:
            raise LessonNotFound("This server did not play that scene, or has forgotten it.", hint="Run it again.")
        over, state = scene.over.is_set(), scene.state
        return StepRun(**common, state=state, over=over, seen=scene.seen[:], outcome=scene.outcome, error=scene.error)
    run = reading.require(umbel, run_id)
    still = now_ms() - run.updated_at >= RECORDED * 1000
    over = reading.is_over(run) and run.settled and still
    return StepRun(**common, state=run.state, over=over, seen=umbel.scenes.notes(run_id))


def _evidence(umbel: Umbel, step: Step, run_id: str, *, traced: bool) -> Evidence:
    if step.scene:
        scene = umbel.scenes.get(run_id)
        run: dict[str, Any] = {"state": scene.state, **scene.outcome} if scene else {"state": "lost"}
    else:
        run = reading.get_run(umbel, run_id).model_dump(mode="json")
        run["diagnosis"] = diagnose.diagnose(umbel, run_id).model_dump(mode="json")
    return evidence(run, _trace(umbel, run_id) if traced else None)


def _trace(umbel: Umbel, run_id: str) -> dict[str, Any] | None:
    """What was recorded of a run; None if nothing was."""
    try:
        return get_trace(umbel, GetTrace(run_id=run_id, limit=20_000)).model_dump(mode="json")
    except (RunNotFound, StateUnavailable):
        return None


def _brief(lesson: Lesson, language: Language) -> dict[str, Any]:
    prose = lesson.text(language)
    return {
        "slug": lesson.slug,
        "number": lesson.number,
        "title": prose.title,
        "minutes": lesson.machine.minutes,
        "asks": prose.predict.text,
        "engines": list(dict.fromkeys(each.engine for each in lesson.machine.steps.values())),
        "languages": list(lesson.prose),
    }


def _options(section: Section) -> list[Option]:
    return [Option(name=name, text=text) for name, text in section.options.items()]


def _step(name: str, step: Step, told: Section, question: str | None) -> LessonStep:
    return LessonStep(
        name=name,
        question=question,
        title=told.title,
        about=told.text,
        engine=step.engine,
        text=step.definition or None,
        editable=step.edit,
        payload=step.payload,
        seconds=step.seconds,
        faults=[f"when {each.when} begins: {each.do}" for each in step.faults],
    )
