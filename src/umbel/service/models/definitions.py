"""Definitions, their schedules and their pictures."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from umbel.service.models.base import Resource, Time


class TaskDefinition(Resource):
    """One task of a definition."""

    key: str
    task: str
    needs: list[str] = Field(default=[])
    queue: str


class ScheduleSpec(Resource):
    """When a definition is started by itself, and with what: by a crontab or by an interval."""

    crontab: str | None = Field(
        default=None, description="Minute, hour, day of month, month, day of week, by the clock of `timezone`."
    )
    interval: float | None = Field(default=None, description="Seconds; ticks are its multiples since 1970.")
    timezone: str = Field(default="UTC", description="IANA name of the time zone.")
    catchup: Literal["none", "last", "all"] = Field(
        default="none", description="Which of the ticks are made up for that were due while no server was up."
    )
    overlap: Literal["allow", "skip"] = Field(
        default="allow", description="Whether a tick counts while a scheduled run of this definition is alive."
    )
    payload: dict[str, Any] = Field(default={}, description="Payload of the runs.")
    next: list[Time] = Field(default=[], description="The next five times; none while paused.")


class ScheduleView(ScheduleSpec):
    """The schedule of a definition, and how it goes."""

    definition: str = Field(description="`project.NAME`.")
    paused: bool = False
    last_at: Time | None = Field(default=None, description="The newest tick that started a run.")
    last_run: str | None = Field(default=None, description="Id of that run.")
    skipped_at: Time | None = Field(default=None, description="The newest tick that started none.")
    skipped_why: str | None = Field(
        default=None,
        description="`overlap`: a run was still alive; `limit`: too many were; `missed`: no server was up.",
    )


class ScheduleList(Resource):
    """The schedules of all definitions that have one, by name."""

    items: list[ScheduleView]


class DefinitionProblem(Resource):
    """One mistake in a definition, or a warning about one."""

    file: str
    line: int = Field(description="From 1; 0: the file as a whole.")
    column: int = Field(description="From 1; 0: the file as a whole.")
    end_column: int | None = Field(default=None, description="The column behind the offending text, if it is known.")
    severity: Literal["error", "warning"] = Field(description="An error keeps its definition from being used.")
    code: str = Field(description="Which mistake it is: a code of `docs/reference/problems.md`.")
    message: str
    hint: str = Field(default="", description="What to do about it, often the nearest valid name.")
    definition: str | None = Field(default=None, description="`project.NAME` that it stands in.")
    excerpt: str = Field(default="", description="The offending line, and carets below the offending text.")


class DefinitionSource(Resource):
    """The text of a definition as the project's file had it when it was read, and what is wrong with it."""

    file: str
    line: int = Field(description="Where `text` begins in the file, from 1.")
    text: str
    problems: list[DefinitionProblem] = Field(default=[], description="By line; of the file, not of `text`.")


class DefinitionView(Resource):
    """One definition: what a run of it takes and does."""

    name: str = Field(description="`project.NAME`, as `start_run` wants it.")
    description: str = ""
    payload_schema: dict[str, Any] | None = Field(
        default=None, description="JSON Schema of the payload.", alias="schema"
    )
    defaults: dict[str, Any] = Field(default={}, description="Payload values that a run takes where it gives none.")
    tasks: list[TaskDefinition] = Field(default=[])
    schedule: ScheduleSpec | None = Field(default=None, description="When it is started by itself.")
    hash: str | None = Field(default=None, description="Hash of the plan: it changes when the tasks do.")
    kept: bool = Field(
        default=False, description="It came by `define_canvas`, not by the project's files, and can be removed."
    )
    problems: list[str] = Field(default=[], description="Why it cannot be started; empty if it can.")
    source: DefinitionSource | None = Field(
        default=None, description="Its text, where one definition is asked for that stands in the project's file."
    )


class DefinitionList(Resource):
    """Every definition of the project, by name."""

    items: list[DefinitionView]
    problems: list[str] = Field(default=[], description="Everything that is wrong with the project's files.")


class CheckedDefinition(Resource):
    """One definition that can be used, and its plan in brief."""

    name: str = Field(description="`project.NAME`.")
    description: str = ""
    payload_schema: dict[str, Any] | None = Field(
        default=None, description="JSON Schema of the payload.", alias="schema"
    )
    defaults: dict[str, Any] = Field(default={}, description="Payload values that a run takes where it gives none.")
    tasks: list[TaskDefinition] = Field(default=[])
    hash: str = Field(description="Hash of its plan.")
    graph: str | None = Field(default=None, description="Its picture, in the format that was asked for.")


class CanvasChange(Resource):
    """What Celery makes of a part of a canvas by itself."""

    text: str
    line: int = Field(description="Where the part stands, from 1; 0: the canvas as a whole.")
    column: int


class CanvasHazard(Resource):
    """What is to be known about a canvas before one relies on it."""

    code: str = Field(description="Which finding it is, as one word.")
    title: str
    text: str
    source: str = Field(description="Who says so: Celery's source or guide, or a measurement.")
    line: int = Field(default=0, description="Where the part stands, from 1; 0: the canvas as a whole.")
    column: int = 0


class CanvasMessage(Resource):
    """Messages that Celery sends when a canvas is started, those that are alike as one."""

    task: str
    count: int = Field(default=1, description="How many of them.")
    bytes: int = Field(description="Bytes of the largest, as Redis would hold it, about.")
    chain: list[str] = Field(default=[], description="The later steps that it carries; at most 20 are named.")
    chord: str | None = Field(default=None, description="The chord's body that it carries.")
    carried: int = Field(default=0, description="Signatures in all that it carries.")


class CanvasExplanation(Resource):
    """A Celery canvas, explained."""

    sent: str = Field(description="The form that Celery sends, after what it changes by itself, as Python.")
    changes: list[CanvasChange] = Field(default=[], description="What Celery changes by itself.")
    messages: list[CanvasMessage] = Field(
        default=[], description="What the installed Celery publishes first: before any task has run."
    )
    unsent: str = Field(default="", description="Why there are no messages, if Celery was not asked or refused.")
    hazards: list[CanvasHazard] = Field(default=[], description="What is to be known about it.")
    yaml: str | None = Field(default=None, description="The definition whose plan is the same.")
    no_yaml: str = Field(default="", description="Why there is none.")


class DefinitionCheck(Resource):
    """What is right and what is wrong with a text of definitions."""

    ok: bool = Field(description="True if nothing keeps a definition from being used; there may be warnings.")
    errors: int
    warnings: int
    problems: list[DefinitionProblem] = Field(default=[], description="All of them, by line.")
    definitions: list[CheckedDefinition] = Field(default=[], description="The definitions that can be used.")
    canvas: CanvasExplanation | None = Field(default=None, description="If the text is a canvas that can be run.")


class Picture(Resource):
    """A picture of a definition or of a run."""

    format: Literal["ascii", "mermaid", "svg", "canvas"]
    text: str


class EditorSchema(Resource):
    """The JSON Schema of definition files, for editors."""

    model_config = ConfigDict(extra="allow")
