"""What a lesson consists of: a part that is the same in all languages (`NN-slug.yml`), and prose (`en/NN-slug.md`)."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from umbel.definition import expressions

NAMES: Final = ("trace", "run", "traces", "runs", "answer", "answers")
"""What the CEL of a lesson may use.

`trace` and `run` are those of the step that a claim, value or check names: the trace as `service/models/trace.py` has
it, with `commands`, `messages` and `events` picked out of its records; the run as the API shows it, or what a scene
saw.
`traces` and `runs` hold those of all steps, by name. `answer` is what the learner gave to a check, `answers` to all.
"""


class Part(BaseModel):
    """Base of the machine part: unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(Part):
    """Something that is broken while a step's run goes on, by the failure lab.

    `when`: a task's key; the moment is when its body has begun. `do`: the lab's action.
    """

    when: str
    do: Literal["kill-child", "kill-worker", "freeze-child", "freeze-worker", "drop-message", "duplicate-message"]
    options: dict[str, Any] = {}


class Step(Part):
    """Something that is run for real: a definition on this server, or a scene with a plain Celery app.

    A step that is looked at by a check of the kind `edit` or `act` belongs to that check, and is run only for it;
    `edit` says that its text may be changed. `seconds`: about how long it takes.
    """

    engine: Literal["relay", "canvas", "celery"]
    definition: str = ""
    payload: dict[str, Any] = {}
    scene: str = ""
    options: dict[str, Any] = {}
    faults: list[Fault] = []
    edit: bool = False
    seconds: float = Field(default=2, gt=0, le=300)


class Value(Part):
    """A name or figure of the learner's own run, for `${name}` in the prose; `example` is there before it is run."""

    step: str
    cel: str
    example: str


class Claim(Part):
    """A sentence of the prose, as CEL that is true for every run of its step."""

    step: str
    cel: str


class Check(Part):
    """A question to the learner. `cel` is true if it is answered rightly.

    `edit`: what is looked at is a run of the step with the learner's own text. `act`: the learner does something to a
    run of the step, such as a retry. `expect` is an answer that is right, or what to do (`retry`), and `text` a text
    that is right: the tests try them.
    """

    kind: Literal["choice", "text", "number", "edit", "act"]
    step: str
    cel: str
    expect: str = ""
    text: str = ""


class Machine(Part):
    """The file `NN-slug.yml`."""

    minutes: int = Field(ge=1, le=15)
    right: str
    steps: dict[str, Step] = Field(min_length=1)
    values: dict[str, Value] = {}
    claims: dict[str, Claim] = {}
    checks: dict[str, Check] = Field(min_length=1)

    def asked(self) -> dict[str, str]:
        """The steps that belong to a check, with its name."""
        return {each.step: name for name, each in self.checks.items() if each.kind in ("edit", "act")}

    def traced(self) -> set[str]:
        """The steps whose trace some expression reads. That of another one may be megabytes that nobody asks for."""
        told: list[Value | Claim | Check] = [*self.values.values(), *self.claims.values(), *self.checks.values()]
        return {
            name
            for name in self.steps
            if any(f"traces.{name}" in each.cel or (each.step == name and "trace" in each.cel) for each in told)
        }

    def expressions(self) -> dict[str, str]:
        """Every CEL text, by where it stands."""
        return {
            f"{kind}.{name}": each.cel
            for kind, them in (("values", self.values), ("claims", self.claims), ("checks", self.checks))
            for name, each in them.items()
        }


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the prose: a step or a question. `options` are `- `name`: text`; `advice` is its quotation."""

    title: str
    text: str
    options: dict[str, str] = field(default_factory=dict)
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Prose:
    """The file `LANGUAGE/NN-slug.md`."""

    title: str
    predict: Section
    intro: str
    steps: dict[str, Section]
    happened: str
    checks: dict[str, Section]
    own: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson in all its languages."""

    slug: str
    machine: Machine
    prose: dict[str, Prose]

    @property
    def number(self) -> int:
        """Its place."""
        return int(self.slug.split("-")[0])

    def text(self, language: str) -> Prose:
        """In this language; in English where there is no other text yet."""
        return self.prose.get(language) or self.prose["en"]


def wrong_with(cel: str) -> str | None:
    """What is wrong with a CEL text of a lesson, if something is."""
    return expressions.check(cel, names=NAMES)
