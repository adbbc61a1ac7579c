"""One lesson in the terminal: predict, run, see, check."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.markdown import Markdown

from umbel.cli import progress
from umbel.cli.lesson_words import WORDS
from umbel.cli.output import console, say
from umbel.client import Client
from umbel.errors import UmbelError
from umbel.service.models.lessons import (
    Language,
    LessonCheck,
    LessonQuestion,
    LessonStep,
    LessonView,
    Option,
    Prediction,
    StepRun,
)

WIDTH: Final = 92
"""Columns of prose, at most."""
TRIES: Final = 3
"""Times that a question is asked before the lesson goes on."""
_LOOK: Final = 0.3
"""Seconds between two looks at how a step stands."""
_CLAIM: Final = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(#claim:[a-z0-9-]+\)")


class Taken:
    """A lesson that somebody takes.

    Args:
        client: of a server that runs lessons.
        view: the lesson.
        given: answers by question, and `edits` by step, that nobody is asked for; None to ask.
    """

    def __init__(
        self,
        client: Client,
        view: LessonView,
        *,
        given: Mapping[str, str] | None = None,
        edits: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._view = view
        self._words = WORDS[view.language]
        self._asks = given is None
        self._answers: dict[str, Any] = dict(given or {})
        self._edits = dict(edits or {})
        self._runs: dict[str, str] = {}

    def take(self) -> bool:
        """Go through it from the beginning to the end; whether it was passed."""
        view, words = self._view, self._words
        tell(f"# {view.number}. {view.title}\n\n{words.about.format(minutes=view.minutes)}")
        self._predict(view.predict)
        if view.intro:
            tell(view.intro)
        for step in view.steps:
            if step.question is None:
                self._run(step)
        check = self._check()
        if self._asks:
            right = next(each.text for each in view.predict.options if each.name == view.predict.right)
            tell(f"## {words.happened}\n\n{self._praise(view.predict)} {right}")
        tell(check.happened)
        self._claims(check)
        check = self._questions(check)
        tell(f"## {words.own}\n\n{view.own}")
        if check.passed:
            progress.keep(view.slug)
            after = words.go_on.format(number=view.next[:2].lstrip("0")) if view.next else ""
            say(f"{words.passed.format(number=view.number)} {after}".rstrip())
        return check.passed

    # -- its parts

    def _predict(self, prediction: Prediction) -> None:
        tell(f"## {self._words.predict}\n\n{prediction.question}")
        if self._asks:
            self._answers["predict"] = self._choose(prediction.options)
        else:
            self._answers.setdefault("predict", prediction.right)

    def _praise(self, prediction: Prediction) -> str:
        foreseen = self._answers["predict"] == prediction.right
        return self._words.foreseen if foreseen else self._words.otherwise

    def _run(self, step: LessonStep, text: str | None = None) -> None:
        tell(f"### {step.title}\n\n{step.about}")
        if step.text:
            tell(f"```yaml\n{text or step.text}\n```")
        text = text or self._edits.get(step.name)
        if self._asks:
            _enter(self._words.run_it.format(engine=step.engine, seconds=step.seconds))
        started = self._client.run_step(self._view.slug, step.name, text)
        self._runs[step.name] = started.run_id
        self._say_trace(self._follow(started))

    def _follow(self, run: StepRun) -> StepRun:
        told = 0
        while True:
            run = self._client.get_step_run(run.lesson, run.step, run.run_id)
            for each in run.seen[told:]:
                say(f"  {each.seconds:6.2f} s  {each.who}: {each.says}")
            told = len(run.seen)
            if run.over:
                say(f"  {run.step}: {run.state}" + (f" ({run.error})" if run.error else ""))
                return run
            time.sleep(_LOOK)

    def _say_trace(self, run: StepRun) -> None:
        try:
            trace = self._client.get_trace(run.run_id, limit=20_000)
        except UmbelError as error:
            say(f"  {self._words.no_xray.format(why=error)}")
            return
        kinds = Counter(each.kind for each in trace.records)
        named = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
        say(f"  X-ray: {named or trace.hint}")
        say(f"  umbel xray {run.run_id}    {self._client.url}/runs/{run.run_id}/xray")

    def _claims(self, check: LessonCheck) -> None:
        held = sum(each.holds is True for each in check.claims)
        say(self._words.held.format(held=held, all=len(check.claims)))
        for each in check.claims:
            if each.holds is not True:
                said = self._words.fails if each.holds is False else self._words.unknown
                say(f"  {said.format(claim=each.name, step=each.step)}")
        self.sound = held == len(check.claims)

    def _questions(self, check: LessonCheck) -> LessonCheck:
        for question in self._view.questions:
            for attempt in range(TRIES if self._asks else 1):
                if not attempt:
                    tell(f"## {question.title}\n\n{question.text}")
                self._ask(question)
                check = self._check()
                verdict = next(each for each in check.verdicts if each.name == question.name)
                if verdict.ok:
                    say(f"  ✓ {self._words.right}")
                    break
                tell(f"✗ {verdict.why} {verdict.advice}")
        return check

    def _ask(self, question: LessonQuestion) -> None:
        step = next(each for each in self._view.steps if each.name == question.step)
        if question.kind == "edit":
            text = _edited(step.text or "") if self._asks else self._edits.get(step.name)
            if text:
                try:
                    self._run(step, text)
                except UmbelError as error:
                    say(f"  {error}")
        elif question.kind == "act":
            if step.name not in self._runs:
                self._run(step)
            if self._asks:
                _enter(self._words.done_it)
        elif self._asks:
            self._answers[question.name] = self._choose(question.options) if question.options else _line("> ")

    def _choose(self, options: list[Option]) -> str:
        for number, option in enumerate(options, 1):
            tell(f"{number}\\. {option.text}")
        while True:
            said = _line(f"{self._words.choose.format(count=len(options))}: ")
            if said.isdigit() and 1 <= int(said) <= len(options):
                return options[int(said) - 1].name

    def _check(self) -> LessonCheck:
        return self._client.check_lesson(self._view.slug, self._answers, self._runs, self._view.language)


def take(client: Client, slug: str, lang: Language, given: Mapping[str, str] | None, edits: Mapping[str, str]) -> bool:
    """Take a lesson; with `given` nobody is asked, and it counts as passed if all that the lesson claims holds."""
    view = client.get_lesson(slug, lang)
    if not view.runnable:
        raise UmbelError("This server does not run lessons.", hint=view.hint or "")
    taken = Taken(client, view, given=given, edits=edits)
    passed = taken.take()
    return passed if given is None else taken.sound and (passed or not given)


def tell(markdown: str) -> None:
    """Print prose: formatted on a terminal, as it is elsewhere."""
    text = _CLAIM.sub(r"\1", markdown)
    if console().is_terminal:
        out = Console(width=min(WIDTH, console().width), highlight=False)
        out.print(Markdown(text))
        out.print()
    else:
        say(f"{text}\n")


def _edited(text: str) -> str:
    """The text as the learner's own editor leaves it."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lesson.yml"
        file.write_text(text, encoding="utf-8")
        subprocess.run([*shlex.split(editor), str(file)], check=False)
        return file.read_text(encoding="utf-8")


def _enter(text: str) -> None:
    _line(f"{text}: ")


def _line(prompt: str) -> str:
    print(prompt, end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise typer.Abort
    return line.strip()


def read_edits(given: list[str]) -> dict[str, str]:
    """`STEP=FILE` as texts by step. Raises OSError."""
    return {name: Path(file).read_text(encoding="utf-8") for name, _, file in (each.partition("=") for each in given)}
